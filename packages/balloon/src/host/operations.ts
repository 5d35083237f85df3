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
import { post } from '../outbox.ts'
import { underWay, type HostContext } from './context.ts'
import { head } from './guest-messages.ts'
import { regionFor } from './region.ts'
import { MAX_REQUEST_PAGES, RANGES_PER_MESSAGE, type BalloonRefusal, type Request } from './state.ts'

function refusal(ctx: HostContext, supported: boolean): BalloonRefusal | undefined {
  if (ctx.state.phase !== 'idle') return 'not-ready'
  if (underWay(ctx) !== undefined) return 'busy'
  return supported ? undefined : 'not-supported'
}

function begin(
  { requests, deps, timeoutTicks }: HostContext,
  request: Pick<Request, 'operation' | 'asked'> & Partial<Request>,
): void {
  const deadline = deps.clock.now() + timeoutTicks
  requests.begin({ done: 0, adding: null, ...request, deadline })
  deps.timers.set('operation', deadline)
}

export function balloon(ctx: HostContext, pages: number): 'begun' | BalloonRefusal {
  const { state } = ctx
  const refused = refusal(ctx, state.caps.balloon)
  if (refused !== undefined) return refused
  const asked = Math.min(Math.trunc(pages), MAX_REQUEST_PAGES)
  if (!(asked > 0)) return 'nothing-to-do'
  begin(ctx, { operation: 'balloon', asked })
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
  // The pages count as the guest's from the send on: it may use them before it replies.
  begin(ctx, { operation: 'unballoon', asked: total, done: total })
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
  begin(ctx, { operation: 'hot-add', asked: run.count, adding: { start: run.start, region } })
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
