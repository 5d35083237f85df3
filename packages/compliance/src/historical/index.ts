import { balloonDispositions } from './balloon.ts'
import { channelDispositions } from './channel.ts'
import type { Disposition } from './disposition.ts'
import { icDispositions } from './ic.ts'
import { netvscDispositions } from './netvsc.ts'
import { otherDispositions } from './others.ts'
import { ringDispositions } from './ring.ts'
import { storvscDispositions } from './storvsc.ts'

export type { Disposition } from './disposition.ts'

/** What became of each historical defect that the reference lists. */
export const dispositions: readonly Disposition[] = [
  ...ringDispositions,
  ...channelDispositions,
  ...netvscDispositions,
  ...storvscDispositions,
  ...icDispositions,
  ...balloonDispositions,
  ...otherDispositions,
]
