import { copyFrame, withTagInBytes, type Frame, type VlanTag } from '@vmbus/switch'
import type { Context } from './context.ts'
import { offloadsInUse } from './features.ts'
import type { SendRequest } from './interface.ts'
import { NO_OFFLOADS, prepare } from './prepare.ts'

/** A frame of the interface itself, or of a VLAN over it; `mtu` bounds each packet. */
export function transmit(
  ctx: Context,
  bytes: Uint8Array,
  mtu: number,
  vlan: VlanTag | undefined,
  request: SendRequest = {},
): boolean {
  const { nic, system, vf } = ctx
  if (!nic.up || !nic.linkUp) return false
  const { segment, checksum } = request
  const offload = segment !== undefined ? { segment } : checksum === true ? { transportChecksum: true } : undefined
  // A virtual function has offloads of its own.
  if (system.vf === 'transparent' && vf !== undefined && nic.dataPath === 'vf') return vf.send({ bytes, vlan, offload })
  const inBytes = vlan !== undefined && !system.tagsBeside
  if (offload === undefined && !inBytes) return push(ctx, { bytes, vlan })
  const frames = prepare({ bytes, vlan, offload }, inBytes ? NO_OFFLOADS : offloadsInUse(ctx), mtu)
  let isTaken = frames.length > 0
  for (const frame of frames)
    isTaken = push(ctx, inBytes ? withTagInBytes({ bytes: frame.bytes }, vlan) : frame) && isTaken
  return isTaken
}

function push({ nic, state, system }: Context, frame: Frame): boolean {
  if (state.waiting.length === 0 && nic.send(frame)) return true
  if (state.waiting.length >= system.mostWaiting) return false
  state.waiting.push(copyFrame(frame))
  return true
}

/** There is room in the ring again. */
export function drain({ nic, state }: Context): void {
  // The host may answer before `send` returns, and there may be room again: what is sent waits no more by then.
  for (let next = state.waiting.shift(); next !== undefined; next = state.waiting.shift()) {
    if (nic.send(next)) continue
    state.waiting.unshift(next)
    return
  }
}
