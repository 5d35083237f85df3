import { balloonCoverage } from './balloon.ts'
import { channelCoverage } from './channel.ts'
import type { Coverage } from './coverage.ts'
import { icCoverage } from './ic.ts'
import { netvscCoverage } from './netvsc.ts'
import { otherCoverage } from './others.ts'
import { ringCoverage } from './ring.ts'
import { storvscCoverage } from './storvsc.ts'

export type { Coverage } from './coverage.ts'

/** What became of each historical defect that the reference lists. */
export const regressionCoverage: readonly Coverage[] = [
  ...ringCoverage,
  ...channelCoverage,
  ...netvscCoverage,
  ...storvscCoverage,
  ...icCoverage,
  ...balloonCoverage,
  ...otherCoverage,
]
