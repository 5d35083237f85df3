import { defineIc } from '@vmbus/ic'
import { vssGuest, guestOptions } from './guest/index.ts'
import { hostOptions, vssHost } from './host.ts'
import { VSS_INSTANCE, VSS_INTERFACE, VssOperation } from './protocol.ts'

/** `vss({ snapshot })` offers the component, `vss.driver({ target })` answers it. */
export const vss = defineIc({
  kind: 'vss',
  interfaceId: VSS_INTERFACE,
  instanceId: VSS_INSTANCE,
  hostOptions,
  host: vssHost,
  guestOptions,
  guest: vssGuest,
  operations: VssOperation,
})

export type { FreezeTarget, VssGuest, VssGuestOptions, VssQuirk } from './guest/index.ts'
export type {
  BackupLun,
  BackupRefusal,
  BackupRequest,
  BackupResult,
  BackupStage,
  VssHost,
  VssHostOptions,
} from './host.ts'
