import type { RingArea } from './area.ts'

/** Up to this many bytes a loop over pairs of words beats a view and the engine's block copy (35 to 45 ns, Node 20). */
const LOOP_BYTES = 128

/** Copies `length` bytes of `from` into the data area at `offset`, split at its end and where pages are no neighbours. */
export function copyIn(
  area: RingArea,
  bytes: Uint8Array,
  offset: number,
  from: Uint8Array,
  start: number,
  length: number,
): void {
  const { pages, runEnds, size } = area
  let at = offset
  let source = start
  const end = start + length
  while (source < end) {
    const page = at >>> 12
    const gpa = (pages[page] ?? 0) * 4 + (at & 4095)
    const part = Math.min(end - source, (runEnds[page] ?? 0) - at)
    if (from === bytes) bytes.copyWithin(gpa, source, source + part)
    else if (part === from.length) bytes.set(from, gpa)
    else bytes.set(from.subarray(source, source + part), gpa)
    source += part
    at += part
    if (at === size) at = 0
  }
}

/** Copies `length` bytes of the data area at `offset` to `into` at `start`. All three are multiples of 8. */
export function copyOut(
  area: RingArea,
  offset: number,
  into: Uint8Array,
  words: Int32Array,
  start: number,
  length: number,
): void {
  const { memory, pages, runEnds, size } = area
  let at = offset
  let target = start
  const end = start + length
  while (target < end) {
    const page = at >>> 12
    const gpa = (pages[page] ?? 0) * 4 + (at & 4095)
    const part = Math.min(end - target, (runEnds[page] ?? 0) - at)
    if (part <= LOOP_BYTES) {
      const from = memory.words
      for (
        let i = (pages[page] ?? 0) + ((at & 4095) >>> 2), j = target >>> 2, last = (target + part) >>> 2;
        j < last;
        i += 2, j += 2
      ) {
        words[j] = from[i] ?? 0
        words[j + 1] = from[i + 1] ?? 0
      }
    } else into.set(memory.bytes.subarray(gpa, gpa + part), target)
    target += part
    at += part
    if (at === size) at = 0
  }
}

/** Reports a write of `length` bytes at `offset` to the machine, once for each run of pages. */
export function reportWrite(area: RingArea, offset: number, length: number): void {
  const { memory, pages, runEnds, size } = area
  let at = offset
  let left = length
  while (left > 0) {
    const page = at >>> 12
    const part = Math.min(left, (runEnds[page] ?? 0) - at)
    memory.wrote((pages[page] ?? 0) * 4 + (at & 4095), part)
    left -= part
    at += part
    if (at === size) at = 0
  }
}
