import { defineIc } from '@vmbus/ic'
import { fcopyGuest, guestOptions } from './guest/index.ts'
import { hostOptions, fcopyHost } from './host.ts'
import { FCOPY_INSTANCE, FCOPY_INTERFACE, FcopyOperation } from './protocol.ts'

/** `fcopy({ source })` offers the component, `fcopy.driver({ files })` answers it. */
export const fcopy = defineIc({
  kind: 'fcopy',
  interfaceId: FCOPY_INTERFACE,
  instanceId: FCOPY_INSTANCE,
  hostOptions,
  host: fcopyHost,
  guestOptions,
  guest: fcopyGuest,
  operations: FcopyOperation,
})

export type { FcopyGuest, FcopyGuestOptions, FcopyQuirk, FileSystem } from './guest/index.ts'
export type { CopyRefusal, CopyRequest, CopyResult, FcopyHost, FcopyHostOptions, FileSource } from './host.ts'
