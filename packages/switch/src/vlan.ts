import { ETHERNET_HEADER, ETHERTYPE, VLAN_TAG, readU16, writeU16, type Frame, type VlanTag } from './frame.ts'

/**
 * How a port takes part in VLANs. `access`: one VLAN, frames without tag; tagged frames are refused (a priority tag
 * is taken). `trunk`: the listed VLANs (or first–last pairs) with tags, and `native`, if given, without.
 * VLAN 0 is the network of those that know of no VLANs, and the default.
 */
export type VlanOptions =
  | { readonly access: number }
  | {
      readonly trunk: readonly (number | readonly [first: number, last: number])[]
      readonly native?: number | undefined
    }

/** Compiled: the VLAN of untagged frames (-1: none), and one byte per VLAN that may be tagged. */
export interface VlanRule {
  readonly untagged: number
  readonly tagged: Uint8Array | undefined
}

/** 4095 is reserved (IEEE 802.1Q-2018, table 9-2). */
export const LARGEST_VLAN = 4094
export const REFUSED = -1

export function compileVlan(options: VlanOptions = { access: 0 }): VlanRule {
  if ('access' in options) return { untagged: options.access, tagged: undefined }
  const tagged = new Uint8Array(LARGEST_VLAN + 1)
  for (const part of options.trunk) {
    const [first, last] = typeof part === 'number' ? [part, part] : part
    tagged.fill(1, first, last + 1)
  }
  return { untagged: options.native ?? REFUSED, tagged }
}

export const isMember = (rule: VlanRule, vlan: number): boolean => rule.untagged === vlan || rule.tagged?.[vlan] === 1

/** The outer tag of a frame, wherever it travels. */
export function tagOf(frame: Frame): VlanTag | undefined {
  return frame.vlan ?? tagInBytes(frame.bytes)
}

function tagInBytes(bytes: Uint8Array): VlanTag | undefined {
  if (bytes.length < ETHERNET_HEADER + VLAN_TAG || readU16(bytes, 12) !== ETHERTYPE.vlan) return undefined
  const control = readU16(bytes, 14)
  return { id: control & 0xfff, priority: control >> 13, dei: (control & 0x1000) !== 0 }
}

/** The EtherType of a frame behind its outer tag, wherever that travels. */
export const innerType = ({ bytes, vlan }: Frame): number =>
  readU16(bytes, vlan === undefined && readU16(bytes, 12) === ETHERTYPE.vlan ? 12 + VLAN_TAG : 12)

/**
 * The VLAN of a frame that enters at a port, or REFUSED. `inner` is the type behind the outer tag: a priority tag in front
 * of another tag is refused, for without it the frame would belong to a VLAN of its sender's choice.
 */
export function classify(rule: VlanRule, tag: VlanTag | undefined, inner: number): number {
  if (tag === undefined) return rule.untagged
  if (tag.id === 0) return inner === ETHERTYPE.vlan || inner === ETHERTYPE.serviceVlan ? REFUSED : rule.untagged
  return rule.tagged?.[tag.id] === 1 ? tag.id : REFUSED
}

/**
 * Whether a frame of a port's untagged VLAN may leave there without its outer tag: not if it then began with a tag of its
 * own, which whoever gets it would take for the switch's. A service tag means nothing to the owner of an access port.
 */
export const mayLeaveBare = (rule: VlanRule, inner: number): boolean =>
  inner !== ETHERTYPE.vlan && !(inner === ETHERTYPE.serviceVlan && rule.tagged !== undefined)

/** The frame without its outer tag. */
export function withoutTag(frame: Frame): Frame {
  if (frame.vlan !== undefined) return { bytes: frame.bytes, offload: frame.offload }
  if (tagInBytes(frame.bytes) === undefined) return frame
  const bytes = new Uint8Array(frame.bytes.length - VLAN_TAG)
  bytes.set(frame.bytes.subarray(0, 12))
  bytes.set(frame.bytes.subarray(12 + VLAN_TAG), 12)
  return { bytes, offload: frame.offload }
}

/** An untagged frame with `tag` put into its bytes. */
export function withTagInBytes(frame: Frame, tag: VlanTag): Frame {
  const bytes = new Uint8Array(frame.bytes.length + VLAN_TAG)
  bytes.set(frame.bytes.subarray(0, 12))
  writeU16(bytes, 12, ETHERTYPE.vlan)
  writeU16(bytes, 14, (tag.priority << 13) | (tag.dei ? 0x1000 : 0) | tag.id)
  bytes.set(frame.bytes.subarray(12), 12 + VLAN_TAG)
  return { bytes, offload: frame.offload }
}
