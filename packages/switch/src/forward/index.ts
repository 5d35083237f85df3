import { createServer, type Socket } from 'node:net'
import { callable, checkOptions, instance, integer, object, optional } from '@vmbus/world'
import { SwitchError } from '../errors.ts'
import { tcpEnd } from '../peer/options.ts'
import type { Peer, TcpEnd, TcpSocket } from '../peer/index.ts'

export interface ForwardOptions {
  /** Whoever runs the world must run the peer's timers and its network in real time while this is open. */
  readonly peer: Peer
  /** The service, as the peer reaches it. */
  readonly to: TcpEnd
  /** Port on 127.0.0.1; 0, the default, takes a free one. */
  readonly port?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Connections at once; further ones are closed at once. Default 64. */
  readonly connections?: number | undefined
  /** Runs each entry into the peer; a world that is busy runs it when it is not. Default: at once. */
  run?(work: () => void): void
}

export interface Forward {
  readonly address: '127.0.0.1'
  readonly port: number
  /** Live sockets decide when bytes come: a run with an open forward cannot be repeated from its seed. */
  readonly deterministic: false
  readonly connections: number
  /** Stops listening and resets what is open. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const LOOPBACK = '127.0.0.1'
const DEFAULT_CONNECTIONS = 64

const OPTIONS = object<ForwardOptions>({
  peer: instance<Peer>(),
  to: tcpEnd,
  port: optional(integer(0, 0xffff)),
  signal: optional(instance<AbortSignal>()),
  connections: optional(integer(0)),
  run: optional(callable<(work: () => void) => void>()),
})

/**
 * Listens on 127.0.0.1, never elsewhere, and carries each connection through the peer to `to`, half-closes and
 * backpressure included. Resolves when it listens.
 *
 * @throws OptionsError `VMBUS_OPTIONS_INVALID`, the signal's reason when aborted, or Node's error when the port is taken
 */
export async function forward(options: ForwardOptions): Promise<Forward> {
  checkOptions('forward', OPTIONS, options)
  const { peer, to, signal } = options
  const run = options.run?.bind(options) ?? ((work: () => void): void => work())
  const most = options.connections ?? DEFAULT_CONNECTIONS
  const open = new Map<Socket, TcpSocket | undefined>()
  signal?.throwIfAborted()

  const server = createServer({ allowHalfOpen: true }, (local) => {
    if (open.size >= most) {
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
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, LOOPBACK, resolve)
  })
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0

  let closing: Promise<void> | undefined
  const close = (): Promise<void> =>
    (closing ??= new Promise((resolve) => {
      signal?.removeEventListener('abort', aborted)
      server.close(() => resolve())
      for (const [local, remote] of open) {
        run(() => remote?.abort())
        local.destroy()
      }
    }))
  const aborted = (): void => void close()
  signal?.addEventListener('abort', aborted, { once: true })
  return {
    address: LOOPBACK,
    port,
    deterministic: false,
    get connections() {
      return open.size
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Joins a local socket to a new connection of the peer. */
function carry(peer: Peer, to: TcpEnd, local: Socket, run: (work: () => void) => void): TcpSocket {
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
  local.on('close', (failed) => {
    if (failed || !ended) run(() => remote.abort())
  })
  return remote
}
