export type {
  GuestClock,
  GuestFirmware,
  GuestGeneration,
  GuestServices,
  ShutdownAction,
  SystemService,
} from './guest.ts'
export type { AttachedHost, HostPort, HostSystem } from './host.ts'
