export { storvscHost, type StorvscHost } from './host/controller.ts'
export type { StorvscHostOptions, StorvscSettings } from './host/options.ts'
export type { LunAddress } from './host/address.ts'
export type { DiskLun, DvdLun, LunOptions } from './host/luns.ts'
export type { DiskUnitOptions } from './host/scsi/disk.ts'
export type { Backend } from './host/unit.ts'
export type { FcNames, Phase } from './host/setup.ts'
export {
  persistentReservations,
  type Registrant,
  type ReservationState,
  type Reservations,
} from './host/reservations.ts'
