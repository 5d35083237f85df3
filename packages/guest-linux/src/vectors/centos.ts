import type { Release } from './release.ts'
import { RHEL } from './rhel.ts'

/** The last release that was a rebuild. */
const LAST = 'rhel 8.5'

/**
 * The same sources as RHEL's release of the number, rebuilt: of 6.10, 7.9 and 8.0 to 8.3 CentOS's own trees are those that
 * were read, and where several rebuilds of a release were, they agree in every field.
 */
export const CENTOS: readonly Release[] = RHEL.slice(0, RHEL.findIndex(({ release }) => release === LAST) + 1).map(
  (each) => ({ ...each, release: each.release.replace('rhel', 'centos') }),
)
