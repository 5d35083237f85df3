import { bytesOf, hexOf, TranscriptError } from './json.ts'
import type { Line, Normalised } from './normalise.ts'

/** Where a committed transcript comes from. */
export interface Provenance {
  readonly [key: string]: string | number
}

/** Runs of at least this many zero bytes are written as `(n)`, of this many 64-bit numbers in turn as `[first-last]`. */
const SHORTEST_RUN = 3
const WORD = 8

/** How many 64-bit numbers from `at` on are each one more than the one before, as page frame numbers are once they have names. */
function numbersInTurn(view: DataView, at: number): number {
  let count = 0
  for (; at + (count + 1) * WORD <= view.byteLength; count++) {
    if (count > 0 && view.getBigUint64(at + count * WORD, true) !== view.getBigUint64(at, true) + BigInt(count)) break
  }
  return count
}

function compact(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const numbers = numbersInTurn(view, at)
    if (numbers >= SHORTEST_RUN) {
      const first = view.getBigUint64(at, true)
      text += `[${first}-${first + BigInt(numbers - 1)}]`
      at += numbers * WORD
      continue
    }
    let end = at
    while (bytes[end] === 0) end++
    const run = end - at
    text += run >= SHORTEST_RUN ? `(${run})` : hexOf(bytes.subarray(at, Math.max(end, at + 1)))
    at = Math.max(end, at + 1)
  }
  return text
}

/** No message or packet is longer: a file that says so is damaged. */
const LONGEST_RUN = 1 << 20

function runOf(count: string): number {
  const length = Number(count)
  if (length > LONGEST_RUN) throw new TranscriptError(`a run of ${count} bytes`)
  return length
}

function numbersOf(first: string, last: string): string {
  const count = Number(BigInt(last) - BigInt(first)) + 1
  if (!(count > 0 && count * WORD <= LONGEST_RUN) || BigInt(last) >> 64n !== 0n)
    throw new TranscriptError(`the numbers from ${first} to ${last}`)
  const bytes = new Uint8Array(count * WORD)
  const view = new DataView(bytes.buffer)
  for (let index = 0; index < count; index++) view.setBigUint64(index * WORD, BigInt(first) + BigInt(index), true)
  return hexOf(bytes)
}

function expand(text: string): Uint8Array {
  return bytesOf(
    text
      .replaceAll(/\((\d+)\)/g, (_, count: string) => '00'.repeat(runOf(count)))
      .replaceAll(/\[(\d{1,20})-(\d{1,20})\]/g, (_, first: string, last: string) => numbersOf(first, last)),
  )
}

const ARROW = { host: '>', guest: '<' } as const

const write = (lines: readonly Line[]): string[] =>
  lines.map(({ to, bytes, format }) =>
    format === undefined ? `${ARROW[to]} ${compact(bytes)}` : `${ARROW[to]}${ARROW[to]} ${format} ${compact(bytes)}`,
  )

/** `> 01`, `< 01`, `>> rndis 01`; undefined for anything else. */
function read(line: string): Line | undefined {
  const [, arrow, twice, format, rest = ''] = /^([<>])(?:(\1) ([a-z0-9-]+))? (.*)$/.exec(line) ?? []
  if (arrow === undefined) return undefined
  const to = arrow === '>' ? 'host' : 'guest'
  return twice === undefined || format === undefined ? { to, bytes: expand(rest) } : { to, bytes: expand(rest), format }
}

/**
 * A text of one line for each message or packet, `>` to the host, `<` to the guest, and for each transfer, `>> format` and
 * `<< format`; runs of zeros as their count.
 */
export function toFixture(transcript: Normalised, provenance: Provenance): string {
  const head = Object.entries(provenance).map(([key, value]) => `# ${key}: ${value}`)
  const channels = Object.entries(transcript.channels).flatMap(([name, lines]) => [`= ${name}`, ...write(lines)])
  return [...head, '= control', ...write(transcript.control), ...channels, ''].join('\n')
}

/** @throws TranscriptError VMBUS_TRANSCRIPT for a line that is not a fixture's. */
export function fromFixture(text: string): { readonly provenance: Provenance; readonly transcript: Normalised } {
  const provenance: Record<string, string> = {}
  const streams = new Map<string, Line[]>()
  let stream: Line[] | undefined
  for (const line of text.split('\n')) {
    const rest = line.slice(2)
    if (line.startsWith('# ')) {
      const [, key = '', value = ''] = /^([^:]+): (.*)$/.exec(rest) ?? []
      if (key === '') throw new TranscriptError(`not a provenance: ${line.slice(0, 40)}`)
      provenance[key] = value
    } else if (line.startsWith('= ')) streams.set(rest, (stream = streams.get(rest) ?? []))
    else if (line !== '') {
      const found = read(line)
      if (found === undefined) throw new TranscriptError(`not a line of a transcript: ${line.slice(0, 40)}`)
      if (stream === undefined) throw new TranscriptError('a line before the first stream')
      stream.push(found)
    }
  }
  const control = streams.get('control') ?? []
  streams.delete('control')
  return { provenance, transcript: { control, channels: Object.fromEntries(streams) } }
}
