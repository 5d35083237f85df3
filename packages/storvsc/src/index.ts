import { defineDevice } from '@vmbus/core'
import { guestOptions } from './guest/options.ts'
import { storvscGuest, type StorvscGuestOptions } from './guest/index.ts'
import { storvscHost, type StorvscHostOptions, type StorvscSettings } from './host/index.ts'
import { offerOf } from './host/options.ts'
import { FC_INTERFACE, IDE_INTERFACE, SCSI_INTERFACE } from './protocol/index.ts'
import { trace } from './trace.ts'

/** `storvsc({ luns })` offers a controller with its disks, `storvsc.driver({})` drives one. */
export const storvsc = defineDevice({
  kind: 'storvsc',
  interfaceIds: [SCSI_INTERFACE, IDE_INTERFACE, FC_INTERFACE],
  offer: (options: StorvscHostOptions) => offerOf(options),
  host: (options: StorvscHostOptions, deps, settings: StorvscSettings | undefined) =>
    storvscHost(options, deps, settings),
  guestOptions,
  guest: (options: StorvscGuestOptions, deps) => storvscGuest(options, deps),
  trace,
})

export { persistentReservations } from './host/index.ts'
export type {
  Backend,
  DiskLun,
  DiskUnitOptions,
  DvdLun,
  FcNames,
  LunAddress,
  LunOptions,
  ReservationState,
  Reservations,
  StorvscHost,
  StorvscHostOptions,
  StorvscSettings,
} from './host/index.ts'
export { LINUX, LINUX_5_10 } from './guest/index.ts'
export type {
  Disk,
  RequestOutcome,
  RequestResult,
  ScsiCommand,
  StorvscBehaviour,
  StorvscGuest,
  StorvscGuestOptions,
  UnitAddress,
} from './guest/index.ts'
export { StorvscError, type StorvscErrorCode } from './errors.ts'
export {
  STORVSC_GUEST_REJECTS,
  STORVSC_HOST_REJECTS,
  type StorvscGuestReject,
  type StorvscHostReject,
} from './rejects.ts'
