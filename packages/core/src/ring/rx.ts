import {
  FEATURE_BITS,
  FEATURE_PENDING_SEND_SIZE,
  INTERRUPT_MASK,
  PENDING_SEND_SIZE,
  READ_INDEX,
  WRITE_INDEX,
  isIndex,
  loadControl,
  storeControl,
  type RingArea,
} from './area.ts'
import { copyOut } from './copy.ts'
import { PACKET_WORDS, Row } from './table.ts'

const DESCRIPTOR = 16
const TRAILER = 8
const U32 = 0x1_0000_0000

/** What a look at the ring found. Empty and broken are different things. */
export const RxStatus = {
  packet: 1,
  empty: 0,
  corrupt: -1,
} as const
export type RxStatus = (typeof RxStatus)[keyof typeof RxStatus]

/** What is wrong with a ring. */
export type RingFault = 'write-index' | 'packet-length' | 'packet-offset' | 'packet-overrun'

/** What `save` gives: offsets into the data area. */
export interface RxState {
  readonly read: number
  readonly published: number
}

/**
 * How descriptors that cannot be are taken. `strict` stops at them. `clamp` does as Linux drivers/hv/ring_buffer.c,
 * hv_pkt_iter_first of 5.12 and later: a packet longer than `limit` is cut and the read index moves by what is left, an
 * impossible length means everything there is, an impossible offset 16.
 */
export interface RxOptions {
  readonly state?: RxState
  readonly policy?: 'strict' | 'clamp'
  /** Bytes of a packet without trailer, a multiple of 8; only `clamp` looks at it. */
  readonly limit?: number
}

/**
 * The consumer's end of a ring: `next` (then `copy` and `consume`) one at a time, or `drain` many as views, then
 * `release`. Before a consumer sleeps, `release` and then `next` or `drain` must have found the ring empty.
 *
 * The descriptor is read once, before it is validated; the fields below are a private copy.
 */
export class Rx {
  private readonly area: RingArea
  private readonly size: number
  private readonly clamp: boolean
  private readonly limit: number
  private read: number
  private published: number
  /** The peer's write index when last looked at: all before it is whole packets. */
  private write: number
  private pieces = new Uint8Array(0)
  private pieceWords = new Int32Array(0)

  // The current packet, valid after `next` said so.
  type = 0
  flags = 0
  /** Descriptor, header and payload: bytes, a multiple of 8. */
  length = 0
  /** Where the payload begins. */
  payloadOffset = 0
  transactionLow = 0
  transactionHigh = 0
  /** Set once `corrupt` was answered. */
  fault: RingFault | undefined = undefined

  constructor(area: RingArea, options: RxOptions = {}) {
    this.area = area
    this.size = area.size
    this.clamp = options.policy === 'clamp'
    this.limit = options.limit ?? area.size
    this.read = options.state?.read ?? loadControl(area, area.memory.words, READ_INDEX)
    this.published = options.state?.published ?? this.read
    this.write = this.read
  }

  /** False when the words in memory cannot be indices of this ring. */
  get valid(): boolean {
    return (
      isIndex(this.area, this.read) && isIndex(this.area, loadControl(this.area, this.area.memory.words, WRITE_INDEX))
    )
  }

  /** Looks for the next packet, without moving on. */
  next(): RxStatus {
    if (this.fault !== undefined) return RxStatus.corrupt
    const { area, read: at } = this
    const { words } = area.memory
    let used = this.used()
    if (used === 0) {
      const write = loadControl(area, words, WRITE_INDEX)
      if (write === at) return RxStatus.empty
      if (!isIndex(area, write)) return this.corrupt('write-index')
      this.write = write
      used = this.used()
    }
    const { pages } = area
    const first = (pages[at >>> 12] ?? 0) + ((at & 4095) >>> 2)
    const second = at + 8 === this.size ? 0 : at + 8
    const id = (pages[second >>> 12] ?? 0) + ((second & 4095) >>> 2)
    const kind = words[first] ?? 0
    const size = words[first + 1] ?? 0
    this.type = kind & 0xffff
    this.payloadOffset = (kind >>> 16) << 3
    this.length = (size & 0xffff) << 3
    this.flags = size >>> 16
    this.transactionLow = (words[id] ?? 0) >>> 0
    this.transactionHigh = (words[id + 1] ?? 0) >>> 0
    return this.clamp ? this.clampPacket(used) : this.check(used)
  }

  /**
   * Copies the packet to the front of a buffer (`words` over the same bytes) that holds `length` bytes. Of the descriptor
   * it is the validated copy that is written.
   */
  copy(into: Uint8Array, words: Int32Array): void {
    words[0] = this.type | (this.payloadOffset << 13)
    words[1] = (this.length >>> 3) | (this.flags << 16)
    words[2] = this.transactionLow
    words[3] = this.transactionHigh
    copyOut(this.area, this.forward(this.read, DESCRIPTOR), into, words, DESCRIPTOR, this.length - DESCRIPTOR)
  }

  /** Moves past the packet; its room is the producer's after the next `release`. */
  consume(): void {
    const total = this.length + TRAILER
    // Only a clamped length can reach past what was written: the stream is lost, as it is for Linux.
    if (total > this.used()) this.corrupt('packet-overrun')
    else this.read = this.forward(this.read, total)
  }

