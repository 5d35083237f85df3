import type { VlanTag } from '@vmbus/switch'
import { GUEST_MAC, PEER_MAC } from '../world.ts'

// Frames that tell by their bytes which one they are: plain ones by a number, TCP segments by the sequence number of
// their first byte, 64 KiB of it for each send. Sums and hashes are worked out here, from RFC 1071 and MS-NDIS.

const PLAIN = 0x88b5
const IPV4 = 0x0800
const VLAN = 0x8100
const TCP_PAYLOAD = 54
export const BROADCAST = 'ff:ff:ff:ff:ff:ff'
export const GROUP = '01:00:5e:00:00:01'
export const STRANGER = '02:00:00:00:00:77'

const mac = (text: string): number[] => text.split(':').map((part) => Number.parseInt(part, 16))
const byteOf = (number: number, at: number): number => (number * 31 + at * 7 + (at >> 8)) & 0xff
const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

export function plainFrame(to: string, from: string, length: number, number: number): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, at) => byteOf(number, at))
  bytes.set([...mac(to), ...mac(from)])
  const view = new DataView(bytes.buffer)
  view.setUint16(12, PLAIN)
  view.setUint32(14, number)
  return bytes
}

const sum = (bytes: Uint8Array, from: number, to: number, before = 0): number => {
  let total = before
  for (let at = from; at < to; at += 2) total += at + 1 < to ? u16(bytes, at) : (bytes[at] ?? 0) << 8
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}
const tcpSum = (bytes: Uint8Array): number => sum(bytes, 34, bytes.length, sum(bytes, 26, 34, 6 + bytes.length - 34))

/** `raw`: as a stack hands it over that leaves lengths and sums to the adapter. */
export function tcpFrame(
  to: string,
  from: string,
  payload: number,
  flow: number,
  number: number,
  raw: boolean,
): Uint8Array {
  const bytes = new Uint8Array(TCP_PAYLOAD + payload)
  const view = new DataView(bytes.buffer)
  bytes.set([...mac(to), ...mac(from)])
  view.setUint16(12, IPV4)
  bytes[14] = 0x45
  view.setUint16(16, 40 + payload)
  bytes.set([64, 6], 22)
  bytes.set(from === GUEST_MAC ? [10, 0, 0, 2, 10, 0, 0, 1] : [10, 0, 0, 1, 10, 0, 0, 2], 26)
  view.setUint16(34, 5000 + flow)
  view.setUint16(36, 5002)
  view.setUint32(38, (number << 16) >>> 0)
  bytes.set([0x50, 0x18], 46)
  for (let at = 0; at < payload; at++) bytes[TCP_PAYLOAD + at] = byteOf(number, at)
  if (!raw) {
    view.setUint16(24, ~sum(bytes, 14, 34) & 0xffff)
    view.setUint16(50, ~tcpSum(bytes) & 0xffff)
  }
  return bytes
}

/** The Toeplitz hash of bits by a key, both most significant bit first. */
export function toeplitzOf(key: Uint8Array, input: Uint8Array): number {
  const bits = BigInt(`0x${Buffer.from(key).toString('hex')}`)
  const width = BigInt(key.length * 8)
  let hash = 0n
  for (let bit = 0; bit < input.length * 8; bit++) {
    if (((input[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) hash ^= (bits >> (width - 32n - BigInt(bit))) & 0xffff_ffffn
  }
  return Number(hash)
}

interface Sent {
  readonly number: number
  readonly vlan: VlanTag | undefined
  readonly queue: number
  /** Of a TCP segment: bytes of payload, and of those the ones that have come. */
  readonly payload: number
  readonly bytes: Uint8Array | undefined
  /** Whether the packet filter lets it in. */
  readonly wanted: boolean
  came: number
}

/** A frame that came, in terms of what was sent. */
interface Came {
  readonly sent: Sent
  /** Of TCP: addresses and ports as RSS hashes them. */
  readonly tuple: Uint8Array | undefined
}

/** Frames of one direction: each comes once, as it was sent. */
export interface Road {
  send(sent: Omit<Sent, 'came'>): void
  /** @throws Error when nobody sent it, it was changed, or it came before */
  come(bytes: Uint8Array, vlan: VlanTag | undefined): Came
  /** Those of which something is missing. */
  missing(): number
}

const tagText = (tag: VlanTag | undefined): string =>
  tag === undefined ? 'no tag' : `tag ${tag.id}/${tag.priority}/${tag.dei}`

export function road(): Road {
  const all = new Map<number, Sent>()
  const covered = new Set<string>()
  const wrong = (what: string): never => {
    throw new Error(what)
  }
  const find = (number: number): Sent => all.get(number) ?? wrong(`a frame arrived that nobody sent: ${number}`)
  return {
    send: (sent) => void all.set(sent.number, { ...sent, came: 0 }),
    come(given, beside) {
      const tagged = u16(given, 12) === VLAN
      const control = u16(given, 14)
      const vlan = tagged
        ? { id: control & 0xfff, priority: control >> 13, dei: (control & 0x1000) !== 0 }
        : (beside ?? undefined)
      const bytes = tagged ? Uint8Array.from([...given.subarray(0, 12), ...given.subarray(16)]) : given
      const plain = u16(bytes, 12) === PLAIN
      const number = plain ? u16(bytes, 14) * 0x1_0000 + u16(bytes, 16) : u16(bytes, 38)
      const sent = find(number)
      if (tagText(vlan) !== tagText(sent.vlan)) wrong(`frame ${number} has ${tagText(vlan)} for ${tagText(sent.vlan)}`)
      if (plain) {
        if (sent.bytes === undefined || Buffer.compare(bytes, sent.bytes) !== 0) wrong(`frame ${number} was changed`)
        if (sent.came++ > 0) wrong(`frame ${number} arrived twice`)
        return { sent, tuple: undefined }
      }
      const from = u16(bytes, 40)
      const length = bytes.length - TCP_PAYLOAD
      if (u16(bytes, 16) !== 40 + length) wrong(`segment ${number} has ${u16(bytes, 16)} for ${40 + length} bytes`)
      if (sum(bytes, 14, 34) !== 0xffff || tcpSum(bytes) !== 0xffff) wrong(`segment ${number} has a wrong checksum`)
      for (let at = 0; at < length; at++)
        if (bytes[TCP_PAYLOAD + at] !== byteOf(number, from + at))
          wrong(`segment ${number} was changed at ${from + at}`)
      if (from + length > sent.payload) wrong(`segment ${number} is longer than it was`)
      const piece = `${number} ${from}`
      if (covered.has(piece)) wrong(`segment ${piece} arrived twice`)
      covered.add(piece)
      sent.came += length
      return { sent, tuple: Uint8Array.from([...bytes.subarray(26, 34), ...bytes.subarray(34, 38)]) }
    },
    missing: () => [...all.values()].filter(({ bytes, payload, came }) => came < (bytes ? 1 : payload)).length,
  }
}

export const toGuest = { to: GUEST_MAC, from: PEER_MAC } as const
export const toPeer = { to: PEER_MAC, from: GUEST_MAC } as const
