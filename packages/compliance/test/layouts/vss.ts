import type { LayoutInfo } from '@vmbus/layout'
import {
  freebsdVssMessage,
  lunInfo,
  vssAutoRecover,
  vssCluster,
  vssClusterV7,
  vssCreate,
  vssCreateV2,
  vssDelete,
  vssDeviceMessage,
  vssDirectMapped,
  vssFlags,
  vssFreeze,
  vssHeader,
} from '@vmbus/vss/protocol'
import { byName } from './by-name.ts'
import type { Entries } from './entry.ts'

/** OpenVMM's names carry the path of their module. */
const openvmm = (...layouts: readonly LayoutInfo[]): Entries =>
  Object.fromEntries(layouts.map((layout) => [`openvmm:hyperv_ic_protocol.vss::${layout.name}`, { layout }]))

export const entries: Entries = {
  ...byName(vssHeader, vssFlags, vssDeviceMessage, freebsdVssMessage),
  hv_vss_check_dm_info: { layout: vssDirectMapped },
  ...openvmm(vssCreate, vssCreateV2, vssDelete, vssFreeze, vssAutoRecover, vssCluster, vssClusterV7, lunInfo),
}
