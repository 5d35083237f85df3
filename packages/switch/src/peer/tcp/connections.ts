import type { Clock, Seed, Timers } from '@vmbus/world'
import type { Budget } from '../../budget.ts'
import { keyOf, type IpBytes } from '../address.ts'
import { createReceiveBuffer, createSendBuffer } from './buffers.ts'
import { deadlineOf, isSynchronized, newNumbers, type Connection, type Endpoint, type TcpState } from './control.ts'
import { LARGEST_WINDOW_FIELD, mssFor, type Sending } from './emit.ts'
import { notifyOwner, type Entry } from './notify-owner.ts'
import { emptySequence, sendSyn, sendWhatMay, type Emit } from './output.ts'
import { FLAG } from './segment.ts'
import { socketOf, type TcpHandlers, type TcpSocket } from './socket.ts'

export interface TcpDeps extends Sending {
  readonly clock: Clock
  /** Of what owners ask for. */
  readonly budget: Budget
  readonly timers: Timers
  readonly seed: Seed
  readonly mostSockets: number
  sourceFor(destination: IpBytes): IpBytes | undefined
}

/** All connections of a peer. */
export interface Connections {
  readonly deps: TcpDeps
  readonly emit: Emit
  /** Of every connection's window (RFC 7323, 2.3). */
  readonly receiveShift: number
  readonly byId: Map<number, Entry>
  /** Those that are not closed. */
  readonly byEnds: Map<string, Entry>
  nextId: number
}

export const endsKey = (local: Endpoint, remote: Endpoint): string =>
  `${local.port} ${remote.port} ${keyOf(local.address)} ${keyOf(remote.address)}`

/** Sets the timer of a connection to its next deadline. */
export function arm({ deps }: Connections, { connection }: Entry): void {
  const at = deadlineOf(connection.n)
  if (at >= connection.armedAt) return // an early call finds nothing to do and arms again
  connection.armedAt = at
  deps.timers.set(`${connection.id}`, at)
}

export function forget({ deps, byId, byEnds }: Connections, { connection }: Entry): void {
  if (connection.armedAt < Infinity) deps.timers.clear(`${connection.id}`)
  connection.armedAt = Infinity
  const key = endsKey(connection.local, connection.remote)
  if (byEnds.get(key)?.connection === connection) byEnds.delete(key)
  if (connection.n.closedTold) byId.delete(connection.id)
}

/** After anything that may have changed a connection: calls its owner, sends, sets the timer. `direct` as of `notifyOwner`. */
export function settle(ctx: Connections, entry: Entry, direct?: Uint8Array): void {
  if (entry.isNotifying) return
  const { deps, emit } = ctx
  const { connection } = entry
  const { n } = connection
  n.askedAt = Infinity
  notifyOwner(entry, direct, deps.buffer)
  if (n.resetDue) emit(connection, emptySequence(connection), FLAG.rst | FLAG.ack, 0, 0) // aborted, perhaps just now
  n.resetDue = false
  if (n.state === 'closed') return forget(ctx, entry)
  if (n.state === 'syn-sent' && n.nxt === n.iss) sendSyn(connection, deps.clock.now(), emit)
  if (hasWindowToOffer(connection, deps.buffer)) n.ackNow = true
  sendWhatMay(connection, deps.clock.now(), emit)
  arm(ctx, entry)
}

/** The owner has read so much that the other end should hear of the window, which it believes to be small. */
function hasWindowToOffer({ n, receiving }: Connection, capacity: number): boolean {
  // An end that does not scale can be told of 64 KiB at most.
  const most = Math.min(capacity, LARGEST_WINDOW_FIELD << n.receiveShift)
  const opened = receiving.read + most - n.advertised
  return (
    isSynchronized(n.state) &&
    !n.finReached &&
    opened >= Math.min(most / 2, 2 * n.mss) &&
    n.advertised - receiving.next < most / 2
  )
}

/** Lets `settle` run from the timer: no handler is called before the owner's own call returns. */
export function settleLater(ctx: Connections, entry: Entry): void {
  if (entry.isNotifying) return
  const { clock, budget } = ctx.deps
  const { n } = entry.connection
  if (n.askedAt === Infinity) n.askedAt = budget.take() ? clock.now() : budget.opensAt()
  arm(ctx, entry)
}

export function create(ctx: Connections, local: Endpoint, remote: Endpoint, state: TcpState): Connection {
  const { seed, mtu, buffer } = ctx.deps
  const id = ctx.nextId++
  const iss = seed.u32('tcp iss', id, local.port, remote.port)
  return {
    id,
    local,
    remote,
    n: newNumbers(state, state === 'syn-received', iss, mssFor(mtu, local.address), ctx.receiveShift),
    sending: createSendBuffer(buffer),
    receiving: createReceiveBuffer(buffer),
    armedAt: Infinity,
  }
}

export function add(ctx: Connections, connection: Connection, handlersFor: (socket: TcpSocket) => TcpHandlers): Entry {
  const socket = socketOf(connection, () => settleLater(ctx, entry))
  const entry: Entry = { connection, socket, handlers: {}, isNotifying: false }
  entry.handlers = handlersFor(socket)
  ctx.byId.set(connection.id, entry)
  if (connection.n.state !== 'closed') ctx.byEnds.set(endsKey(connection.local, connection.remote), entry)
  return entry
}
