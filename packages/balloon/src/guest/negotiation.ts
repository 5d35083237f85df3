import { TICKS_PER_SECOND } from '@vmbus/world'
import {
  DmType,
  capabilities,
  capabilitiesResponse,
  statusReport,
  versionRequest,
  versionResponse,
} from '../protocol.ts'
import { balloonFloor } from '../floor.ts'
import type { BalloonGuestReject } from '../rejects.ts'
import { post } from '../outbox.ts'
import { drop, head, type GuestContext } from './context.ts'

/** The whole negotiation must end in so long: Linux drivers/hv/hv_balloon.c, 5·HZ for each of its two waits. */
const NEGOTIATION_SECONDS = 5

export function fail(ctx: GuestContext, branch: BalloonGuestReject, message: string): void {
  ctx.state.phase = 'failed'
  ctx.deps.timers.clear('negotiation')
  drop(ctx, branch, message)
  ctx.deps.event('failed', { message })
  ctx.handle?.close()
}

function wait({ state, deps }: GuestContext): void {
  state.deadline = deps.clock.now() + NEGOTIATION_SECONDS * TICKS_PER_SECOND
  deps.timers.set('negotiation', state.deadline)
}

/** The first message of a new channel. */
export function begin(ctx: GuestContext): void {
  wait(ctx)
  askVersion(ctx)
}

function askVersion(ctx: GuestContext): void {
  const version = ctx.versions[ctx.state.attempt]
  if (version === undefined) return fail(ctx, 'version-none', 'the host accepts no version')
  const isLastAttempt = ctx.state.attempt === ctx.versions.length - 1 ? 1 : 0
  post(
    ctx,
    versionRequest.toBytes({
      ...head(ctx, DmType.versionRequest, versionRequest.size),
      version,
      flags: { isLastAttempt },
    }),
  )
}

export function onVersion(ctx: GuestContext, bytes: Uint8Array): void {
  const { state, deps, memory } = ctx
  if (state.phase !== 'version') return drop(ctx, 'version-order', 'version response out of order')
  if (versionResponse.parse(bytes).flags.isAccepted === 0) {
    state.attempt++
    return askVersion(ctx)
  }
  state.phase = 'capabilities'
  deps.event('negotiated', { version: ctx.versions[state.attempt] })
  wait(ctx)
  const hotAdd = memory.add !== undefined || ctx.quirks.has('claims-hot-add') ? 1 : 0
  post(
    ctx,
    capabilities
      .toBytes({
        ...head(ctx, DmType.capabilitiesReport, capabilities.size),
        caps: { balloon: 1, hotAdd, hotAddAlignment: ctx.alignment },
        // All ones: no highest page (Linux balloon_connect_vsp).
        minPageCount: 0,
        maxPageNumber: 0,
      })
      .fill(0xff, capabilities.offsets.maxPageNumber),
  )
}

export function onCapabilities(ctx: GuestContext, bytes: Uint8Array): void {
  const { state, deps } = ctx
  if (state.phase !== 'capabilities') return drop(ctx, 'capabilities-order', 'capabilities response out of order')
  if (capabilitiesResponse.parse(bytes).flags.isAccepted === 0)
    return fail(ctx, 'capabilities-refused', 'the host refused the capabilities')
  state.phase = 'ready'
  state.deadline = null
  deps.timers.clear('negotiation')
  armTick(ctx)
}

function armTick({ state, deps }: GuestContext): void {
  state.nextTick = deps.clock.now() + TICKS_PER_SECOND
  deps.timers.set('tick', state.nextTick)
}

export function tick(ctx: GuestContext): void {
  ctx.state.ticks++
  if (ctx.state.ticks > ctx.reportDelay && ctx.deps.clock.now() >= ctx.reportsFrom) report(ctx)
  armTick(ctx)
}

function report(ctx: GuestContext): void {
  const { memory, ballooned } = ctx
  // None is added while the host does not read those before: the list would grow without bound.
  if (ctx.state.outbox.length > 0) return
  const committed = memory.committed() + ballooned.pages + balloonFloor(memory.total())
  post(
    ctx,
    statusReport.toBytes({
      ...head(ctx, DmType.statusReport, statusReport.size),
      available: memory.available(),
      committed,
    }),
  )
}
