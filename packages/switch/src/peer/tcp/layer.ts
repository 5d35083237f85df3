import { checkOptions, type Clock, type Seed, type Timers } from '@vmbus/world'
import type { Budget } from '../../budget.ts'
import { SwitchError } from '../../errors.ts'
import { keyOf, parseIp, type IpBytes } from '../address.ts'
import { tcpEnd, tcpHandlers } from '../options.ts'
import type { Received } from '../parsed.ts'
import { createReceiveBuffer, createSendBuffer } from './buffers.ts'
import {
  deadlineOf,
  finish,
  isSynchronized,
  newNumbers,
  type Connection,
  type Endpoint,
  type TcpState,
} from './control.ts'
import { LARGEST_WINDOW_FIELD, emitter, mssFor, refuse, windowShift, type Sending } from './emit.ts'
import { openBySegment, receiveNext, takeSegment, takeSyn } from './input.ts'
import { emptySequence, probe, retransmit, sendSyn, sendWhatMay } from './output.ts'
import { FLAG, parseSegment, type Segment } from './segment.ts'
import { seqDiff } from './sequence.ts'
import { socketOf, type TcpEnd, type TcpHandlers, type TcpSocket, type TcpSocketState } from './socket.ts'
import { tell, type Entry } from './tell.ts'

export interface TcpLayerState {
  readonly nextId: number
  readonly sockets: readonly TcpSocketState[]
}

export interface TcpDeps extends Sending {
  readonly clock: Clock
  /** Of what owners ask for. */
  readonly budget: Budget
  readonly timers: Timers
  readonly seed: Seed
  readonly mostSockets: number
  sourceFor(destination: IpBytes): IpBytes | undefined
}

export interface TcpLayer {
  listen(port: number, handlers: TcpHandlers): { close(): void }
  connect(remote: TcpEnd, handlers: TcpHandlers): TcpSocket
  receive(received: Received): void
  timer(id: string): void
  sockets(): TcpSocket[]
  save(): TcpLayerState
  restore(state: TcpLayerState, attach: (socket: TcpSocket) => TcpHandlers): void
}

const FIRST_EPHEMERAL = 49_152 // RFC 6335, 6
const EPHEMERALS = 16_384
/** Connections that have not answered our SYN-ACK, of all listeners. */
const MOST_HALF_OPEN = 128

