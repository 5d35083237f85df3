import {
  COUNT_LIMIT,
  START_LIMIT,
  DmType,
  balloonRequest,
  hotAddRequest,
  packRun,
  packRuns,
  unballoonRequest,
  type PageRun,
} from '../protocol.ts'
import { post, type HostContext } from './context.ts'
import { head } from './guest-messages.ts'
import { regionFor } from './region.ts'
import { MAX_REQUEST_PAGES, RANGES_PER_MESSAGE, type BalloonRefusal, type Operation, type Phase } from './state.ts'

const NOT_READY: readonly Phase[] = ['closed', 'version', 'capabilities', 'settling']

function refusal({ state: { phase } }: HostContext, supported: boolean): BalloonRefusal | undefined {
  if (NOT_READY.includes(phase)) return 'not-ready'
  if (phase !== 'idle') return 'busy'
  return supported ? undefined : 'not-supported'
}

function begin({ state, deps, timeoutTicks }: HostContext, operation: Operation, asked: number): void {
  state.phase = operation
  state.asked = asked
  state.done = 0
  state.deadline = deps.clock.now() + timeoutTicks
  deps.timers.set('operation', state.deadline)
}

export function balloon(ctx: HostContext, pages: number): 'begun' | BalloonRefusal {
  const { state } = ctx
  const refused = refusal(ctx, state.caps.balloon)
  if (refused !== undefined) return refused
  const asked = Math.min(Math.trunc(pages), MAX_REQUEST_PAGES)
  if (!(asked > 0)) return 'nothing-to-do'
  begin(ctx, 'balloon', asked)
  post(
    ctx,
    balloonRequest.toBytes({
      ...head(DmType.balloonRequest, balloonRequest.size, state.transaction),
      pages: asked,
    }),
  )
  return 'begun'
}

export function unballoon(ctx: HostContext, pages: number): 'begun' | BalloonRefusal {
  const { state } = ctx
  const refused = refusal(ctx, state.caps.balloon)
  if (refused !== undefined) return refused
  const runs = ctx.ballooned.take(Math.trunc(pages), COUNT_LIMIT)
  if (runs.length === 0) return 'nothing-to-do'
  const total = runs.reduce((sum, run) => sum + run.count, 0)
  const { transaction } = state
  begin(ctx, 'unballoon', total)
  // The pages are the guest's from the moment it is told.
  state.done = total
  for (const run of runs) ctx.options.returned?.(run)
  for (let at = 0; at < runs.length; at += RANGES_PER_MESSAGE) {
    const part = runs.slice(at, at + RANGES_PER_MESSAGE)
    const ranges = packRuns(part)
    const more = at + RANGES_PER_MESSAGE < runs.length ? 1 : 0
    post(
      ctx,
      unballoonRequest.toBytes({
        ...head(DmType.unballoonRequest, unballoonRequest.size + ranges.length, transaction),
        flags: { more },
        rangeCount: part.length,
        ranges,
      }),
    )
  }
  return 'begun'
}

export function hotAdd(ctx: HostContext, run: PageRun): 'begun' | BalloonRefusal {
  const { state } = ctx
  const refused = refusal(ctx, state.caps.hotAdd && !state.hotAddEnded)
  if (refused !== undefined) return refused
  if (!Number.isSafeInteger(run.start)) return 'misaligned'
  if (!Number.isSafeInteger(run.count) || run.count <= 0) return 'nothing-to-do'
  const region = regionFor(run, state)
  if (region === undefined) return 'misaligned'
  if (region.count > COUNT_LIMIT || region.start + region.count > START_LIMIT) return 'nothing-to-do'
  state.adding = { start: run.start, region }
  begin(ctx, 'hot-add', run.count)
  post(
    ctx,
    hotAddRequest.toBytes({
      ...head(DmType.hotAddRequest, hotAddRequest.size, state.transaction),
      range: packRun(run),
      region: packRun(region),
    }),
  )
  return 'begun'
}
