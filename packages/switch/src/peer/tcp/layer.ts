import type { Clock, Seed, Timers } from '@vmbus/world'
import { SwitchError } from '../../errors.ts'
import { PROTOCOL } from '../../packet.ts'
import { formatIp, keyOf, parseIp, type IpBytes } from '../address.ts'
import { IPV4_HEADER, IPV6_HEADER, type Outgoing, type Received } from '../packets.ts'
import { createReceiveBuffer, createSendBuffer, type ReceiveBuffer, type SendBuffer } from './buffers.ts'
import {
  deadlineOf,
  finish,
  isSynchronized,
  newNumbers,
  type CloseReason,
  type Connection,
  type Endpoint,
  type TcpNumbers,
  type TcpState,
} from './control.ts'
import { openBySegment, receiveNext, takeSegment, takeSyn } from './input.ts'
import { emptySequence, probe, retransmit, sendSyn, sendWhatMay, type Emit } from './output.ts'
import { FLAG, TCP_HEADER, buildSegment, parseSegment, type Segment } from './segment.ts'
import { seqAdd, seqDiff } from './sequence.ts'

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

export interface TcpLayerState {
  readonly nextId: number
  readonly sockets: readonly TcpSocketState[]
}

export interface TcpDeps {
  readonly clock: Clock
  readonly timers: Timers
  readonly seed: Seed
  readonly mtu: number
  /** Bytes of each socket's send and receive buffer. */
  readonly buffer: number
  readonly mostSockets: number
  send(outgoing: Outgoing, source: IpBytes, destination: IpBytes, protocol: number): void
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

interface Entry {
  readonly connection: Connection
  readonly socket: TcpSocket
  handlers: TcpHandlers
  /** Its owner is being called: whatever it asks for is done when it returns. */
  telling: boolean
}

const FIRST_EPHEMERAL = 49_152 // RFC 6335, 6
const EPHEMERALS = 16_384
const LARGEST_WINDOW_FIELD = 0xffff
/** Connections that have not answered our SYN-ACK, of all listeners. */
const MOST_HALF_OPEN = 128

export function createTcp(deps: TcpDeps): TcpLayer {
  const { clock, timers, seed } = deps
  const capacity = deps.buffer
  const receiveShift = Math.max(0, Math.ceil(Math.log2(capacity / LARGEST_WINDOW_FIELD)))
  const listeners = new Map<number, TcpHandlers>()
  const byId = new Map<number, Entry>()
  const byEnds = new Map<string, Entry>()
  let nextId = 1

  const endsKey = (local: Endpoint, remote: Endpoint): string =>
    `${local.port} ${remote.port} ${keyOf(local.address)} ${keyOf(remote.address)}`
  const mssFor = (address: IpBytes): number =>
    deps.mtu - TCP_HEADER - (address.length === 4 ? IPV4_HEADER : IPV6_HEADER)

  const emit: Emit = (connection, sequence, flags, position, length) => {
    const { n, local, remote, sending, receiving } = connection
    let space = receiving.read + capacity - receiving.next
    // RFC 9293, 3.8.6.2.2: no small windows are offered, but none is taken back.
    if (space < Math.min(capacity / 2, n.mss)) space = Math.max(0, n.advertised - receiving.next)
    const shift = flags & FLAG.syn ? 0 : n.receiveShift
    const window = Math.min(LARGEST_WINDOW_FIELD, space >> shift)
    if (flags & (FLAG.ack | FLAG.syn)) n.advertised = Math.max(n.advertised, receiving.next + (window << shift))
    if (flags & FLAG.ack) {
      n.ackNow = false
      n.ackAt = Infinity
      n.unacknowledgedSegments = 0
    }
    const header = {
      source: local.address,
      destination: remote.address,
      sourcePort: local.port,
      destinationPort: remote.port,
      sequence,
      acknowledgment: flags & FLAG.ack ? receiveNext(connection) : 0,
      flags,
      window,
      mss: mssFor(local.address),
      windowScale: n.receiveShift > 0 ? n.receiveShift : -1,
    }
    const fill =
      length > 0 ? (target: Uint8Array, at: number): void => sending.copy(position, length, target, at) : undefined
    deps.send(buildSegment(header, length, fill), local.address, remote.address, PROTOCOL.tcp)
  }

  const tell = (entry: Entry, direct: Uint8Array | undefined): void => {
    const { connection, socket } = entry
    const { n, receiving, sending } = connection
    entry.telling = true
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
    entry.telling = false
  }
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
    tell(entry, direct)
    if (n.resetDue) emit(connection, emptySequence(connection), FLAG.rst | FLAG.ack, 0, 0) // aborted, perhaps just now
    n.resetDue = false
    if (n.state === 'closed') {
      forget(entry)
      return
    }
    if (n.state === 'syn-sent' && n.nxt === n.iss) sendSyn(connection, clock.now(), emit)
    const opened = receiving.read + capacity - n.advertised
    if (
      isSynchronized(n.state) &&
      !n.finReached &&
      opened >= Math.min(capacity / 2, 2 * n.mss) &&
      n.advertised - receiving.next < capacity / 2
    )
      n.ackNow = true
    sendWhatMay(connection, clock.now(), emit)
    arm(entry)
  }
  /** Has `settle` run when the timers next do: what an owner asks for calls nobody back before it returns. */
  const ask = (entry: Entry): void => {
    if (entry.telling) return
    entry.connection.n.askedAt = clock.now()
    arm(entry)
  }

