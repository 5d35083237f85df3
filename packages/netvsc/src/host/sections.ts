import type { TransferRange } from '@vmbus/core'

/** Sub-allocations kept for control messages, so that a flood of frames cannot hold back an answer (OpenVMM netvsp). */
const CONTROL_SECTIONS = 16

interface PooledRange {
  byteCount: number
  readonly byteOffset: number
}

/**
 * The sub-allocations of a receive buffer. Each is free, filled (and waiting for the ring), or the guest's. The first
 * ones are for control messages. All that a packet carries returns with the packet's completion.
 *
 * This is no request table of @vmbus/core: a section is taken when a frame comes, which is before there is a packet; the
 * packet's id is then the first of its sections, as in OpenVMM's netvsp, and a table would give it another.
 */
export interface Sections {
  readonly size: number
  readonly count: number
  /** The first so many are for control messages. */
  readonly control: number
  /** Sections for data that are free. */
  readonly free: number
  /** Every section is free. */
  readonly idle: boolean
  /** A section for data or control, or -1. */
  take(control: boolean): number
  /** The range of a section, the same object each time. */
  range(section: number, byteCount: number): TransferRange
  /** The sections go to the guest over `queue` as one packet, whose id is the first section. To be called before they are sent. */
  send(queue: number, ranges: readonly TransferRange[]): void
  /** The packet with this first section was not sent: its sections are filled, as before `send`. */
  undo(first: number): void
  /** The guest completed the packet with this first section over `queue`: how many sections came back, 0 if it never had it. */
  complete(queue: number, first: number): number
  /** A filled section is not sent after all. */
  drop(section: number): void
  /** The guest closed the queue: what it had comes back. */
  reclaim(queue: number): void
  save(): SectionsState
}

export interface SectionsState {
  readonly size: number
  readonly count: number
  /** Of each packet that the guest has: its queue, then its sections in order. */
  readonly packets: readonly (readonly number[])[]
  /** The stack of free ones, as `runsOf` has it: a buffer of 16 MiB has 9,709, nearly all in one run. */
  readonly free: readonly number[]
  readonly freeControl: readonly number[]
}

/** The first and the last of each run of numbers that go down by one. */
function runsOf(numbers: readonly number[]): number[] {
  const runs: number[] = []
  let last = -2
  for (const each of numbers) {
    if (each === last - 1) runs[runs.length - 1] = each
    else runs.push(each, each)
    last = each
  }
  return runs
}

function numbersOf(runs: readonly number[]): number[] {
  const numbers: number[] = []
  for (let at = 0; at < runs.length; at += 2)
    for (let each = runs[at] ?? 0, last = runs[at + 1] ?? 0; each >= last; each--) numbers.push(each)
  return numbers
}

export function createSections(size: number, count: number, saved?: SectionsState): Sections {
  const reserved = Math.min(CONTROL_SECTIONS, count >>> 1)
  /** Queue + 1 of the packet that begins with the section, 0 for the others. */
  const heads = new Uint8Array(count)
  /** The next section of the same packet + 1, 0 at its end. */
  const next = new Uint32Array(count)
  const controls = numbersOf(saved?.freeControl ?? [reserved - 1, 0])
  const data = numbersOf(saved?.free ?? [count - 1, reserved])
  /** By section; made when it is first filled, and kept. */
  const ranges = new Map<number, PooledRange>()
  const back = (section: number): void => void (section < reserved ? controls : data).push(section)

  /** Puts a section at the end of a packet whose last one is `previous`, -1 for the first. */
  function link(queue: number, previous: number, section: number): number {
    if (previous < 0) heads[section] = queue + 1
    else next[previous] = section + 1
    return section
  }
  for (const [queue = 0, ...held] of saved?.packets ?? [])
    held.reduce((previous, section) => link(queue, previous, section), -1)

  function packetOf(first: number): number[] {
    const packet = [(heads[first] ?? 0) - 1]
    for (let section = first + 1; section !== 0; section = next[section - 1] ?? 0) packet.push(section - 1)
    return packet
  }

  /** Unlinks the packet that begins with the section; returns how many sections it had, each of which `end` was told of. */
  const unlink = (first: number, end?: (section: number) => void): number => {
    heads[first] = 0
    let count = 0
    for (let section = first + 1; section !== 0; count++) {
      const at = section - 1
      section = next[at] ?? 0
      next[at] = 0
      end?.(at)
    }
    return count
  }
  const complete = (queue: number, first: number): number => (heads[first] === queue + 1 ? unlink(first, back) : 0)
  return {
    size,
    count,
    control: reserved,
    get free() {
      return data.length
    },
    get idle() {
      return data.length + controls.length === count
    },
    take: (forControl) => (forControl ? controls.pop() : data.pop()) ?? -1,
    range(section, byteCount) {
      let range = ranges.get(section)
      if (range === undefined) ranges.set(section, (range = { byteCount, byteOffset: section * size }))
      range.byteCount = byteCount
      return range
    },
    send(queue, sent) {
      let previous = -1
      for (const { byteOffset } of sent) previous = link(queue, previous, byteOffset / size)
    },
    undo: (first) => void unlink(first),
    complete,
    drop: back,
    reclaim(queue) {
      for (let section = 0; section < count; section++) complete(queue, section)
    },
    save() {
      const packets: number[][] = []
      for (let section = 0; section < count; section++) if (heads[section] !== 0) packets.push(packetOf(section))
      return { size, count, packets, free: runsOf(data), freeControl: runsOf(controls) }
    },
  }
}
