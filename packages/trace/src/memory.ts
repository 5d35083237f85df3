import { diff, type Difference } from './diff.ts'
import type { Line, Normalised } from './normalise.ts'

/** What a guest of the exchange is. */
export interface MemoryFacts {
  /** Pages of 4 KiB that it booted with. */
  readonly ramPages: number
  /** What it gives up leaves its MemTotal, and so half of it the floor that it reports as committed (Linux from 5.11). */
  readonly totalFalls: boolean
}

const BALLOON = '525074dc-8985-46e2-8057-a307dc18a502/'
/** The payload of a packet begins behind its descriptor; offsets below are from there (docs/wire/07 §1). */
const PAYLOAD = 16
const Type = { capabilitiesResponse: 4, status: 5, balloon: 6, ballooned: 7, unballoon: 8 } as const
/** Pages by which free memory may move between two reports beside what the balloon takes: other programs run, too. */
const NOISE = 1024

const viewOf = ({ bytes }: Line): DataView => new DataView(bytes.buffer, bytes.byteOffset + PAYLOAD)
const typeOf = (line: Line): number => (line.bytes.length < PAYLOAD + 8 ? -1 : viewOf(line).getUint16(0, true))

interface Range {
  readonly start: number
  readonly count: number
}

function rangesOf(line: Line): Range[] {
  const view = viewOf(line)
  const ranges: Range[] = []
  for (let at = 16; at + 8 <= view.byteLength; at += 8)
    ranges.push({
      start: view.getUint32(at, true) + view.getUint8(at + 4) * 2 ** 32,
      count: view.getUint32(at + 4, true) >>> 8,
    })
  return ranges
}

const pagesOf = (ranges: readonly Range[]): number => ranges.reduce((sum, { count }) => sum + count, 0)

/** What must be the same in two exchanges: everything up to the capabilities, and then all but what `relations` is about. */
function shapeOf(lines: readonly Line[]): Line[] {
  const agreed = lines.findIndex((line) => typeOf(line) === Type.capabilitiesResponse)
  return lines.flatMap((line, index) => {
    const type = typeOf(line)
    if (index <= agreed || type < 0) return [line]
    // Reports are sent by a timer: how many there are depends on when the exchange was cut off.
    if (type === Type.status) return []
    const bytes = line.bytes.slice()
    const view = new DataView(bytes.buffer, PAYLOAD)
    if (line.to === 'host') view.setUint32(4, 0, true)
    if (type === Type.ballooned)
      for (let at = 16; at + 8 <= view.byteLength; at += 8) bytes.fill(0, PAYLOAD + at, PAYLOAD + at + 5)
    if (type !== Type.unballoon) return [{ ...line, bytes }]
    // Which pages lie side by side is the guest's: how many come back is not.
    const [length, size, count] = [PAYLOAD - 12, PAYLOAD + 2, PAYLOAD + 12]
    bytes
      .fill(0, length, length + 2)
      .fill(0, size, size + 2)
      .fill(0, count, count + 4)
    const pages = new Uint8Array(4)
    new DataView(pages.buffer).setUint32(0, pagesOf(rangesOf(line)), true)
    return [{ ...line, bytes: Uint8Array.of(...bytes.subarray(0, PAYLOAD + 16), ...pages) }]
  })
}

