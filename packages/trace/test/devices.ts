import { balloon } from '@vmbus/balloon'
import { kvp } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { storvsc } from '@vmbus/storvsc'
import { timesync } from '@vmbus/timesync'
import type { TracedDevice } from '../src/index.ts'

export const DEVICES: readonly TracedDevice[] = [balloon, kvp, netvsc, storvsc, timesync]
