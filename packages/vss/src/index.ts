import { defineDevice } from '@vmbus/core'
import { PIPE_MODE_FLAG, pipeUserData, type IcVersions } from '@vmbus/ic'
import { guestOptions, vssGuest, type VssGuestOptions } from './guest/index.ts'
import { checkOptions } from '@vmbus/world'
import { hostOptions, vssHost, type VssHostOptions } from './host.ts'
import { VSS_INSTANCE, VSS_INTERFACE } from './protocol.ts'

/** `vss({ snapshot })` offers the component, `vss.driver({ target })` answers it. */
export const vss = defineDevice({
  kind: 'vss',
  interfaceIds: [VSS_INTERFACE],
  offer: (options: VssHostOptions) => ({
    interfaceId: VSS_INTERFACE,
    instanceId: checkOptions('vss', hostOptions, options).instanceId ?? VSS_INSTANCE,
    flags: PIPE_MODE_FLAG,
    userDefined: pipeUserData(),
  }),
  host: (options: VssHostOptions, deps, settings: IcVersions | undefined) => vssHost(options, deps, settings),
  guestOptions,
  guest: (options: VssGuestOptions, deps) => vssGuest(options, deps),
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
