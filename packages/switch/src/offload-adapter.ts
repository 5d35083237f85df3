import { ETHERNET_HEADER, type Frame, type VlanTag } from './frame.ts'
import { fillChecksums, segmentTcp } from './offload.ts'
import { BESIDE, type PortRecord } from './port.ts'
import { mayLeaveBare, withTagInBytes, withoutTag } from './vlan.ts'

/** No sender makes more segments of one send: 64 KiB in pieces of the least MSS that Linux uses (48). */
const MOST_SEGMENTS = 2048

/** The frames that a receiver gets in place of one, or the reason for none. */
type Adapted = readonly Frame[] | 'offload' | 'oversize' | 'vlan'

/**
 * Adapts one frame to what its receivers can take: the tag beside or inside the bytes or gone, checksums filled in, large
 * segments cut. Receivers with equal needs share the result.
 */
export interface OffloadAdapter {
  /** Begins with another frame, which is a member of `vlan` and carries `tag`, and behind it the EtherType `inner`. */
  begin(frame: Frame, vlan: number, tag: VlanTag | undefined, inner: number): void
  adapt(port: PortRecord): Adapted
}

export function createOffloadAdapter(): OffloadAdapter {
  let source: Frame = { bytes: new Uint8Array(0) }
  let vlan = 0
  let tag: VlanTag | undefined
  let inner = 0
  let bare: Frame | undefined
  let asItIs: readonly Frame[] = []
  const made = new Map<number, Adapted>()

  const tagged = (beside: boolean): Frame => {
    const outer: VlanTag = tag?.id === vlan ? tag : { id: vlan, priority: tag?.priority ?? 0, dei: tag?.dei ?? false }
    if (source.vlan === undefined && !beside && tag?.id === vlan) return source
    if (source.vlan !== undefined && beside && tag?.id === vlan) return source
    bare ??= withoutTag(source)
    return beside ? { ...bare, vlan: outer } : withTagInBytes(bare, outer)
  }
  const make = (accepts: number, wantsTag: boolean, mtu: number): Adapted => {
    const frame = wantsTag
      ? tagged((accepts & BESIDE.tag) !== 0)
      : (bare ??= tag === undefined ? source : withoutTag(source))
    const { offload } = frame
    if (offload === undefined) return fits(frame, wantsTag, mtu) ? [frame] : 'oversize'
    if (offload.segment !== undefined) {
      if (accepts & BESIDE.segment) return [frame]
      const pieces = segmentTcp(frame.bytes, offload.segment, mtu, MOST_SEGMENTS)
      return pieces === undefined ? 'offload' : pieces.map((bytes) => ({ bytes, vlan: frame.vlan }))
    }
    if (!fits(frame, wantsTag, mtu)) return 'oversize'
    if (accepts & BESIDE.checksum || !(offload.ipv4Checksum || offload.transportChecksum)) return [frame]
    const bytes = fillChecksums(frame.bytes, offload)
    return bytes === undefined ? 'offload' : [{ bytes, vlan: frame.vlan }]
  }

  return {
    begin(frame, memberOf, outer, type) {
      source = frame
      vlan = memberOf
      tag = outer
      inner = type
      bare = undefined
      asItIs = [frame]
      if (made.size > 0) made.clear()
    },
    adapt(port) {
      const wantsTag = vlan !== 0 && port.rule.untagged !== vlan
      if (!wantsTag && !mayLeaveBare(port.rule, inner)) return 'vlan'
      if (source.offload === undefined && tag === undefined && !wantsTag)
        return fits(source, false, port.mtu) ? asItIs : 'oversize'
      const key = (port.mtu * 2 + (wantsTag ? 1 : 0)) * 8 + port.accepts
      let adapted = made.get(key)
      if (adapted === undefined) made.set(key, (adapted = make(port.accepts, wantsTag, port.mtu)))
      return adapted
    },
  }
}

const fits = (frame: Frame, wantsTag: boolean, mtu: number): boolean =>
  frame.bytes.length - ETHERNET_HEADER - (wantsTag && frame.vlan === undefined ? 4 : 0) <= mtu

/** The frame as bytes on a wire, for captures: tag and checksums in place; a large segment stays one. */
export function wireBytes(frame: Frame): Uint8Array {
  const { vlan, offload } = frame
  const whole: Frame = vlan === undefined ? frame : withTagInBytes(frame, vlan)
  return (offload && fillChecksums(whole.bytes, offload)) ?? whole.bytes
}
