import { defineDevice } from '@vmbus/core'
import { PIPE_MODE_FLAG, pipeUserData, type IcVersions } from '@vmbus/ic'
import { guestOptions, fcopyGuest, type FcopyGuestOptions } from './guest/index.ts'
import { checkOptions } from '@vmbus/world'
import { fcopyHost, hostOptions, type FcopyHostOptions } from './host.ts'
import { FCOPY_INSTANCE, FCOPY_INTERFACE } from './protocol.ts'

/** `fcopy({ source })` offers the component, `fcopy.driver({ files })` answers it. */
export const fcopy = defineDevice({
  kind: 'fcopy',
  interfaceIds: [FCOPY_INTERFACE],
  offer: (options: FcopyHostOptions) => ({
    interfaceId: FCOPY_INTERFACE,
    instanceId: checkOptions('fcopy', hostOptions, options).instanceId ?? FCOPY_INSTANCE,
    flags: PIPE_MODE_FLAG,
    userDefined: pipeUserData(),
  }),
  host: (options: FcopyHostOptions, deps, settings: IcVersions | undefined) => fcopyHost(options, deps, settings),
  guestOptions,
  guest: (options: FcopyGuestOptions, deps) => fcopyGuest(options, deps),
})

export type { FcopyGuest, FcopyGuestOptions, FcopyQuirk, FileSystem } from './guest/index.ts'
export type { CopyRefusal, CopyRequest, CopyResult, FcopyHost, FcopyHostOptions, FileSource } from './host.ts'
