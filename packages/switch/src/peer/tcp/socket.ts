import { SwitchError } from '../../errors.ts'
import { formatIp } from '../address.ts'
import type { ReceiveBuffer, SendBuffer } from './buffers.ts'
import { finish, type CloseReason, type Connection, type Endpoint, type TcpNumbers, type TcpState } from './control.ts'

/**
 * Callbacks of a socket. `opened` and `closed` come once; bytes given to `data` are valid during the call. None is
 * called from within `connect` or a method of the socket: what those ask for is done when the peer's timers next run.
 */
export interface TcpHandlers {
  opened?(socket: TcpSocket): void
  data?(socket: TcpSocket, bytes: Uint8Array): void
  /** The other end has said all. Without this handler the socket then ends too, unless its owner waits for `drained`. */
  ended?(socket: TcpSocket): void
  /** There is room again after `write` took less than it was given. */
  drained?(socket: TcpSocket): void
  closed?(socket: TcpSocket, reason: CloseReason): void
}

export interface TcpEnd {
  readonly address: string
  readonly port: number
}

export interface TcpSocket {
  /** Unique in the peer, and kept over save and restore. */
  readonly id: number
  readonly local: TcpEnd
  readonly remote: TcpEnd
  readonly state: TcpState
  /** Bytes written and not yet acknowledged. */
  readonly buffered: number
  /** Takes as many bytes as there is room for (a copy) and returns how many. @throws SwitchError `VMBUS_PEER_CLOSED` after `end` or close */
  write(bytes: Uint8Array): number
  /** All is said: what is buffered is still sent, then FIN. The other end may go on. */
  end(): void
  /** Resets the connection. */
  abort(): void
  /** No more `data` until `resume`; the window closes when the buffer is full. */
  pause(): void
  resume(): void
}

/** A socket as saved. */
export interface TcpSocketState {
  readonly id: number
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly numbers: TcpNumbers
  readonly sending: ReturnType<SendBuffer['save']>
  readonly receiving: ReturnType<ReceiveBuffer['save']>
}

/** All sockets as saved. */
export interface TcpLayerState {
  readonly nextId: number
  readonly sockets: readonly TcpSocketState[]
}

/** The owner may still write: open or opening, and not ended. */
export const canWrite = (n: TcpNumbers): boolean =>
  !n.finQueued &&
  (n.state === 'syn-sent' || n.state === 'syn-received' || n.state === 'established' || n.state === 'close-wait')

/** A connection as its owner sees it. `asked` is called for what has to be done when the timers next run. */
export const socketOf = (connection: Connection, asked: () => void): TcpSocket => {
  const { n, local, remote, sending } = connection
  return {
    id: connection.id,
    local: { address: formatIp(local.address), port: local.port },
    remote: { address: formatIp(remote.address), port: remote.port },
    get state() {
      return n.state
    },
    get buffered() {
      return sending.length
    },
    write(bytes) {
      if (!canWrite(n))
        throw new SwitchError('VMBUS_PEER_CLOSED', 'socket state', n.state, 'an open socket that has not ended')
      const taken = sending.write(bytes)
      n.wantsDrain = taken < bytes.length
      if (taken > 0) asked()
      return taken
    },
    end() {
      n.finQueued = true
      if (n.state === 'syn-sent') finish(n, 'aborted')
      asked()
    },
    abort() {
      if (n.state === 'closed') return
      n.resetDue = n.state !== 'syn-sent'
      finish(n, 'aborted')
      asked()
    },
    pause: () => void (n.paused = true),
    resume() {
      if (!n.paused) return
      n.paused = false
      asked()
    },
  }
}
