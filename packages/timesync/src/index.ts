import { defineDevice } from '@vmbus/core'
import { PIPE_MODE_FLAG, pipeUserData, type IcVersions } from '@vmbus/ic'
import { guestOptions, timesyncGuest, type TimesyncGuestOptions } from './guest.ts'
import { checkOptions } from '@vmbus/world'
import { hostOptions, timesyncHost, type TimesyncHostOptions } from './host.ts'
import { TIMESYNC_INSTANCE, TIMESYNC_INTERFACE } from './protocol.ts'

/** `timesync({})` offers the component, `timesync.driver({ clock })` follows it. */
export const timesync = defineDevice({
  kind: 'timesync',
  interfaceIds: [TIMESYNC_INTERFACE],
  offer: (options: TimesyncHostOptions) => ({
    interfaceId: TIMESYNC_INTERFACE,
    instanceId: checkOptions('timesync', hostOptions, options).instanceId ?? TIMESYNC_INSTANCE,
    flags: PIPE_MODE_FLAG,
    userDefined: pipeUserData(),
  }),
  host: (options: TimesyncHostOptions, deps, settings: IcVersions | undefined) => timesyncHost(options, deps, settings),
  guestOptions,
  guest: (options: TimesyncGuestOptions, deps) => timesyncGuest(options, deps),
})

export type { GuestClock } from '@vmbus/core'
export type { TimesyncGuest, TimesyncGuestOptions } from './guest.ts'
export type { TimesyncHost, TimesyncHostOptions } from './host.ts'
