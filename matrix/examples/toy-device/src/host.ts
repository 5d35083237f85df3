import type { Channel, HostDevice } from '@vmbus/core'
import { MOST, MessageType, decode, encode, payloadOf } from './protocol.ts'

export interface EchoHost extends HostDevice {
  /** The version agreed on; 0 before. */
  readonly version: number
  /** Sends bytes to be sent back; undefined when they cannot be sent now, else an id. */
  send(bytes: Uint8Array): number | undefined
  /** What came back. */
  answerTo(id: number): Uint8Array | undefined
}

interface State {
  readonly version: number
  readonly last: number
}

/** The host end. `versions` are the host's settings: what its field `toy.echo` says. */
export function echoHost(versions: readonly number[]): EchoHost {
  let channel: Channel | undefined
  let state: State = { version: 0, last: 0 }
  const answers = new Map<number, Uint8Array>()
  const forget = (): void => {
    channel = undefined
    state = { ...state, version: 0 }
  }

  return {
    get version() {
      return state.version
    },
    send(bytes) {
      if (channel === undefined || bytes.length > (MOST[state.version] ?? 0)) return undefined
      const id = state.last + 1
      // Recorded first: the answer may come before the send returns.
      state = { ...state, last: id }
      return channel.sendInBand(encode({ type: MessageType.echo, number: id, bytes }), 0, 0, false) ? id : undefined
    },
    answerTo: (id) => answers.get(id),
    open(opened) {
      channel = opened
      const hello = encode({ type: MessageType.hello, number: 0, bytes: Uint8Array.from(versions) })
      opened.sendInBand(hello, 0, 0, false)
      return 0
    },
    readable(from) {
      for (let packet = from.receive(); packet !== undefined; packet = from.receive()) {
        const message = decode(payloadOf(packet))
        if (message === undefined) return from.fail('TOY_ECHO_MESSAGE', 'a message that is too short')
        const { type, number, bytes } = message
        if (type === MessageType.hello && versions.includes(number)) state = { ...state, version: number }
        if (type === MessageType.echo) answers.set(number, bytes)
      }
    },
    close: forget,
    rescinded: forget,
    save: () => state,
    restore(saved, [open]) {
      state = saved as State
      channel = open
    },
    inspect: () => ({ ...state }),
  }
}
