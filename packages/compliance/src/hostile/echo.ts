import {
  defineDevice,
  type Channel,
  type Device,
  type GuestChannel,
  type GuestDriver,
  type HostDevice,
} from '@vmbus/core'

/** The class of the device that attacks run against. */
const ECHO_CLASS = '0badc0de-1111-2222-3333-444444444444'

export interface EchoOptions {
  readonly instanceId: string
  /** Status for every OPENCHANNEL. */
  readonly refuse?: number
  /** Offered at each open. */
  readonly subchannels?: number
  readonly monitorLatency?: number
}

export const instance = (n: number): string => `00000000-0000-0000-0000-${n.toString(16).padStart(12, '0')}`

/** A device that answers every packet, and says when a call comes that may not come. */
export function echo(
  violation: (text: string) => void,
): Device<EchoOptions, unknown, undefined, HostDevice, GuestDriver> {
  return defineDevice<EchoOptions, unknown, undefined, HostDevice, GuestDriver>({
    kind: 'echo',
    interfaceIds: [ECHO_CLASS],
    offer: ({ instanceId, monitorLatency }) => ({
      interfaceId: ECHO_CLASS,
      instanceId,
      monitorLatency: monitorLatency ?? 0,
    }),
    host: (options, deps) => echoHost(options, deps.offerSubchannels, violation),
    guest: () => echoDriver(violation),
  })
}

function echoHost(
  options: EchoOptions,
  offerSubchannels: (count: number) => void,
  violation: (text: string) => void,
): HostDevice {
  const open = new Set<number>()
  return {
    open(channel: Channel) {
      if (options.refuse !== undefined) return options.refuse
      if (open.has(channel.subchannelIndex)) violation('the device was opened twice')
      open.add(channel.subchannelIndex)
      return 0
    },
    readable(channel: Channel) {
      if (!open.has(channel.subchannelIndex)) violation('the device was called on a closed channel')
      if (channel.subchannelIndex === 0 && options.subchannels !== undefined) offerSubchannels(options.subchannels)
      for (let packet = channel.receive(); packet !== undefined; packet = channel.receive()) {
        if (
          !channel.sendCompletion(
            packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength),
            packet.transactionLow,
            packet.transactionHigh,
          )
        )
          return
      }
    },
    close(channel: Channel) {
      if (!open.delete(channel.subchannelIndex)) violation('the device was closed twice')
    },
    save: () => [...open],
    restore: (state) => {
      for (const index of state as readonly number[]) open.add(index)
    },
    inspect: () => ({ open: [...open] }),
  }
}

/** Opens what is offered, sends one packet, grants and takes back one page. */
function echoDriver(violation: (text: string) => void): GuestDriver {
  const known = new Map<GuestChannel, { waits: boolean }>()
  return {
    offered(channel) {
      known.set(channel, { waits: true })
      channel.open({ outPages: 2, inPages: 2 })
    },
    opened(channel, status) {
      const entry = known.get(channel)
      if (entry === undefined || !entry.waits) violation('an open ended twice, or without being asked')
      else entry.waits = false
      if (status === 0) channel.channel?.sendInBand(new Uint8Array(32), 1, 0, true)
    },
    readable(channel) {
      if (!known.has(channel)) violation('the driver was called on a channel that is gone')
      while (channel.channel?.receive() !== undefined);
    },
    rescinded(channel) {
      if (!known.delete(channel)) violation('a channel was rescinded twice')
    },
    save: () =>
      [...known].map(([{ offer }, { waits }]) => [offer.subchannelIndex, waits] as const).toSorted(([a], [b]) => a - b),
    restore(state, channels) {
      const waiting = new Map(state as readonly (readonly [number, boolean])[])
      for (const channel of channels) {
        const waits = waiting.get(channel.offer.subchannelIndex)
        if (waits !== undefined) known.set(channel, { waits })
      }
    },
    inspect: () => ({ channels: known.size }),
  }
}
