import { core } from './core.ts'
import type { Scenario } from './scenario.ts'
import { services } from './services.ts'

export { hostsOf, run } from './scenario.ts'

/** Every scenario that real kernels were recorded in. */
export const scenarios: readonly Scenario[] = [core, services]
