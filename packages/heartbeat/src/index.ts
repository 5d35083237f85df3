import { defineDevice } from '@vmbus/core'
import { PIPE_MODE_FLAG, pipeUserData, type IcVersions } from '@vmbus/ic'
import { guestOptions, heartbeatGuest, type HeartbeatGuestOptions } from './guest.ts'
import { checkOptions } from '@vmbus/world'
import { heartbeatHost, hostOptions, type HeartbeatHostOptions } from './host.ts'
import { HEARTBEAT_INSTANCE, HEARTBEAT_INTERFACE } from './protocol.ts'

/** `heartbeat({})` offers the component, `heartbeat.driver({})` answers it. */
export const heartbeat = defineDevice({
  kind: 'heartbeat',
  interfaceIds: [HEARTBEAT_INTERFACE],
  offer: (options: HeartbeatHostOptions) => ({
    interfaceId: HEARTBEAT_INTERFACE,
    instanceId: checkOptions('heartbeat', hostOptions, options).instanceId ?? HEARTBEAT_INSTANCE,
    flags: PIPE_MODE_FLAG,
    userDefined: pipeUserData(),
  }),
  host: (options: HeartbeatHostOptions, deps, settings: IcVersions | undefined) =>
    heartbeatHost(options, deps, settings),
  guestOptions,
  guest: (options: HeartbeatGuestOptions, deps) => heartbeatGuest(options, deps),
})

export type { HeartbeatGuestOptions } from './guest.ts'
export type { HeartbeatHost, HeartbeatHostOptions, HeartbeatStatus } from './host.ts'
