import { shutdownMessage } from '@vmbus/shutdown/protocol'
import { byName } from './by-name.ts'
import type { Entries } from './entry.ts'

export const entries: Entries = {
  ...byName(shutdownMessage),
  'openvmm:hyperv_ic_protocol.shutdown::ShutdownFlags': { sameAs: 'shutdown_msg_data', at: 8, part: true },
}
