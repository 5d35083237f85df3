import { guestMemory } from '@vmbus/hypervisor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  copyFromRanges,
  copyToRanges,
  createGrant,
  rangesLength,
  segmentsOfRanges,
  sliceRanges,
  type PageRange,
} from '../src/index.ts'
import { PAGE, same, sameBytes } from './ring-spec.ts'

const PAGES = 16
const written: [number, number][] = []
const memory = guestMemory({ size: PAGES * PAGE, wrote: (gpa, length) => void written.push([gpa, length]) })

/** The GPA of every byte of a buffer. */
function addresses(ranges: readonly PageRange[]): number[] {
  const list: number[] = []
  for (const { byteOffset, byteCount, pfns } of ranges) {
    for (let i = byteOffset; i < byteOffset + byteCount; i++)
      list.push((pfns[Math.floor(i / PAGE)] ?? NaN) * PAGE + (i % PAGE))
  }
  return list
}

const pfn = fc.integer({ min: 0, max: PAGES - 1 })
/** Page lists with neighbours and gaps, one range or several; no page twice, so that each byte has one place. */
const buffer = fc
  .tuple(
    fc.oneof(
      fc.shuffledSubarray(
        Array.from({ length: PAGES }, (_, i) => i),
        { minLength: 1 },
      ),
      fc
        .tuple(pfn, fc.integer({ min: 1, max: 8 }))
        .map(([first, count]) => Array.from({ length: Math.min(count, PAGES - first) }, (_, i) => first + i)),
    ),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat({ max: PAGE - 1 }), fc.nat({ max: PAGE - 1 })), {
      minLength: 1,
      maxLength: 8,
    }),
  )
  .map(([pages, cuts]) => {
    const ranges: PageRange[] = []
    let taken = 0
    for (const [count, offset, less] of cuts) {
      const pfns = pages.slice(taken, taken + count)
      taken += count
      const last = pfns.length === 1 ? PAGE - offset : PAGE
      if (pfns.length > 0)
        ranges.push({ byteOffset: offset, byteCount: pfns.length * PAGE - offset - (less % last), pfns })
    }
    return ranges
  })

/** Thousandths of the buffer: where a span begins, and how much of the rest it takes. */
const span = fc.noBias(fc.tuple(fc.nat({ max: 1000 }), fc.nat({ max: 1000 })))
const placed = (total: number, [from, part]: [number, number]): [number, number] => {
  const offset = Math.floor((from * total) / 1000)
  return [offset, Math.floor((part * (total - offset)) / 1000)]
}

test('a buffer is the list of its pages', () => {
  let pieces = 0
  fc.assert(
    fc.property(buffer, fc.array(span, { minLength: 1, maxLength: 6 }), (ranges, spans) => {
      const places = addresses(ranges)
      const grant = createGrant(memory, 0xe1e10, ranges)
      same('length', grant.byteLength, places.length)
      same('length', rangesLength(ranges), places.length)
      for (let i = 0; i < memory.size; i++) memory.bytes[i] = i * 7 + (i >>> 8)
      const shadow = memory.bytes.slice()
      for (const drawn of spans) {
        const [offset, length] = placed(places.length, drawn)
        const expected = Uint8Array.from(places.slice(offset, offset + length), (gpa) => shadow[gpa] ?? 0)
        const into = new Uint8Array(length)
        same('read', grant.read(offset, into), true)
        sameBytes('read', into, expected)
        into.fill(0)
        same('copy', copyFromRanges(memory, ranges, offset, into), true)
        sameBytes('copy', into, expected)
        const views: Uint8Array[] = []
        same('segments', grant.segments(offset, length, views), true)
        sameBytes('segments', Uint8Array.from(views.flatMap((view) => [...view])), expected)
        // As few as there are runs of neighbouring bytes.
        const jumps = places
          .slice(offset, offset + length)
          .filter((gpa, i, all) => i > 0 && gpa !== (all[i - 1] ?? 0) + 1).length
        if (length > 0 && views.length > jumps + 1 + ranges.length) throw new Error(`${views.length} segments`)
        pieces += views.length
        const again: Uint8Array[] = []
        same('segments', segmentsOfRanges(memory, ranges, offset, length, again), true)
        same('segments', again.length, views.length)
        const slice = sliceRanges(ranges, offset, length)
        if (slice === undefined) throw new Error('not sliced')
        same('slice', addresses(slice).join(), places.slice(offset, offset + length).join())
        for (const part of slice)
          same('pages of the slice', part.pfns.length, Math.ceil((part.byteOffset + part.byteCount) / PAGE))

        written.length = 0
        const data = new Uint8Array(length).map((_, i) => i * 3 + offset)
        same('write', offset % 2 ? grant.write(offset, data) : copyToRanges(memory, ranges, offset, data), true)
        data.forEach((byte, i) => (shadow[places[offset + i] ?? 0] = byte))
        const told = new Set(written.flatMap(([gpa, count]) => Array.from({ length: count }, (_, i) => gpa + i)))
        same('bytes told to the machine', told.size, length)
      }
      sameBytes('memory', memory.bytes, shadow)
    }),
    { numRuns: 100, seed: 20_261_124 },
  )
  expect(pieces).toBeGreaterThan(400)
})

describe('out of the grant or of RAM', () => {
  const inside: PageRange[] = [{ byteOffset: 8, byteCount: 5000, pfns: [2, 9] }]
  test.each([
    ['one byte too many', inside, 4999, 2],
    ['behind the end', inside, 5001, 0],
    ['before the beginning', inside, -1, 4],
    ['no number', inside, Number.NaN, 4],
    ['a page that is not RAM', [{ byteOffset: 0, byteCount: 8192, pfns: [3, PAGES] }], 0, 8192],
    ['a page far beyond', [{ byteOffset: 0, byteCount: 4096, pfns: [2 ** 52] }], 0, 1],
    ['fewer pages than bytes', [{ byteOffset: 0, byteCount: 8192, pfns: [3] }], 4000, 100],
    ['no ranges', [], 0, 1],
  ])('%s: nothing is copied', (_, ranges, offset, length) => {
    const before = memory.bytes.slice()
    const grant = createGrant(memory, 1, ranges)
    const into = new Uint8Array(length).fill(0x5a)
    const views: Uint8Array[] = []
    expect([grant.read(offset, into), grant.write(offset, into), grant.segments(offset, length, views)]).toEqual([
      false,
      false,
      false,
    ])
    if (length > 0) {
      expect([
        copyFromRanges(memory, ranges, offset, into),
        copyToRanges(memory, ranges, offset, into),
        segmentsOfRanges(memory, ranges, offset, length, views),
      ]).toEqual([false, false, false])
      expect(into.every((byte) => byte === 0x5a)).toBe(true)
    }
    expect(views).toEqual([])
    sameBytes('memory', memory.bytes, before)
  })

  test('what lies before the bad page is readable on its own', () => {
    const grant = createGrant(memory, 1, [{ byteOffset: 0, byteCount: 8192, pfns: [3, PAGES] }])
    expect(grant.read(0, new Uint8Array(4096))).toBe(true)
    expect(grant.read(4095, new Uint8Array(2))).toBe(false)
  })
})
