import { MessageId, encode, layouts } from '../messages/index.ts'
import type { PageRange } from '../types.ts'
import { STATUS_UNSUCCESSFUL } from '../versions.ts'
import { channelOf, reject, type HostContext } from './context.ts'
import { send } from './outbox.ts'
import { revocableGrant } from './revocable-grant.ts'
import { gpadlKey, isOpenReserved, isRevoked, type GpadlState } from './state.ts'

const DEFAULT_MAX_BYTES = 1280 * 1024 * 1024

function created(ctx: HostContext, relid: number, gpadl: number, status: number): void {
  send(ctx, encode(layouts.gpadlCreated, MessageId.gpadlCreated, { relid, gpadl, status }))
}

export function onGpadlHeader(ctx: HostContext, payload: Uint8Array): void {
  const { relid, gpadl: id, rangeBytes, rangeCount, ranges } = layouts.gpadlHeader.parse(payload)
  const { state, options } = ctx
  const channel = channelOf(ctx, relid)
  const fail = (branch: Parameters<typeof reject>[1]): void => {
    reject(ctx, branch, { relid, gpadl: id })
    created(ctx, relid, id, STATUS_UNSUCCESSFUL)
  }
  if (channel === undefined) return fail('gpadl-channel')
  // A guest that has not seen the rescind yet must not see a failure: it would free the pages twice.
  if (isRevoked(channel)) return created(ctx, relid, id, 0)
  // A body names no channel: one that outlives connections takes no part in what the next guest numbers (OpenVMM).
  if (isOpenReserved(channel)) return fail('reserved-open')
  if (state.gpadls.has(gpadlKey(relid, id)) || state.partials.has(id)) return fail('gpadl-duplicate')
  const pages = rangeBytes / 8 - rangeCount
  if (rangeCount === 0 || rangeBytes % 8 !== 0 || pages < 1) return fail('gpadl-empty')
  if ((state.gpadlPages + pages) * 4096 > (options.maxGpadlBytes ?? DEFAULT_MAX_BYTES)) return fail('gpadl-limit')
  const gpadl: GpadlState = {
    relid,
    id,
    phase: 'partial',
    rangeBytes,
    rangeCount,
    received: [],
    receivedBytes: 0,
    ranges: [],
  }
  state.gpadls.set(gpadlKey(relid, id), gpadl)
  state.partials.set(id, gpadl)
  state.gpadlPages += pages
  receive(ctx, gpadl, ranges)
}

export function onGpadlBody(ctx: HostContext, payload: Uint8Array): void {
  const { gpadl: id, ranges } = layouts.gpadlBody.parse(payload)
  const gpadl = ctx.state.partials.get(id)
  if (gpadl === undefined) return reject(ctx, 'gpadl-body', { gpadl: id })
  receive(ctx, gpadl, ranges)
}

/** Takes what belongs to the list; padding that follows it is no part of it (UEFI posts full-size messages). */
function receive(ctx: HostContext, gpadl: GpadlState, bytes: Uint8Array): void {
  const part = bytes.subarray(0, Math.min(bytes.length & ~7, gpadl.rangeBytes - gpadl.receivedBytes))
  if (part.length > 0) gpadl.received.push(part.slice())
  gpadl.receivedBytes += part.length
  if (gpadl.receivedBytes < gpadl.rangeBytes) return
  const ranges = parseRanges(gpadl, ctx.options.partition.memory.size)
  if (typeof ranges === 'string') {
    forget(ctx, gpadl)
    reject(ctx, ranges, { relid: gpadl.relid, gpadl: gpadl.id })
    return created(ctx, gpadl.relid, gpadl.id, STATUS_UNSUCCESSFUL)
  }
  gpadl.ranges = ranges
  gpadl.received = []
  gpadl.phase = 'created'
  ctx.state.partials.delete(gpadl.id)
  grant(ctx, gpadl)
  created(ctx, gpadl.relid, gpadl.id, 0)
}

