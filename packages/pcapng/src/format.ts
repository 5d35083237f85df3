/**
 * Numbers of the pcapng format, from "PCAP Now Generic (pcapng) Capture File Format", draft-ietf-opsawg-pcapng,
 * sections 3.5 (options), 4.1 (section header), 4.2 (interface description), 4.3 (enhanced packet) and 4.6
 * (interface statistics).
 */

/** Block types. The section header's is a palindrome, so it reads the same in either byte order. */
export const BLOCK = {
  sectionHeader: 0x0a0d0d0a,
  interfaceDescription: 1,
  simplePacket: 3,
  interfaceStatistics: 5,
  enhancedPacket: 6,
} as const

/** First word of a section header's body; its byte order is the section's. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d

/** What a classic pcap file begins with, of microseconds and of nanoseconds (draft-ietf-opsawg-pcap, 4). */
export const CLASSIC_MAGIC: readonly number[] = [0xa1b2c3d4, 0xa1b23c4d]

/** Block type, total length, and total length again after the body. */
export const BLOCK_OVERHEAD = 12

/** Options that every block may carry. */
export const OPTION = { end: 0, comment: 1 } as const
export const SECTION_OPTION = { hardware: 2, os: 3, application: 4 } as const
export const INTERFACE_OPTION = { name: 2, description: 3, mac: 6, speed: 8, resolution: 9, timeOffset: 14 } as const
export const PACKET_OPTION = { flags: 2, dropCount: 4, packetId: 5, queue: 6 } as const
export const STATISTICS_OPTION = {
  start: 2,
  end: 3,
  received: 4,
  dropped: 5,
  accepted: 6,
  osDropped: 7,
  delivered: 8,
} as const

/** LINKTYPE_ETHERNET of the tcpdump link-layer registry. */
export const LINKTYPE_ETHERNET = 1

/** Largest capture length that Wireshark reads (WTAP_MAX_PACKET_SIZE_STANDARD), and so the default snaplen. */
export const DEFAULT_SNAPLEN = 262_144

/** if_tsresol of 100 ns units (10^-7 s), the unit of the partition's reference time, and of nanoseconds. */
export const RESOLUTION_100NS = 7
export const RESOLUTION_NS = 9

/** epb_flags bits 0–1: the direction, as the interface sees it. */
export const DIRECTION = { unknown: 0, inbound: 1, outbound: 2 } as const
export type Direction = keyof typeof DIRECTION

/** epb_flags bits 2–4: how the interface took the packet. */
export const RECEPTION = { unspecified: 0, unicast: 1, multicast: 2, broadcast: 3, promiscuous: 4 } as const
export type Reception = keyof typeof RECEPTION

/** Bodies and options are padded to 32 bits. */
export const padded = (length: number): number => (length + 3) & ~3
