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

/** Those whose transcripts were recorded. */
export const DEVICES: readonly TracedDevice[] = [
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
