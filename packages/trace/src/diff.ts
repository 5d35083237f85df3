import { hexOf } from './json.ts'
import type { Line, Normalised } from './normalise.ts'

/** One place where two normalised transcripts differ. */
export interface Difference {
  /** `control`, or the channel's name. */
  readonly stream: string
  readonly index: number
  /** First byte that differs; -1 when the receiver or the kind differs or one side has no such line. */
  readonly byte: number
  readonly left: string | undefined
  readonly right: string | undefined
}

const textOf = (line: Line | undefined): string | undefined =>
  line === undefined
    ? undefined
    : `to ${line.to}${line.format === undefined ? '' : `, ${line.format}`}: ${hexOf(line.bytes)}`

const areAlike = (a: Line | undefined, b: Line | undefined): boolean => a?.to === b?.to && a?.format === b?.format

function differingByte(left: Uint8Array, right: Uint8Array): number | undefined {
  const length = Math.max(left.length, right.length)
  for (let i = 0; i < length; i++) if (left[i] !== right[i]) return i
  return undefined
}

function diffStream(stream: string, left: readonly Line[], right: readonly Line[]): Difference[] {
  const found: Difference[] = []
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const a = left[index]
    const b = right[index]
    const byte = a === undefined || b === undefined || !areAlike(a, b) ? -1 : differingByte(a.bytes, b.bytes)
    if (byte !== undefined) found.push({ stream, index, byte, left: textOf(a), right: textOf(b) })
  }
  return found
}

/** Every line in which two transcripts differ; an empty list means that they are the same exchange. */
export function diff(left: Normalised, right: Normalised): Difference[] {
  const names = [...new Set([...Object.keys(left.channels), ...Object.keys(right.channels)])].toSorted()
  return [
    ...diffStream('control', left.control, right.control),
    ...names.flatMap((name) => diffStream(name, left.channels[name] ?? [], right.channels[name] ?? [])),
  ]
}
