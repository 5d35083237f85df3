import { defineIc } from '@vmbus/ic'
import { shutdownGuest, guestOptions } from './guest.ts'
import { hostOptions, shutdownHost } from './host.ts'
import { SHUTDOWN_INSTANCE, SHUTDOWN_INTERFACE } from './protocol.ts'

/** `shutdown({})` offers the component, `shutdown.driver({ act })` obeys it. */
export const shutdown = defineIc({
  kind: 'shutdown',
  interfaceId: SHUTDOWN_INTERFACE,
  instanceId: SHUTDOWN_INSTANCE,
  hostOptions,
  host: shutdownHost,
  guestOptions,
  guest: shutdownGuest,
})

export type { ShutdownGuestOptions } from './guest.ts'
export type { ShutdownHost, ShutdownHostOptions, ShutdownRefusal, ShutdownRequest } from './host.ts'
export type { ShutdownAction } from './protocol.ts'