  /**
   * Fills rows of the table (see `Row`) with the next packets, at most `maxPackets` and, after the first, `maxBytes` of
   * descriptors, headers and payloads. Payloads are views of shared memory until `release`. Returns how many; 0 with
   * `fault` set when the ring is broken.
   */
  drain(table: Int32Array, maxPackets: number, maxBytes: number): number {
    let bounced = 0
    let bytes = 0
    for (let count = 0; count < maxPackets; count++) {
      if (this.next() !== RxStatus.packet || (count > 0 && bytes + this.length > maxBytes)) return count
      const { length, payloadOffset } = this
      const start = this.forward(this.read, DESCRIPTOR)
      const { pages, runEnds } = this.area
      const row = count * PACKET_WORDS
      if (start + length - DESCRIPTOR <= (runEnds[start >>> 12] ?? 0)) {
        const gpa = (pages[start >>> 12] ?? 0) * 4 + (start & 4095) + payloadOffset - DESCRIPTOR
        table[row + Row.payload] = gpa
        table[row + Row.payloadHigh] = gpa / U32
        table[row + Row.bounced] = 0
      } else {
        // One packet may lie across the end; in scattered pages, many.
        this.growBounce(bounced + length)
        copyOut(this.area, start, this.pieces, this.pieceWords, bounced, length - DESCRIPTOR)
        table[row + Row.payload] = bounced + payloadOffset - DESCRIPTOR
        table[row + Row.payloadHigh] = 0
        table[row + Row.bounced] = 1
        bounced += length
      }
      table[row + Row.kind] = this.type | (this.flags << 16)
      table[row + Row.payloadLength] = length - payloadOffset
      table[row + Row.headerLength] = payloadOffset - DESCRIPTOR
      table[row + Row.transactionLow] = this.transactionLow
      table[row + Row.transactionHigh] = this.transactionHigh
      bytes += length
      this.consume()
    }
    return maxPackets
  }

  /** Where packets are put together that lie in pieces; as the views, valid until `release`. */
  get bounce(): Uint8Array {
    return this.pieces
  }

  /** Something was consumed that the producer does not know of yet. */
  get unreleased(): boolean {
    return this.read !== this.published
  }

  /**
   * Gives the room of consumed packets back. True when the producer has to be signalled: it waits for room
   * (pending_send_size), what it waits for fits now, and did not fit before (Linux drivers/hv/ring_buffer.c,
   * hv_pkt_iter_close). The interrupt mask is not for this direction.
   */
  release(): boolean {
    const { area, published: before, read } = this
    if (read === before) return false
    const { words } = area.memory
    storeControl(area, words, READ_INDEX, read)
    this.published = read
    const wanted = loadControl(area, words, PENDING_SEND_SIZE)
    if (wanted === 0 || !this.peerHonoursPending) return false
    // Windows may ask for the ring's size less one, meaning all of it: everything counts in units of 8.
    const pending = (wanted & ~7) >>> 0
    const write = loadControl(area, words, WRITE_INDEX)
    if (!isIndex(area, write)) return false
    const free = this.size - this.distance(read, write)
    return free > pending && free - this.distance(before, read) <= pending
  }

  /** Sets the interrupt mask. After `mask(false)` look again: what came meanwhile was not signalled. */
  mask(masked: boolean): void {
    storeControl(this.area, this.area.memory.words, INTERRUPT_MASK, masked ? 1 : 0)
  }

  setFeatureBits(bits: number): void {
    storeControl(this.area, this.area.memory.words, FEATURE_BITS, bits)
  }

  /** The producer promises to honour pending_send_size, on this ring and the other one. */
  get peerHonoursPending(): boolean {
    return (loadControl(this.area, this.area.memory.words, FEATURE_BITS) & FEATURE_PENDING_SEND_SIZE) !== 0
  }

  save(): RxState {
    return { read: this.read, published: this.published }
  }

  private check(used: number): RxStatus {
    if (this.length < DESCRIPTOR) return this.corrupt('packet-length')
    if (this.payloadOffset < DESCRIPTOR || this.payloadOffset > this.length) return this.corrupt('packet-offset')
    if (this.length + TRAILER > used) return this.corrupt('packet-overrun')
    return RxStatus.packet
  }

  private clampPacket(used: number): RxStatus {
    if (used < DESCRIPTOR) return RxStatus.empty
    const available = Math.min(used, this.limit)
    if (this.length < DESCRIPTOR || this.length > available) this.length = available
    if (this.payloadOffset < DESCRIPTOR || this.payloadOffset > this.length) this.payloadOffset = DESCRIPTOR
    return RxStatus.packet
  }

  private corrupt(fault: RingFault): RxStatus {
    this.fault = fault
    return RxStatus.corrupt
  }

  private used(): number {
    return this.distance(this.read, this.write)
  }

  private distance(from: number, to: number): number {
    return to >= from ? to - from : this.size - from + to
  }

  private forward(offset: number, bytes: number): number {
    const at = offset + bytes
    return at >= this.size ? at - this.size : at
  }

  private growBounce(bytes: number): void {
    if (bytes <= this.pieces.length) return
    const words = new Int32Array(2 ** Math.ceil(Math.log2(bytes)) / 4)
    const grown = new Uint8Array(words.buffer)
    grown.set(this.pieces)
    this.pieces = grown
    this.pieceWords = words
  }
}
