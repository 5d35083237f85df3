import { createServer } from 'node:net'
import { callable, checkOptions, instance, integer, object, optional } from '@vmbus/world'
import { tcpEnd } from '../peer/options.ts'
import type { Peer, TcpEnd } from '../peer/index.ts'
import { createCarrier } from './carrier.ts'

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
 * backpressure included. Resolves when it listens, which it does even where the machine's loopback interface is down:
 * whoever connects is told so then, by `ENETUNREACH`.
 *
 * @throws OptionsError `VMBUS_OPTIONS_INVALID`, the signal's reason when aborted, or Node's error when the port is taken
 */
export async function forward(options: ForwardOptions): Promise<Forward> {
  checkOptions('forward', OPTIONS, options)
  const { peer, to, signal } = options
  signal?.throwIfAborted()
  const carrier = createCarrier({
    peer,
    to,
    connections: options.connections ?? DEFAULT_CONNECTIONS,
    run: options.run?.bind(options) ?? ((work) => work()),
  })
  const server = createServer({ allowHalfOpen: true }, (local) => carrier.accept(local))
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
      carrier.abort()
    }))
  const aborted = (): void => void close()
  signal?.addEventListener('abort', aborted, { once: true })
  return {
    address: LOOPBACK,
    port,
    deterministic: false,
    get connections() {
      return carrier.connections
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