/** Makes the complete GPADL accessible. */
export function grant(ctx: HostContext, gpadl: GpadlState): void {
  ctx.grants.set(gpadlKey(gpadl.relid, gpadl.id), revocableGrant(ctx.options.partition.memory, gpadl.id, gpadl.ranges))
}

function parseRanges(gpadl: GpadlState, ramBytes: number): PageRange[] | 'gpadl-ranges' | 'gpadl-pages' {
  const list = new Uint8Array(gpadl.rangeBytes)
  let filled = 0
  for (const part of gpadl.received) {
    list.set(part, filled)
    filled += part.length
  }
  const view = new DataView(list.buffer)
  const ranges: PageRange[] = []
  let at = 0
  for (let index = 0; index < gpadl.rangeCount; index++) {
    if (at + 8 > list.length) return 'gpadl-ranges'
    const byteCount = view.getUint32(at, true)
    const byteOffset = view.getUint32(at + 4, true)
    at += 8
    const pages = Math.ceil((byteOffset + byteCount) / 4096)
    if (byteCount === 0 || byteOffset >= 4096 || at + pages * 8 > list.length) return 'gpadl-ranges'
    const pfns: number[] = []
    for (let page = 0; page < pages; page++, at += 8) {
      const pfn = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000
      if (pfn >= ramBytes / 4096) return 'gpadl-pages'
      pfns.push(pfn)
    }
    ranges.push({ byteOffset, byteCount, pfns })
  }
  return at === list.length ? ranges : 'gpadl-ranges'
}

export function onGpadlTeardown(ctx: HostContext, payload: Uint8Array): void {
  const { relid, gpadl: id } = layouts.gpadlTeardown.parse(payload)
  const channel = channelOf(ctx, relid)
  const gpadl = ctx.state.gpadls.get(gpadlKey(relid, id))
  // What was granted on a channel that was dying already is not known here.
  if (channel !== undefined && isRevoked(channel) && (gpadl === undefined || gpadl.phase === 'partial')) {
    if (gpadl !== undefined) forget(ctx, gpadl)
    return torndown(ctx, id)
  }
  if (channel === undefined || gpadl === undefined || gpadl.phase !== 'created')
    return reject(ctx, 'teardown-unknown', { relid, gpadl: id })
  if (isOpenReserved(channel)) return reject(ctx, 'reserved-open', { relid, gpadl: id })
  if (channel.request !== null && channel.request.ringGpadl === id) {
    // The rings are in use: the pages are the guest's again once the channel is closed.
    gpadl.phase = 'closing'
    return
  }
  forget(ctx, gpadl)
  const end = ctx.ends.get(channel.key)
  if (end !== undefined) ctx.devices.get(channel.device)?.device.gpadlGone?.(end.ring, id)
  torndown(ctx, id)
}

/** The channel closed: a teardown of its rings that waited for that is answered. */
export function finishTeardown(ctx: HostContext, relid: number, id: number): void {
  const gpadl = ctx.state.gpadls.get(gpadlKey(relid, id))
  if (gpadl === undefined || gpadl.phase !== 'closing') return
  forget(ctx, gpadl)
  torndown(ctx, id)
}

function torndown(ctx: HostContext, gpadl: number): void {
  send(ctx, encode(layouts.gpadlTorndown, MessageId.gpadlTorndown, { gpadl }))
}

function forget(ctx: HostContext, gpadl: GpadlState): void {
  ctx.state.gpadls.delete(gpadlKey(gpadl.relid, gpadl.id))
  ctx.grants.get(gpadlKey(gpadl.relid, gpadl.id))?.revoke()
  ctx.grants.delete(gpadlKey(gpadl.relid, gpadl.id))
  if (gpadl.phase === 'partial') ctx.state.partials.delete(gpadl.id)
  ctx.state.gpadlPages -= gpadl.rangeBytes / 8 - gpadl.rangeCount
}

/** Forgets every GPADL of the channel. */
export function forgetGpadls(ctx: HostContext, relid: number): void {
  for (const gpadl of ctx.state.gpadls.values()) if (gpadl.relid === relid) forget(ctx, gpadl)
}
