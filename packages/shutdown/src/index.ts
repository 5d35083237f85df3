import { defineDevice } from '@vmbus/core'
import { PIPE_MODE_FLAG, pipeUserData, type IcVersions } from '@vmbus/ic'
import { guestOptions, shutdownGuest, type ShutdownGuestOptions } from './guest.ts'
import { checkOptions } from '@vmbus/world'
import { hostOptions, shutdownHost, type ShutdownHostOptions } from './host.ts'
import { SHUTDOWN_INSTANCE, SHUTDOWN_INTERFACE } from './protocol.ts'

/** `shutdown({})` offers the component, `shutdown.driver({ act })` obeys it. */
export const shutdown = defineDevice({
  kind: 'shutdown',
  interfaceIds: [SHUTDOWN_INTERFACE],
  offer: (options: ShutdownHostOptions) => ({
    interfaceId: SHUTDOWN_INTERFACE,
    instanceId: checkOptions('shutdown', hostOptions, options).instanceId ?? SHUTDOWN_INSTANCE,
    flags: PIPE_MODE_FLAG,
    userDefined: pipeUserData(),
  }),
  host: (options: ShutdownHostOptions, deps, settings: IcVersions | undefined) => shutdownHost(options, deps, settings),
  guestOptions,
  guest: (options: ShutdownGuestOptions, deps) => shutdownGuest(options, deps),
})

export type { ShutdownGuestOptions } from './guest.ts'
export type { ShutdownHost, ShutdownHostOptions, ShutdownRefusal, ShutdownRequest } from './host.ts'
export type { ShutdownAction } from './protocol.ts'
