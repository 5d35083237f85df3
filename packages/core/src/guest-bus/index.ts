export { createGuestBus } from './bus.ts'
export { GUEST_REJECTS, type GuestReject } from './rejects.ts'
export {
  FREEBSD_10_POST,
  FREEBSD_POST,
  LINUX_POST,
  type GuestBehaviour,
  type GuestBus,
  type GuestBusEvent,
  type GuestBusOptions,
  type GuestDevice,
  type GuestPhase,
  type PostPolicy,
} from './types.ts'