  const add = (connection: Connection, handlersFor: (socket: TcpSocket) => TcpHandlers): Entry => {
    const entry: Entry = { connection, socket: socketOf(connection, () => ask(entry)), handlers: {}, telling: false }
    entry.handlers = handlersFor(entry.socket)
    byId.set(connection.id, entry)
    if (connection.n.state !== 'closed') byEnds.set(endsKey(connection.local, connection.remote), entry)
    return entry
  }
  const socketOf = (connection: Connection, asked: () => void): TcpSocket => {
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
  const create = (local: Endpoint, remote: Endpoint, state: TcpState): Connection => {
    const id = nextId++
    const iss = seed.u32('tcp iss', id, local.port, remote.port)
    const n = newNumbers(state, state === 'syn-received', iss, mssFor(local.address), receiveShift)
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

  /** Answers a segment that belongs to no connection (RFC 9293, 3.10.7.1). */
  const refuse = (received: Received, segment: Segment): void => {
    if (segment.flags & FLAG.rst) return
    const acknowledged = (segment.flags & FLAG.ack) !== 0
    const length = segment.payload.length + (segment.flags & FLAG.syn ? 1 : 0) + (segment.flags & FLAG.fin ? 1 : 0)
    const source = received.destination.slice()
    const destination = received.source.slice()
    const outgoing = buildSegment(
      {
        source,
        destination,
        sourcePort: segment.destinationPort,
        destinationPort: segment.sourcePort,
        sequence: acknowledged ? segment.acknowledgment : 0,
        acknowledgment: acknowledged ? 0 : seqAdd(segment.sequence, length),
        flags: acknowledged ? FLAG.rst : FLAG.rst | FLAG.ack,
        window: 0,
        mss: -1,
        windowScale: -1,
      },
      0,
    )
    deps.send(outgoing, source, destination, PROTOCOL.tcp)
  }
  const accept = (received: Received, segment: Segment): void => {
    const handlers = listeners.get(segment.destinationPort)
    const opens = (segment.flags & (FLAG.syn | FLAG.ack | FLAG.rst)) === FLAG.syn
    if (handlers === undefined || !opens) {
      refuse(received, segment)
      return
    }
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
      if (listeners.has(port)) throw new SwitchError('VMBUS_PEER_IN_USE', 'port', port, 'a port without listener')
      if (!Number.isInteger(port) || port < 1 || port > 0xffff)
        throw new SwitchError('VMBUS_PEER_OPTION', 'port', port, '1 … 65535')
      listeners.set(port, handlers)
      return { close: () => void (listeners.get(port) === handlers && listeners.delete(port)) }
    },
    connect(to, handlers) {
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
        if (openBySegment(connection, segment, clock.now(), emit) === 'reset') refuse(received, segment)
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

/** The owner may still write: open or opening, and not ended. */
const canWrite = (n: TcpNumbers): boolean =>
  !n.finQueued &&
  (n.state === 'syn-sent' || n.state === 'syn-received' || n.state === 'established' || n.state === 'close-wait')
