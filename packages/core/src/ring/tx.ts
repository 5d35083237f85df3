import {
  FEATURE_BITS,
  INTERRUPT_MASK,
  PENDING_SEND_SIZE,
  READ_INDEX,
  WRITE_INDEX,
  isIndex,
  loadControl,
  storeControl,
  type RingArea,
} from './area.ts'
import { copyIn, copyOut, reportWrite } from './copy.ts'
import { PACKET_WORDS, Row } from './table.ts'

/** length8 is a u16. */
export const MAX_PACKET_BYTES = 0xffff * 8
const DESCRIPTOR = 16
const TRAILER = 8
const U32 = 0x1_0000_0000

/** What became of an attempt to write. */
export const TxStatus = {
  written: 1,
  /** There will be room once the peer has read. */
  full: 0,
  /** The peer's read index is impossible. */
  corrupt: -1,
  /** There will never be room in this ring, or the length does not fit its field. */
  tooLarge: -2,
} as const
export type TxStatus = (typeof TxStatus)[keyof typeof TxStatus]

/** What `save` gives: offsets into the data area. The rest of a ring's state is in guest memory. */
export interface TxState {
  readonly write: number
  readonly published: number
}

/**
 * The producer's end of a ring. Packets are written (`send`, or `reserve`, `append…`, `commit`), then shown to the peer
 * by `publish`. Its own indices are private: what the peer does to the words in memory cannot move them.
 *
 * A class, and one for all channels: its methods are the hot path, and engines specialise them on one shape. Its fields
 * are not `#private`, which took twice the time (Node 20).
 */
export class Tx {
  private readonly area: RingArea
  readonly size: number
  private readonly reports: boolean
  /** Where the next packet goes. */
  private write: number
  private published: number
  /** The peer's read index when last looked at: it can only have grown. */
  private read: number
  // The packet between `reserve` and `commit`: where the next bytes go, how many are left, and views of memory.
  private cursor = 0
  private left = 0
  private total = 0
  private words: Int32Array
  private bytes: Uint8Array

  /** `reportWrites`: calls `memory.wrote` for each packet, as a host does. */
  constructor(area: RingArea, options: { readonly reportWrites?: boolean; readonly state?: TxState } = {}) {
    this.area = area
    this.size = area.size
    this.reports = options.reportWrites ?? false
    this.words = area.memory.words
    this.bytes = area.memory.bytes
    this.write = options.state?.write ?? loadControl(area, this.words, WRITE_INDEX)
    this.published = options.state?.published ?? this.write
    this.read = loadControl(area, this.words, READ_INDEX)
  }

  /** False when the words in memory cannot be indices of this ring, which only counts before anything else is called. */
  get valid(): boolean {
    return isIndex(this.area, this.write) && isIndex(this.area, this.published) && isIndex(this.area, this.read)
  }

  /** Bytes of a packet with its trailer that fit now, 0 when none does; -1 when the peer's read index is impossible. */
  writable(): number {
    if (!this.refresh(this.area.memory.words)) return -1
    return Math.max(0, this.free() - 8)
  }

  /** Some packets are written, but not published. */
  get unpublished(): boolean {
    return this.write !== this.published
  }

  /** Writes a packet whose header is the descriptor alone. */
  send(type: number, flags: number, payload: Uint8Array, transactionLow: number, transactionHigh: number): TxStatus {
    const { area, write } = this
    const payloadBytes = payload.length
    const length = DESCRIPTOR + ((payloadBytes + 7) & ~7)
    const page = write >>> 12
    const { words } = area.memory
    // In one piece, as nearly all are; the rest go the long way.
    if (write + length + TRAILER > (area.runEnds[page] ?? 0) || this.free() <= length + TRAILER) {
      const status = this.reserve(type, flags, DESCRIPTOR, payloadBytes, transactionLow, transactionHigh)
      if (status !== TxStatus.written) return status
      this.append(payload)
      this.commit()
      return status
    }
    if (length > MAX_PACKET_BYTES) return TxStatus.tooLarge
    const at = (area.pages[page] ?? 0) + ((write & 4095) >>> 2)
    const end = at + (length >>> 2)
    words[at] = type | (DESCRIPTOR << 13)
    words[at + 1] = (length >>> 3) | (flags << 16)
    words[at + 2] = transactionLow
    words[at + 3] = transactionHigh
    if (payloadBytes > 0) {
      // The padding first: the payload then covers what belongs to it.
      words[end - 2] = 0
      words[end - 1] = 0
      area.memory.bytes.set(payload, at * 4 + DESCRIPTOR)
    }
    words[end] = 0
    words[end + 1] = write
    this.finish(length + TRAILER)
    return TxStatus.written
  }

  /**
   * Writes the first packets of a table (see `Row`) whose payloads lie in guest memory; returns how many, which is less
   * than `count` when the ring is full, the peer's index impossible or a row's length too large.
   */
  sendv(table: Int32Array, count: number): number {
    const { bytes } = this.area.memory
    for (let row = 0; row < count; row++) {
      const at = row * PACKET_WORDS
      const kind = table[at + Row.kind] ?? 0
      const start = ((table[at + Row.payload] ?? 0) >>> 0) + ((table[at + Row.payloadHigh] ?? 0) >>> 0) * U32
      const length = (table[at + Row.payloadLength] ?? 0) >>> 0
      const low = table[at + Row.transactionLow] ?? 0
      const high = table[at + Row.transactionHigh] ?? 0
      if (this.reserve(kind & 0xffff, kind >>> 16, DESCRIPTOR, length, low, high) !== TxStatus.written) return row
      this.appendPart(bytes, start, length)
      this.commit()
    }
    return count
  }

