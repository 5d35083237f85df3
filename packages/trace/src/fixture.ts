import { bytesOf, hexOf, TranscriptError } from './json.ts'
import type { Line, Normalised } from './normalise.ts'

/** Where a committed transcript comes from. */
export interface Provenance {
  readonly [key: string]: string | number
}

/** Runs of at least this many zero bytes are written as `(n)`. */
const SHORTEST_RUN = 6

const compact = (bytes: Uint8Array): string =>
  hexOf(bytes).replaceAll(new RegExp(`(?:00){${SHORTEST_RUN},}`, 'g'), (run, at: number) => (at % 2 === 0 ? `(${run.length / 2})` : run))

function expand(text: string): Uint8Array {
  return bytesOf(text.replaceAll(/\((\d+)\)/g, (_, count: string) => '00'.repeat(Number(count))))
}

const write = (lines: readonly Line[]): string[] => lines.map(({ to, bytes }) => `${to === 'host' ? '>' : '<'} ${compact(bytes)}`)

/** A text of one line for each message or packet: `>` to the host, `<` to the guest, runs of zeros as their count. */
export function toFixture(transcript: Normalised, provenance: Provenance): string {
  const head = Object.entries(provenance).map(([key, value]) => `# ${key}: ${value}`)
  const channels = Object.entries(transcript.channels).flatMap(([name, lines]) => [`= ${name}`, ...write(lines)])
  return [...head, '= control', ...write(transcript.control), ...channels, ''].join('\n')
}

export function fromFixture(text: string): { readonly provenance: Provenance; readonly transcript: Normalised } {
  const provenance: Record<string, string> = {}
  const streams: Record<string, Line[]> = { control: [] }
  let stream: Line[] | undefined
  for (const line of text.split('\n')) {
    const rest = line.slice(2)
    if (line.startsWith('# ')) provenance[rest.slice(0, rest.indexOf(':'))] = rest.slice(rest.indexOf(':') + 2)
    else if (line.startsWith('= ')) stream = streams[rest] ??= []
    else if (line.startsWith('> ') || line.startsWith('< ')) {
      if (stream === undefined) throw new TranscriptError('a line before the first stream')
      stream.push({ to: line.startsWith('> ') ? 'host' : 'guest', bytes: expand(rest) })
    } else if (line !== '') throw new TranscriptError(`not a line of a transcript: ${line.slice(0, 40)}`)
  }
  const { control = [], ...channels } = streams
  return { provenance, transcript: { control, channels } }
}
