import { bytesOf, hexOf, TranscriptError } from './json.ts'
import type { Line, Normalised } from './normalise.ts'

/** Where a committed transcript comes from. */
export interface Provenance {
  readonly [key: string]: string | number
}

/** Runs of at least this many zero bytes are written as `(n)`. */
const SHORTEST_RUN = 3

function compact(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length;) {
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

function expand(text: string): Uint8Array {
  return bytesOf(text.replaceAll(/\((\d+)\)/g, (_, count: string) => '00'.repeat(runOf(count))))
}

const write = (lines: readonly Line[]): string[] =>
  lines.map(({ to, bytes }) => `${to === 'host' ? '>' : '<'} ${compact(bytes)}`)

/** A text of one line for each message or packet: `>` to the host, `<` to the guest, runs of zeros as their count. */
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
    else if (line.startsWith('> ') || line.startsWith('< ')) {
      if (stream === undefined) throw new TranscriptError('a line before the first stream')
      stream.push({ to: line.startsWith('> ') ? 'host' : 'guest', bytes: expand(rest) })
    } else if (line !== '') throw new TranscriptError(`not a line of a transcript: ${line.slice(0, 40)}`)
  }
  const control = streams.get('control') ?? []
  streams.delete('control')
  return { provenance, transcript: { control, channels: Object.fromEntries(streams) } }
}
