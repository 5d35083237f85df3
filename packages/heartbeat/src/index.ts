import { defineIc } from '@vmbus/ic'
import { heartbeatGuest, guestOptions } from './guest.ts'
import { hostOptions, heartbeatHost } from './host.ts'
import { HEARTBEAT_INSTANCE, HEARTBEAT_INTERFACE } from './protocol.ts'

/** `heartbeat({})` offers the component, `heartbeat.driver({})` answers it. */
export const heartbeat = defineIc({
  kind: 'heartbeat',
  interfaceId: HEARTBEAT_INTERFACE,
  instanceId: HEARTBEAT_INSTANCE,
  hostOptions,
  host: heartbeatHost,
  guestOptions,
  guest: heartbeatGuest,
})

export type { HeartbeatGuestOptions } from './guest.ts'
export type { HeartbeatHost, HeartbeatHostOptions, HeartbeatStatus } from './host.ts'
