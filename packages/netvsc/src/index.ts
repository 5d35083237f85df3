import { defineDevice, type HostDeviceDeps } from '@vmbus/core'
import { checkOptions } from '@vmbus/world'
import { netvscHost } from './host/index.ts'
import { hostOptions, instanceOf, type NetvscHostOptions, type NetvscSettings } from './host/options.ts'
import { guestOptions } from './guest/options.ts'
import { netvscGuest, type NetvscGuestOptions } from './guest/index.ts'
import { NETVSC_INTERFACE } from './protocol/nvsp.ts'
import { trace } from './trace.ts'

/** 100 µs in units of 100 ns (OpenVMM netvsp, mnf_interrupt_latency). */
const MONITOR_LATENCY = 1000

/** `netvsc({ switch, mac })` offers an adapter, `netvsc.driver({...})` drives one. */
export const netvsc = defineDevice({
  kind: 'netvsc',
  interfaceIds: [NETVSC_INTERFACE],
  offer(options: NetvscHostOptions) {
    const { monitored = false } = checkOptions('netvsc', hostOptions, options)
    const offer = { interfaceId: NETVSC_INTERFACE, instanceId: instanceOf(options) }
    return monitored ? { ...offer, monitorLatency: MONITOR_LATENCY } : offer
  },
  host: (options: NetvscHostOptions, deps: HostDeviceDeps, settings: NetvscSettings | undefined) =>
    netvscHost(options, deps, settings),
  guestOptions,
  guest: (options: NetvscGuestOptions, deps) => netvscGuest(options, deps),
  trace,
})

export type {
  GuestOffloads,
  GuestPhase,
  GuestRss,
  GuestStatistics,
  NetvscGuest,
  NetvscGuestOptions,
  QueueStatistics,
  ReceivedInfo,
  RssChange,
  SendOptions,
} from './guest/index.ts'
export type { NetvscHost } from './host/index.ts'
export type { NetvscHostOptions, NetvscSettings } from './host/options.ts'
export type { NetvscStatistics } from './host/types.ts'
export { NETVSC_GUEST_REJECTS, NETVSC_HOST_REJECTS, type NetvscGuestReject, type NetvscHostReject } from './rejects.ts'
