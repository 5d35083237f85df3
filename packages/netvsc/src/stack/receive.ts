import { tagOf, withoutTag, type Frame } from '@vmbus/switch'
import { RxChecksum } from '../protocol/ppi.ts'
import type { Context, Polled, Vlan } from './context.ts'
import { isOn } from './features.ts'
import { joinedFrames } from './join.ts'
import type { Station } from './station.ts'

/** What a frame that arrives looks at. */
export type Receiving = Pick<Context, 'nic' | 'state' | 'station' | 'system'> & {
  readonly vlans: ReadonlyMap<number, Pick<Vlan, 'isUp' | 'name' | 'station'>>
}

const VERIFIED = RxChecksum.tcpSucceeded | RxChecksum.udpSucceeded

/** Takes the frames of one poll. */
export function deliver(ctx: Context): void {
  const { system, state, nic, polled } = ctx
  const lengths = system.joinsUpTo
  if (lengths !== undefined && state.joins && polled.length > 1) {
    const limit = nic.rss === null ? lengths.oneChannel : lengths.several
    // if_hn.c, hn_mtu_change_fixup: two packets at least.
    const most = Math.max(limit, 2 * nic.mtu)
    polled.push(...joinedFrames(polled.splice(0), { most, mtu: nic.mtu }))
  }
  for (let frame = ctx.polled.shift(); frame !== undefined; frame = ctx.polled.shift()) receive(ctx, frame)
}

/**
 * A tagged frame is that of the VLAN that is there for its id; without one, only a priority tag (id 0) leaves it to the
 * interface (Linux net/core/dev.c, __netif_receive_skb_core: for any other id it is somebody else's packet).
 */
export function receive(ctx: Receiving, frame: Polled): void {
  const { system, state, vlans, station } = ctx
  const seen: Frame = system.tagsBeside ? frame : { bytes: frame.bytes }
  const tag = tagOf(seen)
  const vlan = tag === undefined ? undefined : vlans.get(tag.id)
  if (vlan !== undefined) {
    if (vlan.isUp) hand(ctx, vlan.name, vlan.station, withoutTag(seen).bytes, frame.checksum)
    return
  }
  if (seen.vlan !== undefined && seen.vlan.id !== 0) return
  hand(ctx, state.name, station, frame.bytes, frame.checksum)
}

function hand(ctx: Receiving, name: string, station: Station, bytes: Uint8Array, checksum: number): void {
  ctx.system.table.received(name, bytes)
  const trusts = (checksum & VERIFIED) !== 0 && isOn(ctx, 'rx-checksumming')
  station.receive(trusts ? { bytes, offload: { transportChecksum: true } } : { bytes })
}
