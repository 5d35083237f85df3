export type { BudgetState } from './budget.ts'
export { SwitchError, type SwitchErrorCode } from './errors.ts'
export { addWords, finishChecksum, internetChecksum, pseudoHeader, udpChecksum } from './checksum.ts'
export {
  ETHERNET_HEADER,
  ETHERTYPE,
  VLAN_TAG,
  copyFrame,
  type Accepts,
  type Frame,
  type Offload,
  type VlanTag,
} from './frame.ts'
export { BROADCAST_MAC, formatMac, isGroupMac, parseMac, readMac, writeMac } from './mac.ts'
export { PROTOCOL, locate, type Located } from './packet.ts'
export { fillChecksums, segmentTcp } from './offload.ts'
export type { LinkDirectionState, LinkOptions } from './link-direction.ts'
export type { Transit } from './schedule.ts'
export type { DropReason, PortStatistics } from './statistics.ts'
export type { TableRow } from './table.ts'
export { LARGEST_VLAN, tagOf, withTagInBytes, withoutTag, type VlanOptions } from './vlan.ts'
export type {
  Adapter,
  CapturedFrame,
  Port,
  PortConfig,
  PortOptions,
  PortState,
  Slot,
  Switch,
  SwitchOptions,
  SwitchState,
} from './interface.ts'
export { frameState } from './state.ts'
export { createSwitch } from './switch.ts'
