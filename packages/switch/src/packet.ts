import { ETHERNET_HEADER, ETHERTYPE, VLAN_TAG, readU16 } from './frame.ts'

export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const

/** Where the headers of an IP packet stand in a frame. Offsets are bytes from the frame's start. */
export interface Located {
  readonly version: 4 | 6
  readonly network: number
  readonly transport: number
  /** Source and destination address, side by side. */
  readonly addresses: number
  readonly addressesEnd: number
  readonly protocol: number
  /** End of the packet: the frame may be longer (padding). */
  readonly end: number
}

/** IPv6 extension headers that a transport header may follow: hop-by-hop, routing, destination (RFC 8200, 4.1). */
const SKIPPED = new Set([0, 43, 60])
/** 802.1Q, and 802.1ad for the outer of two. */
const TAGS = new Set<number>([ETHERTYPE.vlan, ETHERTYPE.serviceVlan])
const MOST_TAGS = 2

/**
 * Finds the transport header of an unfragmented IPv4 or IPv6 packet, or undefined. A length of zero in the IP header
 * stands for "to the end of the frame": senders of large segments leave it so.
 */
export function locate(bytes: Uint8Array): Located | undefined {
  let network = ETHERNET_HEADER
  let type = readU16(bytes, 12)
  for (let tags = 0; TAGS.has(type) && tags < MOST_TAGS; tags++) {
    type = readU16(bytes, network + 2)
    network += VLAN_TAG
  }
  if (type === ETHERTYPE.ipv4) return locateV4(bytes, network)
  if (type === ETHERTYPE.ipv6) return locateV6(bytes, network)
  return undefined
}

function locateV4(bytes: Uint8Array, network: number): Located | undefined {
  if (bytes.length < network + 20) return undefined
  const first = bytes[network] ?? 0
  const header = (first & 15) * 4
  if (first >> 4 !== 4 || header < 20) return undefined
  if ((readU16(bytes, network + 6) & 0x3fff) !== 0) return undefined // fragment offset or more-fragments
  const length = readU16(bytes, network + 2)
  const end = length === 0 ? bytes.length : network + length
  if (end > bytes.length || network + header > end) return undefined
  return {
    version: 4,
    network,
    transport: network + header,
    addresses: network + 12,
    addressesEnd: network + 20,
    protocol: bytes[network + 9] ?? 0,
    end,
  }
}

function locateV6(bytes: Uint8Array, network: number): Located | undefined {
  if (bytes.length < network + 40 || (bytes[network] ?? 0) >> 4 !== 6) return undefined
  const length = readU16(bytes, network + 4)
  const end = length === 0 ? bytes.length : network + 40 + length
  if (end > bytes.length) return undefined
  let protocol = bytes[network + 6] ?? 0
  let transport = network + 40
  while (SKIPPED.has(protocol)) {
    if (transport + 8 > end) return undefined
    protocol = bytes[transport] ?? 0
    transport += ((bytes[transport + 1] ?? 0) + 1) * 8
    if (transport > end) return undefined
  }
  return { version: 6, network, transport, addresses: network + 8, addressesEnd: network + 40, protocol, end }
}
