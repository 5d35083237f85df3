export { CoreError, type CoreErrorCode, type CoreErrorDetail } from './errors.ts'
export * from './channel/index.ts'
export * from './gpadl/index.ts'
export * from './guest-bus/index.ts'
export * from './host-bus/index.ts'
export * from './messages/index.ts'
export * from './ports/index.ts'
export * from './requests/index.ts'
export * from './ring/index.ts'
export { pageAllocator, type SavablePageAllocator } from './page-allocator.ts'
export {
  ALL_VERSIONS,
  ConnectionId,
  Feature,
  MAX_RELID,
  MAX_RELID_COMPAT,
  NO_MONITOR,
  NO_VP,
  STATUS_CONNECTION_REFUSED,
  STATUS_UNSUCCESSFUL,
  Version,
  versionName,
} from './versions.ts'
export {
  constantIn,
  nameIn,
  upperSnakeCase,
  type DeviceTrace,
  type TransferTrace,
  type VariableCategory,
  type VariableField,
} from './device-trace.ts'
export { defineDevice, type Device, type DeviceDefinition } from './define-device.ts'
export {
  PacketType,
  type Channel,
  type Gpadl,
  type GuestChannel,
  type GuestDriver,
  type GuestDriverDeps,
  type GuestDriverSpec,
  type HostDevice,
  type HostDeviceDeps,
  type HostDeviceSpec,
  type Offer,
  type OfferParameters,
  type Packet,
  type PageAllocator,
  type PageRange,
  type TransferRange,
  type VmbusVersion,
} from './types.ts'
