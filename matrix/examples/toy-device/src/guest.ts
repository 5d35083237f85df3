import type { GuestChannel, GuestDriver } from '@vmbus/core'
import { MessageType, decode, encode, payloadOf } from './protocol.ts'

/** A control page and one of data, each way. */
const PAGES = 2

/** The driver: takes the newest version that both ends have, and sends back what `answer` makes of an echo. */
export function echoDriver(
  versions: readonly number[],
  answer = (bytes: Uint8Array): Uint8Array => bytes,
): GuestDriver {
  let version = 0

  function readable({ channel }: GuestChannel): void {
    for (let packet = channel?.receive(); packet !== undefined; packet = channel?.receive()) {
      const message = decode(payloadOf(packet))
      if (message === undefined) continue
      const { type, number, bytes } = message
      if (type === MessageType.hello) version = Math.max(0, ...versions.filter((each) => bytes.includes(each)))
      const reply =
        type === MessageType.hello ? { number: version, bytes: new Uint8Array(0) } : { number, bytes: answer(bytes) }
      channel?.sendInBand(encode({ type, ...reply }), 0, 0, false)
    }
  }

  return {
    offered: (channel) => channel.open({ outPages: PAGES, inPages: PAGES }),
    opened: () => {},
    readable,
    rescinded: () => void (version = 0),
    save: () => version,
    restore: (saved) => void (version = Number(saved)),
    inspect: () => ({ version }),
  }
}
