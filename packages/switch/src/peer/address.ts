import { SwitchError } from '../errors.ts'
import { writeMac } from '../mac.ts'

/** An address as its 4 or 16 bytes. */
export type IpBytes = Uint8Array

export interface Network {
  readonly address: IpBytes
  /** Leading bits that are the network's. */
  readonly prefix: number
}

const refuse = (value: string): SwitchError =>
  new SwitchError('VMBUS_PEER_OPTION', 'address', value, 'an IPv4 or IPv6 address')

/** @throws SwitchError `VMBUS_PEER_OPTION` */
export function parseIp(text: string): IpBytes {
  return text.includes(':') ? parseV6(text) : parseV4(text)
}

function parseV4(text: string): IpBytes {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) throw refuse(text)
  return Uint8Array.from(parts, Number)
}

function parseV6(text: string): IpBytes {
  const halves = text.split('::')
  const groups = (half: string): number[] =>
    half === ''
      ? []
      : half.split(':').map((group) => {
          if (!/^[0-9a-f]{1,4}$/i.test(group)) throw refuse(text)
          return Number.parseInt(group, 16)
        })
  const head = groups(halves[0] ?? '')
  const tail = groups(halves[1] ?? '')
  const gap = 8 - head.length - tail.length
  if (halves.length > 2 || (halves.length === 2 ? gap < 1 : gap !== 0)) throw refuse(text)
  const all = [...head, ...Array.from({ length: gap }, () => 0), ...tail]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 255]))
}

/** `10.0.0.1`, or IPv6 in the canonical form of RFC 5952. */
export function formatIp(address: IpBytes): string {
  if (address.length === 4) return address.join('.')
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((address[2 * i] ?? 0) << 8) | (address[2 * i + 1] ?? 0)).toString(16),
  )
  let best = { start: 0, length: 1 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (groups[start + length] === '0') length++
    if (length > best.length) best = { start, length }
  }
  if (best.length < 2) return groups.join(':')
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`
}

/** `10.0.0.1/24` or `fd00::1/64`. @throws SwitchError `VMBUS_PEER_OPTION` */
export function parseNetwork(text: string): Network {
  const [address = '', length = ''] = text.split('/')
  const bytes = parseIp(address)
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : -1
  if (prefix < 0 || prefix > bytes.length * 8)
    throw new SwitchError('VMBUS_PEER_OPTION', 'network', text, 'address/prefix length')
  return { address: bytes, prefix }
}

export function sameIp(a: IpBytes, b: IpBytes): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function isInNetwork({ address, prefix }: Network, other: IpBytes): boolean {
  if (address.length !== other.length) return false
  for (let bit = 0, i = 0; bit < prefix; bit += 8, i++) {
    const mask = prefix - bit >= 8 ? 0xff : (0xff << (8 - (prefix - bit))) & 0xff
    if (((address[i] ?? 0) & mask) !== ((other[i] ?? 0) & mask)) return false
  }
  return true
}

/** Whether an IPv4 address is the limited broadcast or this network's own. */
export function isBroadcast(network: Network | undefined, address: IpBytes): boolean {
  if (address.length !== 4) return false
  if (address.every((byte) => byte === 255)) return true
  if (network === undefined || network.prefix > 30 || !isInNetwork(network, address)) return false
  for (let bit = network.prefix; bit < 32; bit++) if (!((address[bit >> 3] ?? 0) & (0x80 >> (bit & 7)))) return false
  return true
}

export const isMulticast = (address: IpBytes): boolean =>
  address.length === 4 ? ((address[0] ?? 0) & 0xf0) === 0xe0 : address[0] === 0xff

export const isUnspecified = (address: IpBytes): boolean => address.every((byte) => byte === 0)

/** 127/8 and ::1, which no wire carries (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3). */
export const isLoopback = (address: IpBytes): boolean =>
  address.length === 4 ? address[0] === 127 : address[15] === 1 && isUnspecified(address.subarray(0, 15))

/** Groups of scope 0, which is reserved, and 1, which ends in its own host (RFC 4291, 2.7). */
export const staysInside = (group: IpBytes): boolean => group.length === 16 && ((group[1] ?? 0) & 15) < 2

/** A map key: a number for IPv4, text for IPv6. */
export const keyOf = (address: IpBytes): number | string =>
  address.length === 4
    ? (((address[0] ?? 0) << 24) | ((address[1] ?? 0) << 16) | ((address[2] ?? 0) << 8) | (address[3] ?? 0)) >>> 0
    : address.join()

/** The link-local address that a MAC gives (RFC 4291, appendix A: modified EUI-64). */
export function linkLocalOf(mac: number): IpBytes {
  const address = new Uint8Array(16)
  address.set([0xfe, 0x80])
  writeMac(address, 10, mac)
  address.set(address.subarray(10, 13), 8)
  address.set([0xff, 0xfe], 11)
  address[8] = (address[8] ?? 0) ^ 2
  return address
}

/** The solicited-node group of an address (RFC 4291, 2.7.1). */
export function solicitedNode(address: IpBytes): IpBytes {
  const group = new Uint8Array(16)
  group.set([0xff, 0x02])
  group.set([1, 0xff], 11)
  group.set(address.subarray(13), 13)
  return group
}

export const isSolicitedNode = (address: IpBytes): boolean => sameIp(address, solicitedNode(address))

/** The MAC of a multicast group (RFC 1112, 6.4; RFC 2464, 7). */
export function multicastMac(address: IpBytes): number {
  const [a = 0, b = 0, c = 0, d = 0] = address.subarray(-4)
  return address.length === 4
    ? 0x0100_5e00_0000 + (((b & 0x7f) << 16) | (c << 8) | d)
    : 0x3333_0000_0000 + (((a << 24) | (b << 16) | (c << 8) | d) >>> 0)
}
