import { defineDevice, type HostDeviceDeps } from '@vmbus/core'
import { netvscHost } from './host.ts'
import { DEFAULT_MAC, type NetvscHostOptions, type NetvscSettings } from './host/options.ts'
import { netvscGuest, type NetvscGuestOptions } from './guest.ts'
import { NETVSC_INTERFACE } from './protocol/nvsp.ts'

/** `netvsc({ switch, mac })` offers an adapter, `netvsc.driver({...})` drives one. */
export const netvsc = defineDevice({
  kind: 'netvsc',
  interfaceIds: [NETVSC_INTERFACE],
  offer: (options: NetvscHostOptions) => ({
    interfaceId: NETVSC_INTERFACE,
    instanceId: options.instanceId ?? instanceOf(options.mac ?? DEFAULT_MAC),
  }),
  host: (options: NetvscHostOptions, deps: HostDeviceDeps, settings: NetvscSettings | undefined) =>
    netvscHost(options, deps, settings),
  guest: (options: NetvscGuestOptions, deps) => netvscGuest(options, deps),
})

/** An instance of its own for each address. */
const instanceOf = (mac: string): string => `f8615163-0000-1000-2000-${mac.replaceAll(/[:-]/g, '').toLowerCase()}`

export { NetvscError, type NetvscErrorCode, type NetvscErrorDetail } from './errors.ts'
export type {
  GuestPhase,
  GuestStatistics,
  NetvscGuest,
  NetvscGuestOptions,
  ReceivedInfo,
  SendOptions,
} from './guest.ts'
export type { NetvscHost } from './host.ts'
export type { NetvscHostOptions, NetvscSettings } from './host/options.ts'
export type { NetvscStatistics } from './host/state.ts'
export { NETVSC_GUEST_REJECTS, NETVSC_HOST_REJECTS, type NetvscGuestReject, type NetvscHostReject } from './rejects.ts'
