import type { Channel } from '@vmbus/core'

/** An end with its messages that wait for room in the ring. */
interface Sender {
  readonly channel: Channel | undefined
  readonly state: { readonly outbox: Uint8Array[] }
}

/** Sends what waits, in order. Off the list first: the peer may reply, and more be sent, before the call returns. */
export function flush(sender: Sender): void {
  for (let next = sender.state.outbox.shift(); next !== undefined; next = sender.state.outbox.shift()) {
    const { channel } = sender
    if (channel?.sendInBand(next, 0, 0, false) === true) continue
    sender.state.outbox.unshift(next)
    channel?.wantWritable(next.length + 32)
    return
  }
}

export function post(sender: Sender, bytes: Uint8Array): void {
  sender.state.outbox.push(bytes)
  flush(sender)
}
