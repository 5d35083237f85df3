import { defineIc } from '@vmbus/ic'
import { timesyncGuest, guestOptions } from './guest.ts'
import { hostOptions, timesyncHost } from './host.ts'
import { TIMESYNC_INSTANCE, TIMESYNC_INTERFACE } from './protocol.ts'
import { timesIn } from './trace.ts'

/** `timesync({})` offers the component, `timesync.driver({ clock })` follows it. */
export const timesync = defineIc({
  kind: 'timesync',
  interfaceId: TIMESYNC_INTERFACE,
  instanceId: TIMESYNC_INSTANCE,
  hostOptions,
  host: timesyncHost,
  guestOptions,
  guest: timesyncGuest,
  variable: timesIn,
})

export type { GuestClock } from '@vmbus/core'
export type { TimesyncGuest, TimesyncGuestOptions } from './guest.ts'
export type { TimesyncHost, TimesyncHostOptions } from './host.ts'
