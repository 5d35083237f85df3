import type { GuestMemory } from '@vmbus/hypervisor'
import { hvRingBuffer } from './layouts.ts'

const PAGE = 4096
const PAGE_WORDS = PAGE / 4
/** Pages are held as word indices of 32 bits: those of the first 16 GiB of RAM can be in a ring. */
const MAX_RING_PFN = 0xffff_ffff / PAGE_WORDS
/** 1 GiB: offsets stay small integers. A guest may name a page any number of times, so RAM is no bound. */
const MAX_PAGES = 0x4_0000

/** Words of the control page, relative to its first. */
export const WRITE_INDEX = hvRingBuffer.offsets.writeIndex >>> 2
export const READ_INDEX = hvRingBuffer.offsets.readIndex >>> 2
export const INTERRUPT_MASK = hvRingBuffer.offsets.interruptMask >>> 2
export const PENDING_SEND_SIZE = hvRingBuffer.offsets.pendingSendSize >>> 2
export const FEATURE_BITS = hvRingBuffer.offsets.featureBits >>> 2

/** Bit 0 of the feature bits: the producer sets pending_send_size when it is blocked, and honours its peer's. */
export const FEATURE_PENDING_SEND_SIZE = 1

/** One ring in guest memory: a control page and data pages that need not be neighbours. */
export interface RingArea {
  readonly memory: GuestMemory
  /** Word index of the control page in `memory.words`. */
  readonly control: number
  /** Bytes of the data area, a multiple of 4096. */
  readonly size: number
  /** Word index of each data page in `memory.words`. */
  readonly pages: Uint32Array
  /** For each data page, the data offset at which the run of neighbouring pages that it belongs to ends. */
  readonly runEnds: Uint32Array
  /** The other end runs at the same time (`GuestMemory.concurrent`): control words are fenced. */
  readonly shared: boolean
}

/** Why pages cannot be a ring, or undefined when they can. */
export function ringPagesFault(memory: GuestMemory, pfns: readonly number[]): string | undefined {
  if (pfns.length < 2) return `${pfns.length} pages, where a ring has at least 2`
  if (pfns.length > MAX_PAGES) return `${pfns.length} pages, where a ring has at most ${MAX_PAGES}`
  const ram = memory.size / PAGE
  const outside = pfns.find((pfn) => !(Number.isSafeInteger(pfn) && pfn >= 0 && pfn < ram))
  if (outside !== undefined) return `page ${outside} is not in guest RAM`
  const beyond = pfns.find((pfn) => pfn > MAX_RING_PFN)
  return beyond === undefined ? undefined : `page ${beyond} is not in the first 16 GiB, where rings have to be`
}

/** The ring whose control page is the first of `pfns`; `ringPagesFault` has nothing against them. */
export function ringArea(memory: GuestMemory, pfns: readonly number[]): RingArea {
  const [control = 0, ...data] = pfns
  const pages = Uint32Array.from(data, (pfn) => pfn * PAGE_WORDS)
  const runEnds = new Uint32Array(pages.length)
  for (let page = pages.length - 1; page >= 0; page--) {
    const joined = page + 1 < pages.length && pages[page + 1] === (pages[page] ?? 0) + PAGE_WORDS
    runEnds[page] = joined ? (runEnds[page + 1] ?? 0) : (page + 1) * PAGE
  }
  const shared = memory.concurrent === true
  return { memory, control: control * PAGE_WORDS, size: pages.length * PAGE, pages, runEnds, shared }
}

/** An index that a peer may publish: inside the data area and aligned (OpenVMM vmbus_ring rejects all others). */
export function isIndex(area: RingArea, index: number): boolean {
  return index < area.size && (index & 7) === 0
}

/**
 * A sequentially consistent read of a control word, as u32; `words` is `area.memory.words` of this moment. Memory that no
 * other thread can see needs no Atomics, which cost 5 to 10 ns each.
 */
export function loadControl(area: RingArea, words: Int32Array, word: number): number {
  const index = area.control + word
  return (area.shared ? Atomics.load(words, index) : (words[index] ?? 0)) >>> 0
}

/** A sequentially consistent write: what was written before is visible before it, what is read after it is newer. */
export function storeControl(area: RingArea, words: Int32Array, word: number, value: number): void {
  const index = area.control + word
  if (area.shared) Atomics.store(words, index, value)
  else words[index] = value
}
