import { balloonMemory, balloonReports } from './balloon.ts'
import { core } from './core.ts'
import { netvscScenario, netvscUnload } from './netvsc.ts'
import { storvsc } from './storvsc.ts'
import { storvscChanges } from './storvsc-changes.ts'
import { storvscFc } from './storvsc-fc.ts'
import { storvscIde } from './storvsc-ide.ts'
import type { Scenario } from './scenario.ts'
import { services } from './services.ts'

export { hostsOf, run } from './scenario.ts'

/** Every scenario that real kernels were recorded in. */
export const scenarios: readonly Scenario[] = [
  core,
  netvscScenario,
  netvscUnload,
  services,
  balloonMemory,
  balloonReports,
  storvsc,
  storvscChanges,
  storvscIde,
  storvscFc,
]
