import {
  CHUNK_PAGES,
  DmType,
  balloonRequest,
  balloonResponse,
  hotAddRequest,
  hotAddRequestShort,
  hotAddResponse,
  packRuns,
  unballoonRequest,
  unballoonResponse,
  unpackRun,
  unpackRuns,
  type PageRun,
} from '../protocol.ts'
import { balloonFloor } from '../floor.ts'
import { post } from '../outbox.ts'
import { drop, head, type GuestContext } from './context.ts'
import { giveUp } from './give-up.ts'
import { addedRegion, bringIn, covering } from './regions.ts'

const MIB_PAGES = 256

function respond(ctx: GuestContext, runs: readonly PageRun[], more: 0 | 1): void {
  const ranges = packRuns(runs)
  post(
    ctx,
    balloonResponse.toBytes({
      ...head(ctx, DmType.balloonResponse, balloonResponse.size + ranges.length),
      flags: { more, rangeCount: runs.length },
      ranges,
    }),
  )
}

/** Never below the floor. */
function wanted({ memory, quirks }: GuestContext, asked: number): number {
  const floor = balloonFloor(memory.total())
  const available = memory.available()
  if (available - asked >= floor) return asked
  const most = Math.max(0, Math.min(asked, available - floor))
  return quirks.has('whole-chunks-at-floor') ? most - (most % CHUNK_PAGES) : most
}

export function onBalloon(ctx: GuestContext, bytes: Uint8Array): void {
  const { memory, ballooned } = ctx
  giveUp(wanted(ctx, balloonRequest.parse(bytes).pages), ctx.quirks.has('answers-each-size'), {
    take(count) {
      const run = memory.take(count)
      if (run !== undefined) ballooned.add(run)
      return run
    },
    respond: (runs, more) => respond(ctx, runs, more),
  })
  ctx.deps.event('ballooned', { pages: ballooned.pages })
}

export function onUnballoon(ctx: GuestContext, bytes: Uint8Array): void {
  const { memory, ballooned } = ctx
  const { flags, rangeCount } = unballoonRequest.parse(bytes)
  const runs = unpackRuns(bytes, unballoonRequest.size, rangeCount)
  if (runs === undefined) return drop(ctx, 'unballoon-ranges', 'unballoon request shorter than its ranges')
  for (const run of runs) {
    // Only what was given up comes back: a range of pages in use would be freed under their owner.
    for (const part of ballooned.within(run)) {
      ballooned.remove(part)
      memory.release(part)
    }
  }
  if (flags.more === 0)
    post(ctx, unballoonResponse.toBytes(head(ctx, DmType.unballoonResponse, unballoonResponse.size)))
  ctx.deps.event('unballooned', { pages: ballooned.pages })
}

export function onHotAdd(ctx: GuestContext, bytes: Uint8Array): void {
  const { state, memory } = ctx
  const isLong = bytes.length >= hotAddRequest.size
  const run = unpackRun(isLong ? hotAddRequest.parse(bytes).range : hotAddRequestShort.parse(bytes).range)
  const named = isLong ? unpackRun(hotAddRequest.parse(bytes).region) : undefined
  const region = addedRegion(run, named, 2 ** ctx.alignment * MIB_PAGES, state.regions)
  if (region === undefined)
    drop(ctx, 'hot-add-region', 'hot add off the blocks that were declared, or of memory in use')
  const pages = region === undefined ? 0 : bringIn(run, region, memory)
  if (region !== undefined && pages > 0) state.regions = covering(state.regions, region, run.start, pages)
  // Without pages, result 1 would tell the host never to try again.
  post(
    ctx,
    hotAddResponse.toBytes({
      ...head(ctx, DmType.hotAddResponse, hotAddResponse.size),
      pages,
      result: pages > 0 || memory.add === undefined ? 1 : 0,
    }),
  )
  ctx.deps.event('hot-added', { pages })
}
