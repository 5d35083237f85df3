export { createHostBus } from './bus.ts'
export { HOST_REJECTS, type HostReject } from './rejects.ts'
export type {
  FindDevice,
  HostBus,
  HostBusEvent,
  HostBusOptions,
  HostDeviceHandle,
  OfferOptions,
  TlConnectRequest,
} from './types.ts'
