import type { Execution } from '@vmbus/report'
import type { Failure } from '../probes/property.ts'
import { folded } from './exchange-text.ts'
import { wrapped } from './summary.ts'

const grouped = (number: number): string => number.toString().replaceAll(/\B(?=(\d{3})+$)/g, ',')

/** Of a digest that lines show. */
const DIGEST = 12

/** What came out of one probe, and how much it did. */
export function executionText({
  probe,
  kernel,
  outcome,
  reason,
  decidedBy,
  runs,
  bytes,
  transcript,
}: Execution): string {
  const decided = decidedBy === undefined ? '' : ` Decided by the ${decidedBy.of}'s ${decidedBy.field}.`
  const where = kernel === undefined ? '' : ` on the real kernel ${kernel}`
  const why = reason === '' ? '' : `: ${reason.replace(/\.$/, '')}`
  const counts = `${grouped(runs)} sequences, ${grouped(bytes)} bytes, transcript ${transcript.slice(0, DIGEST) || 'none'}.`
  return `${wrapped('', `Probe ${probe}${where}: ${outcome}${why}.${decided} ${counts}`)}\n`
}

const WIDTH = 76

/** The smallest value that was found for which a property does not hold. */
export function failureText(property: string, { reason, counterexample, shrinks }: Failure): string {
  const lines = folded(counterexample, WIDTH).map((line) => `    ${line}`)
  const head = wrapped('', `"${property}" does not hold: ${reason}. The smallest value found, after ${shrinks} steps:`)
  return `${head}\n${lines.join('\n')}\n`
}

/** What of an execution is a measurement, with the words that lines call it by. */
const MEASURED = {
  outcome: 'outcome',
  reason: 'reason',
  runs: 'number of sequences',
  bytes: 'number of bytes',
  transcript: 'transcript',
} as const satisfies Partial<Record<keyof Execution, string>>

/** In what an execution is not the one that was recorded; empty where it is the same. */
export const differencesOf = (recorded: Execution, played: Execution): readonly string[] =>
  (Object.keys(MEASURED) as (keyof typeof MEASURED)[])
    .filter((name) => recorded[name] !== played[name])
    .map((name) => {
      const shown = [recorded[name], played[name]].map((value) => `${value}`.slice(0, WIDTH) || 'none')
      return `${MEASURED[name]}: ${shown[0]} there, ${shown[1]} here`
    })