/** The descriptor of an in-band packet without completion around a message whose header gives its size. */
function isFramed(line: Line): boolean {
  const view = viewOf(line)
  const whole = PAYLOAD + Math.ceil(view.getUint16(2, true) / 8) * 8
  const descriptor = [6, 0, 2, 0, (whole / 8) & 0xff, whole >> 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  return line.bytes.length === whole && descriptor.every((byte, at) => line.bytes[at] === byte)
}

/** What a guest has said so far, from which its next messages follow. */
interface Told {
  readonly facts: MemoryFacts
  /** Pages that it has given up. */
  readonly given: Set<number>
  transaction: number
  /** Pages that the host has asked for and that were not named yet. */
  asked: number
  report: { readonly available: number; readonly committed: number; readonly given: number } | undefined
}
type Expect = (holds: boolean, what: string) => void

/** Where an exchange breaks its own arithmetic, by the index of the line. */
function brokenRelations(lines: readonly Line[], facts: MemoryFacts): [index: number, what: string][] {
  const broken: [number, string][] = []
  const told: Told = { facts, given: new Set(), transaction: 0, asked: 0, report: undefined }
  for (const [index, line] of lines.entries())
    if (typeOf(line) >= 0)
      checkLine(told, line, (holds, what) => {
        if (!holds) broken.push([index, what])
      })
  return broken
}

function checkLine(told: Told, line: Line, expect: Expect): void {
  const type = typeOf(line)
  const view = viewOf(line)
  if (line.to === 'host') {
    expect(view.getUint32(4, true) === ++told.transaction, 'the messages of a guest are numbered from 1')
    told.transaction = view.getUint32(4, true)
  }
  if (type === Type.balloon) told.asked = view.getUint32(8, true)
  else if (type === Type.ballooned || type === Type.unballoon) checkRanges(told, line, type, expect)
  else if (type === Type.status) checkReport(told, line, expect)
}

/** The pages that a guest gives up, or gets back. */
function checkRanges(told: Told, line: Line, type: number, expect: Expect): void {
  const view = viewOf(line)
  const isGivenUp = type === Type.ballooned
  const ranges = rangesOf(line)
  const [word, counted] = [view.getUint32(8, true), view.getUint32(12, true)]
  expect(isFramed(line), 'a message is as long as its header says')
  expect(view.getUint16(2, true) === 16 + 8 * ranges.length, 'a message ends with its ranges')
  expect((isGivenUp ? counted >>> 1 : counted) === ranges.length, 'ranges are counted')
  expect(word >>> (isGivenUp ? 0 : 1) === 0, 'reserved bits are zero')
  for (const range of ranges) checkRange(told, range, isGivenUp, expect)
  if (!isGivenUp) return
  told.asked -= pagesOf(ranges)
  expect((counted & 1) === (told.asked > 0 ? 1 : 0), 'ranges cover what was asked for, and the last says so')
}

function checkRange({ facts, given }: Told, { start, count }: Range, isGivenUp: boolean, expect: Expect): void {
  const end = start + count
  expect(count > 0 && end <= facts.ramPages, 'a range lies in memory')
  for (let page = start; page < Math.min(end, facts.ramPages); page++) {
    expect(given.has(page) !== isGivenUp, 'a page is given up once before it comes back')
    if (isGivenUp) given.add(page)
    else given.delete(page)
  }
}

function checkReport(told: Told, line: Line, expect: Expect): void {
  const view = viewOf(line)
  const { facts, given, report: before } = told
  const now = {
    available: Number(view.getBigUint64(8, true)),
    committed: Number(view.getBigUint64(16, true)),
    given: given.size,
  }
  expect(isFramed(line) && view.getUint16(2, true) === 48, 'a report has 48 bytes')
  const pageFile = line.bytes.subarray(PAYLOAD + 24)
  expect(
    pageFile.every((byte) => byte === 0),
    'a report of Linux says nothing of a page file',
  )
  expect(now.available + now.given <= facts.ramPages, 'what is available and what was given up fit into memory')
  told.report = now
  if (before === undefined) return
  const more = now.given - before.given
  const committed = facts.totalFalls ? more - more / 2 : more
  expect(Math.abs(now.committed - before.committed - committed) < 1, 'what is given up is committed')
  expect(Math.abs(now.available - before.available + more) < NOISE, 'what is given up is not available')
}

const isBalloon = (name: string): boolean => name.startsWith(BALLOON)

function shaped({ control, channels }: Normalised): Normalised {
  const streams = Object.entries(channels).map(([name, lines]) => [name, isBalloon(name) ? shapeOf(lines) : lines])
  return { control, channels: Object.fromEntries(streams) as Normalised['channels'] }
}

/**
 * As `diff`, but for dynamic memory above its capabilities: which pages a guest gives up, and what it reports of the rest,
 * is its own. There the order, types and sizes of messages and the counts of ranges are compared, and each side's numbers
 * must add up: a message that breaks a relation is a difference, whose text names it.
 */
export function diffMemory(left: Normalised, right: Normalised, facts: MemoryFacts): Difference[] {
  const broken = (side: 'left' | 'right', { channels }: Normalised): Difference[] =>
    Object.entries(channels)
      .filter(([name]) => isBalloon(name))
      .flatMap(([stream, lines]) =>
        brokenRelations(lines, facts).map(([index, what]) => ({
          stream,
          index,
          byte: -1,
          left: side === 'left' ? what : undefined,
          right: side === 'right' ? what : undefined,
        })),
      )
  return [...diff(shaped(left), shaped(right)), ...broken('left', left), ...broken('right', right)]
}
