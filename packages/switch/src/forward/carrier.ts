import type { Duplex } from 'node:stream'
import { SwitchError } from '../errors.ts'
import type { Peer, TcpEnd, TcpSocket } from '../peer/index.ts'

/** A connection from this machine: a socket of node:net, or whatever keeps its rules. Both directions end on their own. */
interface LocalSocket extends Duplex {
  /** Ends it as a TCP reset does. */
  resetAndDestroy(): unknown
}

export interface CarrierOptions {
  readonly peer: Peer
  readonly to: TcpEnd
  /** At once; further ones are closed at once. */
  readonly connections: number
  /** Runs each entry into the peer. */
  readonly run: (work: () => void) => void
}

export interface Carrier {
  readonly connections: number
  /** Carries the connection through the peer until both are closed. */
  accept(local: LocalSocket): void
  /** Resets what is open. */
  abort(): void
}

/** The connections of one forward, whichever listener brings them. */
export function createCarrier({ peer, to, connections, run }: CarrierOptions): Carrier {
  const open = new Map<LocalSocket, TcpSocket | undefined>()
  return {
    get connections() {
      return open.size
    },
    accept(local) {
      if (open.size >= connections) {
        local.destroy()
        return
      }
      open.set(local, undefined)
      local.once('close', () => open.delete(local))
      // Until it is carried, too: an error that nobody hears would end the process.
      local.on('error', () => undefined)
      run(() => {
        // It may have gone while the world was busy.
        if (local.destroyed) return
        try {
          open.set(local, carry(peer, to, local, run))
        } catch (error) {
          if (!(error instanceof SwitchError)) throw error
          local.destroy() // the peer is full
        }
      })
    },
    abort() {
      for (const [local, remote] of open) {
        run(() => remote?.abort())
        local.destroy()
      }
    },
  }
}

/** Joins a local connection to a new connection of the peer. */
function carry(peer: Peer, to: TcpEnd, local: LocalSocket, run: (work: () => void) => void): TcpSocket {
  /** What the peer had no room for yet; reading is paused meanwhile. */
  let rest: Uint8Array | undefined
  let ended = false
  let over = false
  const push = (remote: TcpSocket): void => {
    if (over) return
    if (rest !== undefined) {
      const taken = remote.write(rest)
      rest = taken < rest.length ? rest.subarray(taken) : undefined
      if (rest === undefined) local.resume()
    }
    if (rest === undefined && ended) remote.end()
  }
  const remote = peer.connect(to, {
    data: (socket, bytes) => {
      if (!local.write(Uint8Array.from(bytes))) socket.pause()
    },
    ended: () => void local.end(),
    drained: push,
    closed: (_, reason) => {
      over = true
      if (reason !== 'closed') local.resetAndDestroy()
    },
  })
  local.on('data', (chunk: Buffer) => {
    local.pause()
    run(() => {
      rest = chunk
      push(remote)
    })
  })
  local.on('end', () =>
    run(() => {
      ended = true
      push(remote)
    }),
  )
  local.on('drain', () => run(() => remote.resume()))
  local.on('error', () => run(() => remote.abort()))
  local.on('close', () => {
    if (!ended) run(() => remote.abort())
  })
  return remote
}
