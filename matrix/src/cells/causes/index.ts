import type { CauseRule } from './cause.ts'
import { DRIVERS_HAVE } from './drivers-have.ts'
import { DRIVERS_LACK } from './drivers-lack.ts'
import { HOSTS } from './hosts.ts'
import { WEAK_VALUES } from './weak.ts'

/** Every cause that is known, the closest first: the first that explains a difference is the one that it joins. */
export const CAUSES: readonly CauseRule[] = [...HOSTS, ...DRIVERS_HAVE, ...DRIVERS_LACK, ...WEAK_VALUES]
