import type { Scenario } from '../scenario.ts'
import { balloon, balloonReports } from './balloon.ts'
import { core } from './core.ts'
import { netvsc, netvscUnload } from './netvsc.ts'
import { services } from './services.ts'
import { storvsc } from './storvsc.ts'
import { storvscChanges } from './storvsc-changes.ts'
import { storvscFc } from './storvsc-fc.ts'
import { storvscIde } from './storvsc-ide.ts'

/** Every scenario whose transcripts are kept; packages/compliance/test/transcripts/scenarios has the simulated side of each. */
export const scenarios: readonly Scenario[] = [
  core,
  netvsc,
  netvscUnload,
  services,
  balloon,
  balloonReports,
  storvsc,
  storvscChanges,
  storvscIde,
  storvscFc,
]