  /**
   * Makes room for a packet and writes its descriptor. `headerBytes` counts the descriptor and the header that belongs to
   * the type, a multiple of 8. A reservation that is not committed leaves no trace. Until `commit` the machine must not
   * run: views of its memory are held.
   */
  reserve(
    type: number,
    flags: number,
    headerBytes: number,
    payloadBytes: number,
    transactionLow: number,
    transactionHigh: number,
  ): TxStatus {
    const { memory } = this.area
    const length = headerBytes + ((payloadBytes + 7) & ~7)
    const total = length + TRAILER
    // A ring never fills up entirely, for then it would look empty.
    if (length > MAX_PACKET_BYTES || total >= this.size) return TxStatus.tooLarge
    this.words = memory.words
    this.bytes = memory.bytes
    if (this.free() <= total) {
      if (!this.refresh(this.words)) return TxStatus.corrupt
      if (this.free() <= total) return TxStatus.full
    }
    this.total = total
    this.left = length - DESCRIPTOR
    this.cursor = this.write
    this.put(type | (headerBytes << 13), (length >>> 3) | (flags << 16))
    this.put(transactionLow, transactionHigh)
    return TxStatus.written
  }

  /** Two words of the header or payload, at a multiple of 8. */
  appendWords(low: number, high: number): void {
    if (this.left < 8) return
    this.left -= 8
    this.put(low, high)
  }

  /** The next bytes of the reserved packet; what does not fit the reservation is not written. */
  append(from: Uint8Array): void {
    this.appendPart(from, 0, from.length)
  }

  /** Length of the packet committed last, without its trailer. */
  get lastLength(): number {
    return this.total - TRAILER
  }

  /** Copies the packet committed last to the front of a buffer that holds `lastLength` bytes; `words` is over the same. */
  copyLast(into: Uint8Array, words: Int32Array): void {
    const start = this.write - this.total
    copyOut(this.area, start < 0 ? start + this.size : start, into, words, 0, this.lastLength)
  }

  /** Ends the reserved packet: zeroes what was not appended and adds the trailer. */
  commit(): void {
    if (this.left > 0) this.zero()
    // The trailer is u32 0, then where the packet starts.
    this.put(0, this.write)
    this.finish(this.total)
  }

  /**
   * Shows the peer what was committed. True when the peer has to be signalled: the ring was empty before, and the peer
   * does not mask (Linux drivers/hv/ring_buffer.c, hv_signal_on_write).
   */
  publish(): boolean {
    const { area, published: before, write } = this
    if (write === before) return false
    const { words } = area.memory
    storeControl(area, words, WRITE_INDEX, write)
    this.published = write
    return loadControl(area, words, READ_INDEX) === before && loadControl(area, words, INTERRUPT_MASK) === 0
  }

  /** Asks to be signalled when `bytes` (packet with trailer) fit; 0 withdraws that. Look at `writable` afterwards. */
  setPending(bytes: number): void {
    storeControl(this.area, this.area.memory.words, PENDING_SEND_SIZE, bytes)
  }

  setFeatureBits(bits: number): void {
    storeControl(this.area, this.area.memory.words, FEATURE_BITS, bits)
  }

  save(): TxState {
    return { write: this.write, published: this.published }
  }

  private appendPart(from: Uint8Array, start: number, length: number): void {
    const part = Math.min(length, this.left)
    if (part === 0) return
    copyIn(this.area, this.bytes, this.cursor, from, start, part)
    this.left -= part
    this.advance(part)
  }

  private finish(total: number): void {
    const { area, write } = this
    if (this.reports) reportWrite(area, write, total)
    this.total = total
    const next = write + total
    this.write = next >= this.size ? next - this.size : next
  }

  private free(): number {
    const used = this.write - this.read
    return used >= 0 ? this.size - used : -used
  }

  private refresh(words: Int32Array): boolean {
    const read = loadControl(this.area, words, READ_INDEX)
    if (!isIndex(this.area, read)) return false
    this.read = read
    return true
  }

  private advance(bytes: number): void {
    const cursor = this.cursor + bytes
    this.cursor = cursor >= this.size ? cursor - this.size : cursor
  }

  /** 8 bytes at the cursor, a multiple of 8: never split. */
  private put(low: number, high: number): void {
    const { words, cursor } = this
    const word = (this.area.pages[cursor >>> 12] ?? 0) + ((cursor & 4095) >>> 2)
    words[word] = low
    words[word + 1] = high
    this.advance(8)
  }

  /** Zeroes to the end of the packet. */
  private zero(): void {
    const { pages } = this.area
    for (; this.left > 0; this.left--) {
      const { cursor } = this
      this.bytes[(pages[cursor >>> 12] ?? 0) * 4 + (cursor & 4095)] = 0
      this.advance(1)
    }
  }
}