export function createTcp(deps: TcpDeps): TcpLayer {
  const { clock, timers, seed } = deps
  const capacity = deps.buffer
  const receiveShift = windowShift(capacity)
  const listeners = new Map<number, TcpHandlers>()
  const byId = new Map<number, Entry>()
  const byEnds = new Map<string, Entry>()
  let nextId = 1

  const endsKey = (local: Endpoint, remote: Endpoint): string =>
    `${local.port} ${remote.port} ${keyOf(local.address)} ${keyOf(remote.address)}`
  const emit = emitter(deps)

  const arm = ({ connection }: Entry): void => {
    const at = deadlineOf(connection.n)
    if (at >= connection.armedAt) return // an early call finds nothing to do and arms again
    connection.armedAt = at
    timers.set(`${connection.id}`, at)
  }
  const forget = ({ connection }: Entry): void => {
    if (connection.armedAt < Infinity) timers.clear(`${connection.id}`)
    connection.armedAt = Infinity
    const key = endsKey(connection.local, connection.remote)
    if (byEnds.get(key)?.connection === connection) byEnds.delete(key)
    if (connection.n.closedTold) byId.delete(connection.id)
  }
  /** After anything that may have changed a connection: calls its owner, sends, sets the timer. */
  const settle = (entry: Entry, direct?: Uint8Array): void => {
    if (entry.telling) return
    const { connection } = entry
    const { n, receiving } = connection
    n.askedAt = Infinity
    tell(entry, direct, capacity)
    if (n.resetDue) emit(connection, emptySequence(connection), FLAG.rst | FLAG.ack, 0, 0) // aborted, perhaps just now
    n.resetDue = false
    if (n.state === 'closed') {
      forget(entry)
      return
    }
    if (n.state === 'syn-sent' && n.nxt === n.iss) sendSyn(connection, clock.now(), emit)
    // An end that does not scale can be told of 64 KiB at most.
    const most = Math.min(capacity, LARGEST_WINDOW_FIELD << n.receiveShift)
    const opened = receiving.read + most - n.advertised
    if (
      isSynchronized(n.state) &&
      !n.finReached &&
      opened >= Math.min(most / 2, 2 * n.mss) &&
      n.advertised - receiving.next < most / 2
    )
      n.ackNow = true
    sendWhatMay(connection, clock.now(), emit)
    arm(entry)
  }
  /** Has `settle` run when the timers next do: what an owner asks for calls nobody back before it returns. */
  const ask = (entry: Entry): void => {
    if (entry.telling) return
    const { n } = entry.connection
    if (n.askedAt === Infinity) n.askedAt = deps.budget.take() ? clock.now() : deps.budget.opensAt()
    arm(entry)
  }

  const add = (connection: Connection, handlersFor: (socket: TcpSocket) => TcpHandlers): Entry => {
    const entry: Entry = { connection, socket: socketOf(connection, () => ask(entry)), handlers: {}, telling: false }
    entry.handlers = handlersFor(entry.socket)
    byId.set(connection.id, entry)
    if (connection.n.state !== 'closed') byEnds.set(endsKey(connection.local, connection.remote), entry)
    return entry
  }
  const create = (local: Endpoint, remote: Endpoint, state: TcpState): Connection => {
    const id = nextId++
    const iss = seed.u32('tcp iss', id, local.port, remote.port)
    const n = newNumbers(state, state === 'syn-received', iss, mssFor(deps.mtu, local.address), receiveShift)
    return {
      id,
      local,
      remote,
      n,
      sending: createSendBuffer(capacity),
      receiving: createReceiveBuffer(capacity),
      armedAt: Infinity,
    }
  }

  const accept = (received: Received, segment: Segment): void => {
    const handlers = listeners.get(segment.destinationPort)
    if (handlers === undefined || segment.flags & FLAG.ack) {
      refuse(deps, received, segment)
      return
    }
    // RFC 9293, 3.10.7.2: a reset is ignored, what has neither SYN nor ACK is dropped. SYN with FIN as well, as Linux does.
    if ((segment.flags & (FLAG.syn | FLAG.rst | FLAG.fin)) !== FLAG.syn) return
    let halfOpen = 0
    for (const { connection } of byId.values()) if (connection.n.state === 'syn-received') halfOpen++
    if (halfOpen >= MOST_HALF_OPEN || byId.size >= deps.mostSockets) return // it will ask again
    const local = { address: received.destination.slice(), port: segment.destinationPort }
    const remote = { address: received.source.slice(), port: segment.sourcePort }
    const connection = create(local, remote, 'syn-received')
    const entry = add(connection, () => handlers)
    takeSyn(connection, segment)
    sendSyn(connection, clock.now(), emit)
    arm(entry)
  }

  const localPort = (local: IpBytes, remote: Endpoint): number => {
    const start = seed.below(EPHEMERALS, 'tcp port', nextId)
    for (let i = 0; i < EPHEMERALS; i++) {
      const port = FIRST_EPHEMERAL + ((start + i) % EPHEMERALS)
      if (!byEnds.has(endsKey({ address: local, port }, remote)) && !listeners.has(port)) return port
    }
    throw new SwitchError('VMBUS_PEER_FULL', 'local ports', EPHEMERALS, 'a free one')
  }

  return {
    listen(port, handlers) {
      checkOptions('listen', tcpHandlers, handlers)
      if (listeners.has(port)) throw new SwitchError('VMBUS_PEER_IN_USE', 'port', port, 'a port without listener')
      if (!Number.isInteger(port) || port < 1 || port > 0xffff)
        throw new SwitchError('VMBUS_PEER_OPTION', 'port', port, '1 … 65535')
      listeners.set(port, handlers)
      return { close: () => void (listeners.get(port) === handlers && listeners.delete(port)) }
    },
    connect(to, handlers) {
      checkOptions('connect', tcpEnd, to)
      checkOptions('connect', tcpHandlers, handlers)
      const remote = { address: parseIp(to.address), port: to.port }
      const address = deps.sourceFor(remote.address)
      if (address === undefined)
        throw new SwitchError('VMBUS_PEER_OPTION', 'address', to.address, 'a family that the peer has')
      if (byId.size >= deps.mostSockets)
        throw new SwitchError('VMBUS_PEER_FULL', 'sockets', byId.size, `at most ${deps.mostSockets}`)
      const entry = add(create({ address, port: localPort(address, remote) }, remote, 'syn-sent'), () => handlers)
      ask(entry)
      return entry.socket
    },
    receive(received) {
      const segment = parseSegment(received)
      if (segment === undefined) return
      const local = { address: received.destination, port: segment.destinationPort }
      const remote = { address: received.source, port: segment.sourcePort }
      const entry = byEnds.get(endsKey(local, remote))
      if (entry !== undefined && entry.connection.n.state === 'closed') settle(entry)
      if (entry === undefined || entry.connection.n.state === 'closed') {
        accept(received, segment)
        return
      }
      const { connection } = entry
      // A connection does not begin and end in one segment: nothing in it is to be believed.
      if (segment.flags & FLAG.syn && segment.flags & FLAG.fin) return
      const again =
        connection.n.state === 'time-wait' && (segment.flags & (FLAG.syn | FLAG.ack | FLAG.rst)) === FLAG.syn
      if (again && seqDiff(segment.sequence, receiveNext(connection)) > 0) {
        // The same ends once more (RFC 9293, 3.6.1): the old connection makes way.
        finish(connection.n, 'closed')
        settle(entry)
        accept(received, segment)
        return
      }
      if (connection.n.state === 'syn-sent') {
        if (openBySegment(connection, segment, clock.now(), emit) === 'reset') refuse(deps, received, segment)
        settle(entry)
      } else settle(entry, takeSegment(connection, segment, clock.now(), emit))
    },
    timer(id) {
      const entry = byId.get(Number(id))
      if (entry === undefined) return
      const { connection } = entry
      const { n } = connection
      const now = clock.now()
      connection.armedAt = Infinity
      if (n.lingerAt <= now) finish(n, n.state === 'time-wait' ? 'closed' : 'timed-out')
      if (n.ackAt <= now) n.ackNow = true
      if (n.retransmitAt <= now) retransmit(connection, now, emit)
      if (n.persistAt <= now) probe(connection, now, emit)
      settle(entry)
    },
    sockets: () => [...byId.values()].map(({ socket }) => socket),
    save: () => ({
      nextId,
      sockets: [...byId.values()].map(({ connection }) => ({
        id: connection.id,
        local: connection.local,
        remote: connection.remote,
        numbers: { ...connection.n },
        sending: connection.sending.save(),
        receiving: connection.receiving.save(),
      })),
    }),
    restore(state, attach) {
      for (const entry of byId.values()) forget(entry)
      byId.clear()
      byEnds.clear()
      nextId = state.nextId
      for (const { id, local, remote, numbers, sending, receiving } of state.sockets) {
        const connection: Connection = {
          id,
          local,
          remote,
          n: { ...numbers },
          sending: createSendBuffer(capacity, sending),
          receiving: createReceiveBuffer(capacity, receiving),
          armedAt: Infinity,
        }
        arm(add(connection, attach))
      }
    },
  }
}
