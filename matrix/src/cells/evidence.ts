import { weakestOf, type Basis } from '@vmbus/world'
import type { ReadField } from '../results/results.ts'
import type { Evidence } from '../results/vocabulary.ts'

/** A value between two trees that agree counts as read: its bracket stays in the story. */
const EVIDENCE_OF: Readonly<Record<Basis, Evidence>> = {
  real: 'simulated-sourced',
  'source-read': 'simulated-sourced',
  bracketed: 'simulated-sourced',
  inferred: 'simulated-inferred',
  grid: 'simulated-grid',
}

/**
 * The evidence of what was simulated: that of the weakest field which was read. A probe that reads nothing depends on nothing
 * but the sources of this project, which were read.
 */
export const evidenceOf = (reads: readonly ReadField[]): Evidence =>
  EVIDENCE_OF[weakestOf(reads.map(({ basis }) => basis))]
