import {
  ipAddressV4,
  ipAddressV6,
  kvpBody,
  kvpDelete,
  kvpDeviceMessage,
  kvpEnumerate,
  kvpGet,
  kvpHeader,
  kvpIpBinary,
  kvpIpBody,
  kvpIpMessage,
  kvpIpText,
  kvpRegister,
  kvpValue,
  poolRecord,
} from '@vmbus/kvp/protocol'
import type { LayoutInfo } from '@vmbus/layout'
import { byName } from './by-name.ts'
import type { Entries } from './entry.ts'

/** OpenVMM's names carry the path of their module. */
const openvmm = (...layouts: readonly LayoutInfo[]): Entries =>
  Object.fromEntries(layouts.map((layout) => [`openvmm:hyperv_ic_protocol.kvp::${layout.name}`, { layout }]))

export const entries: Entries = {
  ...byName(
    kvpHeader,
    kvpValue,
    kvpGet,
    kvpDelete,
    kvpEnumerate,
    kvpRegister,
    kvpIpText,
    kvpIpMessage,
    kvpDeviceMessage,
    poolRecord,
  ),
  ...openvmm(kvpBody, kvpIpBody, kvpIpBinary, ipAddressV4, ipAddressV6),
}
