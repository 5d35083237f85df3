import type { Execution, NotRun, Outcome, ReadField } from '@vmbus/report'

/** What one probe of a feature gave for a cell: its execution, or why there is none. */
export interface Part {
  readonly probe: { readonly id: string; readonly missing?: string }
  readonly reads: readonly ReadField[]
  readonly execution?: Execution
  /** A real kernel ran it. */
  readonly isReal?: true
  readonly notRun?: { readonly why: NotRun; readonly detail?: string }
}

/** What the probes of a feature say together. */
export interface Combined {
  readonly outcome: Outcome
  readonly reason: string
  /** The part that decided; absent where nothing ran. */
  readonly part?: Part
  /** `partial` only because nothing measures the rest of the row: all that was measured works. */
  readonly isCoverage: boolean
}

/** Outcomes that stand for the whole feature whatever its other parts say, worst first. */
const OVERRIDING: readonly Outcome[] = ['error', 'guest-corrupt', 'guest-hung']
/** What is said of a feature of which nothing works: a driver that fails tells more than one that is not there. */
const NEGATIVE: readonly Outcome[] = ['fails', 'no-driver', 'not-offered']

interface Ran {
  readonly part: Part
  readonly outcome: Outcome
  readonly reason: string
}

/** The outcome of a feature by those of its probes. Several parts that disagree are `partial`, and the reason names which lack. */
export function combine(parts: readonly Part[]): Combined {
  const ran = parts.flatMap(capped)
  for (const outcome of OVERRIDING) {
    const found = ran.find((one) => one.outcome === outcome)
    if (found !== undefined) return decided(found, false)
  }
  const applicable = ran.filter(({ outcome }) => outcome !== 'not-applicable' && outcome !== 'not-run')
  if (applicable.length === 0) {
    const [first] = ran
    if (first !== undefined) return decided(first, false)
    return { outcome: 'not-run', reason: '', isCoverage: false }
  }
  const lacking = applicable.filter(({ outcome }) => NEGATIVE.includes(outcome))
  const worst = NEGATIVE.flatMap((outcome) => lacking.filter((one) => one.outcome === outcome))[0]
  if (worst !== undefined && lacking.length === applicable.length) return decided(worst, false)
  if (worst !== undefined) return lacks(worst, lacking)
  return working(applicable, parts)
}

/** A probe that leaves a part of its row out says `partial` at best. */
function capped(part: Part): Ran[] {
  const { execution, probe } = part
  if (execution === undefined) return []
  const { outcome, reason } = execution
  if (outcome !== 'works' || probe.missing === undefined) return [{ part, outcome, reason }]
  return [{ part, outcome: 'partial', reason: '' }]
}

const decided = ({ part, outcome, reason }: Ran, isCoverage: boolean): Combined => ({
  outcome,
  reason,
  part,
  isCoverage,
})

const lacks = (worst: Ran, lacking: readonly Ran[]): Combined => ({
  outcome: 'partial',
  reason: lacking.map(({ part, reason }) => `${part.probe.id}: ${reason}`).join('; '),
  part: worst.part,
  isCoverage: false,
})

/** Nothing is lacking: a part may still be partial in itself, left out, or not have run. */
function working(applicable: readonly Ran[], parts: readonly Part[]): Combined {
  // A field that decided says that the guest or the host lacks something; without one only the probe's coverage does.
  const partial = applicable.find(
    ({ part, outcome }) =>
      outcome === 'partial' && (part.probe.missing === undefined || part.execution?.decidedBy !== undefined),
  )
  if (partial !== undefined) return decided(partial, false)
  const missing = parts.flatMap(({ probe, execution, notRun }) => [
    ...(probe.missing === undefined ? [] : [probe.missing]),
    ...(notRun === undefined && execution?.outcome !== 'not-run' ? [] : [probe.id]),
  ])
  const [first] = applicable
  const found = first === undefined ? {} : { part: first.part }
  if (missing.length === 0) return { outcome: 'works', reason: '', ...found, isCoverage: false }
  return { outcome: 'partial', reason: `not measured: ${missing.join('; ')}`, ...found, isCoverage: true }
}
