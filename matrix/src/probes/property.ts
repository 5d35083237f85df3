import fc, { type Arbitrary } from 'fast-check'
import type { PropertyEnd } from './stage.ts'

/** What failed is tried in smaller forms so often at most: the guest lives on through all of them. */
const MOST_SHRINKS = 40
const SHOWN = 160

/** What does not hold. */
export interface Failure {
  readonly reason: string
  /** The smallest value for which it does not hold that was found, whole, as a program would write it. */
  readonly counterexample: string
  /** Smaller values that were tried and do not hold either. */
  readonly shrinks: number
}

export interface Drawn {
  readonly end: PropertyEnd
  /** Values that were drawn and checked, those of the shrinking left out. */
  readonly runs: number
  readonly failure?: Failure
}

/**
 * Draws values and checks each, in turn; what fails is shrunk. A check fails by `false` or a text; one that throws is no
 * failure of the guest, and ends all by its error. Texts and lists say their `size`: without it what is drawn depends on settings
 * of the process.
 */
export async function draw<T>(
  { seed, runs }: { readonly seed: number; readonly runs: number },
  arbitrary: Arbitrary<T>,
  check: (value: T) => Promise<boolean | string>,
): Promise<Drawn> {
  let thrown: { readonly error: unknown } | undefined
  let failures = 0
  const property = fc.asyncProperty(arbitrary, async (value) => {
    if (thrown !== undefined || (failures > 0 && ++failures > MOST_SHRINKS)) return
    const end = await check(value).catch((error: unknown) => {
      thrown = { error }
      return true
    })
    if (end === true) return
    failures ||= 1
    throw new Error(end === false ? 'does not hold' : end)
  })
  const report = await fc.check(property, { seed: seed | 0, numRuns: runs, examples: [] })
  if (thrown !== undefined) throw thrown.error
  if (!report.failed) return { end: { held: true }, runs: report.numRuns }
  const [value] = report.counterexample ?? []
  const reason = report.errorInstance instanceof Error ? report.errorInstance.message : 'does not hold'
  const shown = fc.stringify(value)
  return {
    end: { held: false, reason: `${reason}: ${shown.length > SHOWN ? `${shown.slice(0, SHOWN)}…` : shown}` },
    runs: report.numRuns,
    failure: { reason, counterexample: shown, shrinks: report.numShrinks },
  }
}
