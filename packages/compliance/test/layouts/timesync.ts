import { timesyncData, timesyncRefData } from '@vmbus/timesync/protocol'
import { byName } from './by-name.ts'
import type { Entries } from './entry.ts'

export const entries: Entries = {
  ...byName(timesyncData, timesyncRefData),
  'openvmm:hyperv_ic_protocol.timesync::TimesyncFlags': { sameAs: 'ictimesync_data', at: 24, part: true },
}
