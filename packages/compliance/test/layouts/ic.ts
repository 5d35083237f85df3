import { icHeader, icVersionLayout, negotiateHeader } from '@vmbus/ic'
import { byName } from './by-name.ts'
import type { Entries } from './entry.ts'

export const entries: Entries = {
  ...byName(icHeader, icVersionLayout, negotiateHeader),
  'openvmm:hyperv_ic_protocol::HeaderFlags': { sameAs: 'icmsg_hdr', at: 17, part: true },
}
