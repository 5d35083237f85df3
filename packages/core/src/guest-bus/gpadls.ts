import { CoreError } from '../errors.ts'
import { MessageId, encode, layouts } from '../messages/index.ts'
import type { PageRange } from '../types.ts'
import { channelByRelid, driverOf, reject, type GuestContext } from './context.ts'
import { post } from './post.ts'
import { ringsGranted, ringsReturned } from './rings.ts'
import type { GuestChannelState, GuestGpadlState } from './state.ts'

/** Range bytes in a header (216 of its 220 hold whole words) and in a body. */
const HEADER_ROOM = 216
const BODY_ROOM = 224
/** `range_buflen` is a u16 and counts in eights. */
const MAX_RANGE_BYTES = 65_528

/** Grants the ranges on a channel: header, then bodies. Returns the id; `created` or the driver's callback follows. */
export function createGpadl(
  ctx: GuestContext,
  channel: GuestChannelState,
  ranges: readonly PageRange[],
  purpose: GuestGpadlState['purpose'],
): number {
  const list = encodeRanges(ranges)
  const { state } = ctx
  const id = freeId(ctx)
  state.gpadls.set(id, {
    id,
    channel: channel.key,
    ranges: ranges.map((range) => ({ ...range, pfns: [...range.pfns] })),
    purpose,
    phase: 'creating',
  })
  const { relid } = channel.offer
  const header = {
    relid,
    gpadl: id,
    rangeBytes: list.length,
    rangeCount: ranges.length,
    ranges: list.subarray(0, HEADER_ROOM),
  }
  post(ctx, encode(layouts.gpadlHeader, MessageId.gpadlHeader, header))
  for (let at = HEADER_ROOM; at < list.length; at += BODY_ROOM) {
    post(ctx, encode(layouts.gpadlBody, MessageId.gpadlBody, { gpadl: id, ranges: list.subarray(at, at + BODY_ROOM) }))
  }
  return id
}

function encodeRanges(ranges: readonly PageRange[]): Uint8Array {
  const length = ranges.reduce((sum, range) => sum + 8 + range.pfns.length * 8, 0)
  if (ranges.length === 0 || length > MAX_RANGE_BYTES)
    throw new CoreError('VMBUS_GPADL_INVALID', {
      field: 'ranges',
      value: length,
      allowed: `1 to ${MAX_RANGE_BYTES} bytes of ranges`,
    })
  const list = new Uint8Array(length)
  const view = new DataView(list.buffer)
  let at = 0
  for (const { byteOffset, byteCount, pfns } of ranges) {
    if (byteCount === 0 || byteOffset >= 4096 || pfns.length !== Math.ceil((byteOffset + byteCount) / 4096)) {
      throw new CoreError('VMBUS_GPADL_INVALID', {
        field: 'pfns',
        value: pfns.length,
        allowed: 'ceil((byteOffset + byteCount) / 4096), not 0',
      })
    }
    view.setUint32(at, byteCount, true)
    view.setUint32(at + 4, byteOffset, true)
    at += 8
    for (const pfn of pfns) {
      view.setUint32(at, pfn >>> 0, true)
      view.setUint32(at + 4, Math.floor(pfn / 0x1_0000_0000), true)
      at += 8
    }
  }
  return list
}

function freeId(ctx: GuestContext): number {
  const { state } = ctx
  while (state.nextGpadl === 0 || state.gpadls.has(state.nextGpadl)) state.nextGpadl = (state.nextGpadl + 1) >>> 0
  const id = state.nextGpadl
  state.nextGpadl = (id + 1) >>> 0
  return id
}

/** Takes a GPADL back; the pages are the guest's again with GPADL_TORNDOWN. */
export function teardownGpadl(ctx: GuestContext, channel: GuestChannelState, gpadl: GuestGpadlState): void {
  gpadl.phase = 'tearing'
  post(ctx, encode(layouts.gpadlTeardown, MessageId.gpadlTeardown, { relid: channel.offer.relid, gpadl: gpadl.id }))
}

export function onGpadlCreated(ctx: GuestContext, payload: Uint8Array): void {
  const { relid, gpadl: id, status } = layouts.gpadlCreated.parse(payload)
  const channel = channelByRelid(ctx, relid)
  const gpadl = ctx.state.gpadls.get(id)
  if (channel === undefined || gpadl === undefined || gpadl.channel !== channel.key || gpadl.phase !== 'creating')
    return reject(ctx, 'created-unknown', { relid, gpadl: id })
  created(ctx, channel, gpadl, status)
}

/** The request ended: by the host's answer, or because it could not be posted. */
export function created(ctx: GuestContext, channel: GuestChannelState, gpadl: GuestGpadlState, status: number): void {
  if (status === 0) gpadl.phase = 'created'
  else ctx.state.gpadls.delete(gpadl.id)
  if (gpadl.purpose === 'rings') ringsGranted(ctx, channel, status)
  else driverOf(ctx, channel)?.gpadlCreated?.(ctx.handleOf(channel), gpadl.id, status)
}

export function onGpadlTorndown(ctx: GuestContext, payload: Uint8Array): void {
  const { gpadl: id } = layouts.gpadlTorndown.parse(payload)
  const gpadl = ctx.state.gpadls.get(id)
  if (gpadl === undefined || gpadl.phase !== 'tearing') return reject(ctx, 'torndown-unknown', { gpadl: id })
  torndown(ctx, gpadl)
}

export function torndown(ctx: GuestContext, gpadl: GuestGpadlState): void {
  ctx.state.gpadls.delete(gpadl.id)
  const channel = ctx.state.channels.get(gpadl.channel)
  if (channel === undefined) return
  if (gpadl.purpose === 'rings') ringsReturned(ctx, channel)
  else driverOf(ctx, channel)?.gpadlTorndown?.(ctx.handleOf(channel), gpadl.id)
}
