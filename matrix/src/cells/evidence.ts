import { weakestOf, type Basis } from '@vmbus/world'
import type { Evidence, ReadField } from '@vmbus/report'

/** The two trees of a bracket may differ, and then nobody read which side the value is of: the story has both. */
const EVIDENCE_OF: Readonly<Record<Basis, Evidence>> = {
  real: 'simulated-sourced',
  'source-read': 'simulated-sourced',
  bracketed: 'simulated-inferred',
  inferred: 'simulated-inferred',
  grid: 'simulated-grid',
}

/**
 * The evidence of what was simulated: that of the weakest field which was read. A probe that reads nothing depends on nothing
 * but the sources of this project, which were read.
 */
export const evidenceOf = (reads: readonly ReadField[]): Evidence =>
  EVIDENCE_OF[weakestOf(reads.map(({ basis }) => basis))]
