import { balloon } from '@vmbus/balloon'
import { fcopy } from '@vmbus/fcopy'
import { heartbeat } from '@vmbus/heartbeat'
import { kvp } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { shutdown } from '@vmbus/shutdown'
import { storvsc } from '@vmbus/storvsc'
import { timesync } from '@vmbus/timesync'
import type { TracedDevice } from '@vmbus/trace'
import { vss } from '@vmbus/vss'
import type { OwnDevice } from '../probes/ends.ts'

/** Ours. */
export const TRACED: readonly TracedDevice[] = [
  heartbeat,
  timesync,
  shutdown,
  kvp,
  vss,
  fcopy,
  netvsc,
  storvsc,
  balloon,
]

/** The devices whose packets transcripts tell of: ours, and a user's own that say how. */
export const tracedWith = (own: readonly OwnDevice[]): readonly TracedDevice[] =>
  own.length === 0 ? TRACED : [...TRACED, ...own.map((device) => device.offer())]
