import type { GuestProcessor } from '@vmbus/hypervisor'
import type { ChannelEnd } from '../channel-end.ts'
import type { GuestChannel, GuestDriver } from '../types.ts'
import { GUEST_REJECTS, type GuestReject } from './rejects.ts'
import type { GuestChannelState, GuestState } from './state.ts'
import type { GuestBehaviour, GuestBusEvent, GuestBusOptions } from './types.ts'

/** What the parts of the guest bus share. `state` is all that is saved; the rest is made from it. */
export interface GuestContext {
  readonly options: GuestBusOptions
  readonly behaviour: GuestBehaviour
  readonly vps: number
  state: GuestState
  /** Something is being done: what comes meanwhile waits. */
  busy: boolean
  /** The message that is being handled, as it was taken from its slot. */
  readonly slot: Uint8Array
  /** By VP. */
  readonly processors: readonly GuestProcessor[]
  /** By device key; devices that no driver took have none. */
  readonly drivers: Map<number, GuestDriver>
  /** Ends of the channels whose rings are in place, by channel key. */
  readonly ends: Map<number, ChannelEnd>
  readonly handles: Map<number, GuestChannel>
  emit(event: GuestBusEvent): void
  /** The host did not take a message, and never will: its request ends. */
  lost(payload: Uint8Array, status: number): void
  handleOf(channel: GuestChannelState): GuestChannel
  /** Does one thing; interrupts that it causes are taken when it is done. */
  run(work: () => void): void
  /** Does one thing whose result the caller has to have first: interrupts that it causes are taken after it has returned. */
  hold<T>(work: () => T): T
  /** The channel's driver is to be called, though not from within this call. */
  due(key: number): void
  /** A host that does not know pending_send_size does not say when there is room: look again soon. */
  poll(): void
}

export function reject(
  ctx: GuestContext,
  branch: GuestReject,
  detail: Readonly<Record<string, string | number | boolean>> = {},
): void {
  ctx.options.diagnose?.({
    code: 'VMBUS_HOST_REJECTED',
    source: 'guest-bus',
    message: GUEST_REJECTS[branch],
    detail: { branch, ...detail },
  })
}

export function channelByRelid(ctx: GuestContext, relid: number): GuestChannelState | undefined {
  for (const channel of ctx.state.channels.values()) if (channel.offer.relid === relid && !channel.stale) return channel
  return undefined
}

/** The device's channels, primary first. */
export function channelsOf(ctx: GuestContext, device: number): GuestChannelState[] {
  return [...ctx.state.channels.values()]
    .filter((channel) => channel.device === device)
    .toSorted((a, b) => a.offer.subchannelIndex - b.offer.subchannelIndex)
}

/** The driver of a channel's device. */
export function driverOf(ctx: GuestContext, channel: GuestChannelState): GuestDriver | undefined {
  return ctx.drivers.get(channel.device)
}
