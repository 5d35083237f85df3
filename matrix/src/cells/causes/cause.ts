import type { MatrixFeature, MatrixRelease } from '../../registry/registry.ts'
import type { Cause, Story } from '@vmbus/report'
import type { Mark } from '../verdict.ts'

/** A cell in which what was measured and what every page says differ. */
export interface Difference {
  readonly release: MatrixRelease
  readonly host: string
  readonly feature: MatrixFeature['id']
  readonly published: Mark
  readonly story: Story
}

/** A cause with the differences that it explains. */
export interface CauseRule extends Cause {
  readonly explains: (difference: Difference) => boolean
}

/** The first cause of the list that explains a difference; undefined: nothing does. */
export const causeOf = (difference: Difference, causes: readonly CauseRule[]): CauseRule | undefined =>
  causes.find(({ explains }) => explains(difference))
