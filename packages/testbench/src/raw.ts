import type { Channel, GuestChannel, GuestDriverSpec, HostDeviceSpec } from '@vmbus/core'

const idle = { timer() {}, close() {}, rescinded() {}, save: () => null, restore() {}, inspect: () => ({}) }
const RING_PAGES = 4

/** The payload of a packet, as the receiver's own copy. */
const payloads = function* (channel: Channel | undefined): Generator<Uint8Array> {
  for (let packet = channel?.receive(); packet !== undefined; packet = channel?.receive())
    yield packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength)
}

/**
 * A driver without sense: answers each packet with what `answer` makes of its payload, byte for byte, any number of
 * in-band packets with transaction id 0.
 */
export function rawDriver(
  interfaceId: string,
  answer: (message: Uint8Array) => readonly Uint8Array[],
): GuestDriverSpec {
  const readable = ({ channel }: GuestChannel): void => {
    for (const message of payloads(channel))
      for (const bytes of answer(message)) channel?.sendInBand(bytes, 0, 0, false)
  }
  return {
    kind: 'raw',
    interfaceIds: [interfaceId],
    create: () => ({
      ...idle,
      offered: (channel) => channel.open({ outPages: RING_PAGES, inPages: RING_PAGES }),
      opened: readable,
      readable,
    }),
  }
}

export interface RawDeviceOptions {
  readonly offer: HostDeviceSpec['offer']
  /** Payloads of in-band packets; their transaction ids count from 1. */
  readonly messages: readonly Uint8Array[]
  /** Where the payloads of answers go. */
  readonly answers?: Uint8Array[]
  /** Sends everything when the channel opens, instead of one message at each answer. */
  readonly impatient?: boolean
}

/** A device without sense: sends `messages`, and keeps the answers. */
export function rawDevice({ offer, messages, answers = [], impatient = false }: RawDeviceOptions): HostDeviceSpec {
  return {
    kind: 'raw',
    offer,
    create() {
      let next = 0
      const send = (channel: Channel): void => {
        const message = messages[next++]
        if (message !== undefined) channel.sendInBand(message, next, 0, false)
      }
      return {
        ...idle,
        save: () => next,
        restore(saved) {
          if (typeof saved === 'number') next = saved
        },
        open(channel) {
          for (const _ of impatient ? messages : messages.slice(0, 1)) send(channel)
          return 0
        },
        readable(channel) {
          for (const answer of payloads(channel)) {
            answers.push(answer)
            send(channel)
          }
        },
      }
    },
  }
}
