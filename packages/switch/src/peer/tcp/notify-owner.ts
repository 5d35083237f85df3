import { isSynchronized, type Connection } from './control.ts'
import { canWrite, type TcpHandlers, type TcpSocket } from './socket.ts'

/** A connection with its owner. */
export interface Entry {
  readonly connection: Connection
  readonly socket: TcpSocket
  handlers: TcpHandlers
  /** Its owner is being called: whatever it asks for is done when it returns. */
  isNotifying: boolean
}

/** Calls the owner for all that happened. `direct` are bytes that need not be buffered; `capacity` is that of the buffers. */
export const notifyOwner = (entry: Entry, direct: Uint8Array | undefined, capacity: number): void => {
  const { connection, socket } = entry
  const { n, receiving, sending } = connection
  entry.isNotifying = true
  if (!n.openedTold && isSynchronized(n.state)) {
    n.openedTold = true
    entry.handlers.opened?.(socket)
  }
  if (direct !== undefined) entry.handlers.data?.(socket, direct)
  while (!n.paused) {
    const bytes = receiving.take()
    if (bytes === undefined) break
    entry.handlers.data?.(socket, bytes)
  }
  const allRead = receiving.read === receiving.next
  if (n.finReached && allRead && !n.endedTold && (n.state !== 'closed' || n.reason === 'closed')) {
    n.endedTold = true
    entry.handlers.ended?.(socket)
  }
  if (n.wantsDrain && sending.length <= capacity / 2 && canWrite(n)) {
    n.wantsDrain = false
    entry.handlers.drained?.(socket)
  }
  if (n.endedTold && entry.handlers.ended === undefined && !n.wantsDrain && canWrite(n)) n.finQueued = true
  if (n.reason !== undefined && !n.closedTold && (allRead || n.reason !== 'closed')) {
    n.closedTold = true
    entry.handlers.closed?.(socket, n.reason)
  }
  entry.isNotifying = false
}
