import type { Entry } from './transcript.ts'

/** Thrown for a line that is not a transcript's. */
export class TranscriptError extends Error {
  readonly code = 'VMBUS_TRANSCRIPT'
}

const DIGITS = '0123456789abcdef'

const hexOf = (bytes: Uint8Array): string => {
  let text = ''
  for (const byte of bytes) text += DIGITS.charAt(byte >> 4) + DIGITS.charAt(byte & 15)
  return text
}

export function bytesOf(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/.test(hex))
    throw new TranscriptError(`not hexadecimal bytes: ${hex.slice(0, 40)}`)
  const bytes = new Uint8Array(hex.length / 2)
  for (let at = 0; at < bytes.length; at++) bytes[at] = (digit(hex, 2 * at) << 4) | digit(hex, 2 * at + 1)
  return bytes
}

/** The value of a digit: `0` is 0x30, `a` is 0x61. */
function digit(hex: string, at: number): number {
  const code = hex.charCodeAt(at)
  return code < 0x61 ? code - 0x30 : code - 0x61 + 10
}

/** One line of JSON for an entry; a file of such lines is a transcript. */
export const toJsonLine = (entry: Entry): string =>
  JSON.stringify(entry.kind === 'note' ? entry : { ...entry, bytes: hexOf(entry.bytes) })

const text = (value: unknown): value is string => typeof value === 'string'
const count = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const side = (value: unknown): value is 'host' | 'guest' => value === 'host' || value === 'guest'

export function fromJsonLine(line: string): Entry {
  let value: Record<string, unknown>
  try {
    value = JSON.parse(line) as Record<string, unknown>
  } catch {
    throw new TranscriptError(`not JSON: ${line.slice(0, 40)}`)
  }
  const { time, kind, to, vp, connection, relid, format, bytes, source, text: note } = value ?? {}
  if (count(time)) {
    if (kind === 'message' && side(to) && count(vp) && count(connection) && text(bytes))
      return { time, kind, to, vp, connection, bytes: bytesOf(bytes) }
    if (kind === 'packet' && side(to) && count(relid) && text(bytes))
      return { time, kind, to, relid, bytes: bytesOf(bytes) }
    if (kind === 'transfer' && side(to) && count(relid) && text(format) && text(bytes))
      return { time, kind, to, relid, format, bytes: bytesOf(bytes) }
    if (kind === 'note' && text(source) && text(note)) return { time, kind, source, text: note }
  }
  throw new TranscriptError(`not a transcript entry: ${line.slice(0, 40)}`)
}

export { hexOf }
