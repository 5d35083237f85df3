/** An IEEE 802.1Q tag: `id` 0 … 4095 (0 is a priority tag), `priority` 0 … 7. */
export interface VlanTag {
  readonly id: number
  readonly priority: number
  readonly dei: boolean
}

/**
 * What the sender left for the network to do, carried beside the frame. Fields that are to be filled in may hold
 * anything. `segment` implies both checksums.
 */
export interface Offload {
  /** The IPv4 header checksum is to be filled in. */
  readonly ipv4Checksum?: boolean | undefined
  /** The TCP or UDP checksum is to be filled in. */
  readonly transportChecksum?: boolean | undefined
  /** A TCP segment that is to be cut into segments with this many payload bytes (large send offload). */
  readonly segment?: number | undefined
}

/**
 * An Ethernet frame from the destination address on, without FCS. The sender of a frame may reuse its
 * bytes after the call; the receiver must not write to them, and copies what it keeps.
 */
export interface Frame {
  readonly bytes: Uint8Array
  /** A tag that travels beside the frame. It is the outer one: a tag in the bytes stays where it is. */
  readonly vlan?: VlanTag | undefined
  readonly offload?: Offload | undefined
}

/** What a receiver can take beside the frame; what it cannot is put into the bytes before they reach it. */
export interface Accepts {
  /** VLAN tags beside the frame. */
  readonly vlan?: boolean | undefined
  /** Checksums that are not filled in. */
  readonly checksum?: boolean | undefined
  /** TCP segments larger than the MTU. */
  readonly segment?: boolean | undefined
}

/** Destination, source and EtherType. */
export const ETHERNET_HEADER = 14
export const VLAN_TAG = 4
export const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd, serviceVlan: 0x88a8 } as const

/** An owned copy of a frame. */
export function copyFrame(frame: Frame): Frame {
  return {
    bytes: frame.bytes.slice(),
    vlan: frame.vlan && { ...frame.vlan },
    offload: frame.offload && { ...frame.offload },
  }
}

export const readU16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

export const readU32 = (bytes: Uint8Array, at: number): number =>
  ((readU16(bytes, at) << 16) | readU16(bytes, at + 2)) >>> 0

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  writeU16(bytes, at, value >>> 16)
  writeU16(bytes, at + 2, value & 0xffff)
}
