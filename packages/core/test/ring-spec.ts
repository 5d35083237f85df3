import type { GuestMemory } from '@vmbus/hypervisor'

/** A packet as the specification sees it: fields and bytes, no offsets. */
export interface SpecPacket {
  readonly type: number
  readonly flags: number
  readonly low: number
  readonly high: number
  /** The header that belongs to the type, then the payload, padded to 8. */
  readonly body: Uint8Array
  readonly headerLength: number
}

/** Bytes in the ring: descriptor, body and trailer. */
export const totalOf = (packet: SpecPacket): number => 16 + packet.body.length + 8

/**
 * What wire/03 says of a ring, in counters that only grow: no index, no wrapping, nothing in common with the engine's
 * arithmetic.
 */
export class RingSpec {
  readonly size: number
  /** Where offset 0 of the counters is in the data area. */
  readonly origin: number
  written = 0
  published = 0
  consumed = 0
  released = 0
  masked = false
  pending = 0
  feature = false
  /** Written and not consumed. */
  readonly queue: SpecPacket[] = []
  /** Of these, published. */
  visible = 0

  constructor(size: number, origin: number) {
    this.size = size
    this.origin = origin
  }

  get room(): number {
    return this.size - (this.written - this.released)
  }

  /** Never full: §2. */
  accepts(packet: SpecPacket): boolean {
    return this.room > totalOf(packet)
  }

  write(packet: SpecPacket): void {
    this.queue.push(packet)
    this.written += totalOf(packet)
  }

  /** True when the consumer must be signalled: the ring was empty for both, and it does not mask (§4). */
  publish(): boolean {
    if (this.published === this.written) return false
    const wasEmpty = this.published === this.released
    this.published = this.written
    this.visible = this.queue.length
    return wasEmpty && !this.masked
  }

  consume(): SpecPacket | undefined {
    if (this.visible === 0) return undefined
    this.visible--
    const packet = this.queue.shift()
    if (packet !== undefined) this.consumed += totalOf(packet)
    return packet
  }

  /** True when the producer must be signalled: what it waits for fits now and did not before (§5). */
  release(): boolean {
    if (this.released === this.consumed) return false
    const before = this.size - (this.published - this.released)
    this.released = this.consumed
    const after = this.size - (this.published - this.released)
    return this.feature && this.pending !== 0 && before <= this.pending && after > this.pending
  }
}

/** Asserts at a thousandth of the price of vitest's: these run millions of times. */
export function same(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what} is ${String(actual)}, expected ${String(expected)}`)
}

export function sameBytes(what: string, actual: Uint8Array, expected: Uint8Array): void {
  if (isSame(actual, expected)) return
  same(`length of ${what}`, actual.length, expected.length)
  for (let i = 0; i < actual.length; i++)
    if (actual[i] !== expected[i]) same(`byte ${i} of ${what}`, actual[i], expected[i])
}

export const PAGE = 4096
const GUARD = new Uint8Array(PAGE).fill(0xa5)

/** Memory whose pages outside a grant are guarded; one arena for all runs. */
export function guardedMemory(memory: GuestMemory): {
  reset(): void
  touched(granted: ReadonlySet<number>): number | undefined
} {
  const { bytes } = memory
  return {
    reset: () => void bytes.fill(0xa5),
    touched(granted) {
      for (let pfn = 0; pfn < memory.size / PAGE; pfn++)
        if (!granted.has(pfn) && !isSame(bytes.subarray(pfn * PAGE, (pfn + 1) * PAGE), GUARD)) return pfn
      return undefined
    },
  }
}

/** As the engine compares, not byte by byte in a loop: a deep run compares millions of pages. */
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
