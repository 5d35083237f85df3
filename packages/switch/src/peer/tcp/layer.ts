import { checkOptions } from '@vmbus/world'
import { SwitchError } from '../../errors.ts'
import { parseIp, type IpBytes } from '../address.ts'
import { tcpEnd, tcpHandlers } from '../options.ts'
import type { Received } from '../parsed.ts'
import { receive, type Arrivals } from './arrival.ts'
import { createReceiveBuffer, createSendBuffer } from './buffers.ts'
import { add, arm, create, endsKey, forget, settle, settleLater, type TcpDeps } from './connections.ts'
import { finish, type Endpoint } from './control.ts'
import { emitter, windowShift } from './emit.ts'
import { probe, retransmit } from './output.ts'
import type { TcpEnd, TcpHandlers, TcpLayerState, TcpSocket } from './socket.ts'

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

export function createTcp(deps: TcpDeps): TcpLayer {
  const ctx: Arrivals = {
    deps,
    emit: emitter(deps),
    receiveShift: windowShift(deps.buffer),
    listeners: new Map(),
    byId: new Map(),
    byEnds: new Map(),
    nextId: 1,
  }
  return {
    listen: (port, handlers) => listen(ctx, port, handlers),
    connect: (to, handlers) => connect(ctx, to, handlers),
    receive: (received) => receive(ctx, received),
    timer: (id) => timer(ctx, id),
    sockets: () => [...ctx.byId.values()].map(({ socket }) => socket),
    save: () => save(ctx),
    restore: (state, attach) => restore(ctx, state, attach),
  }
}

function listen({ listeners }: Arrivals, port: number, handlers: TcpHandlers): { close(): void } {
  checkOptions('listen', tcpHandlers, handlers)
  if (listeners.has(port)) throw new SwitchError('VMBUS_PEER_IN_USE', 'port', port, 'a port without listener')
  if (!Number.isInteger(port) || port < 1 || port > 0xffff)
    throw new SwitchError('VMBUS_PEER_OPTION', 'port', port, '1 … 65535')
  listeners.set(port, handlers)
  return { close: () => void (listeners.get(port) === handlers && listeners.delete(port)) }
}

function connect(ctx: Arrivals, to: TcpEnd, handlers: TcpHandlers): TcpSocket {
  const { deps, byId } = ctx
  checkOptions('connect', tcpEnd, to)
  checkOptions('connect', tcpHandlers, handlers)
  const remote = { address: parseIp(to.address), port: to.port }
  const address = deps.sourceFor(remote.address)
  if (address === undefined)
    throw new SwitchError('VMBUS_PEER_OPTION', 'address', to.address, 'a family that the peer has')
  if (byId.size >= deps.mostSockets)
    throw new SwitchError('VMBUS_PEER_FULL', 'sockets', byId.size, `at most ${deps.mostSockets}`)
  const local = { address, port: localPort(ctx, address, remote) }
  const entry = add(ctx, create(ctx, local, remote, 'syn-sent'), () => handlers)
  settleLater(ctx, entry)
  return entry.socket
}

/** A port that neither a listener nor a connection to `remote` has. */
function localPort({ deps, byEnds, listeners, nextId }: Arrivals, local: IpBytes, remote: Endpoint): number {
  const start = deps.seed.below(EPHEMERALS, 'tcp port', nextId)
  for (let i = 0; i < EPHEMERALS; i++) {
    const port = FIRST_EPHEMERAL + ((start + i) % EPHEMERALS)
    if (!byEnds.has(endsKey({ address: local, port }, remote)) && !listeners.has(port)) return port
  }
  throw new SwitchError('VMBUS_PEER_FULL', 'local ports', EPHEMERALS, 'a free one')
}

function timer(ctx: Arrivals, id: string): void {
  const entry = ctx.byId.get(Number(id))
  if (entry === undefined) return
  const { connection } = entry
  const { n } = connection
  const now = ctx.deps.clock.now()
  connection.armedAt = Infinity
  if (n.lingerAt <= now) finish(n, n.state === 'time-wait' ? 'closed' : 'timed-out')
  if (n.ackAt <= now) n.ackNow = true
  if (n.retransmitAt <= now) retransmit(connection, now, ctx.emit)
  if (n.persistAt <= now) probe(connection, now, ctx.emit)
  settle(ctx, entry)
}

const save = ({ nextId, byId }: Arrivals): TcpLayerState => ({
  nextId,
  sockets: Array.from(byId.values(), ({ connection: { id, local, remote, n, sending, receiving } }) => ({
    id,
    local,
    remote,
    numbers: { ...n },
    sending: sending.save(),
    receiving: receiving.save(),
  })),
})

function restore(ctx: Arrivals, state: TcpLayerState, attach: (socket: TcpSocket) => TcpHandlers): void {
  const { byId, byEnds, deps } = ctx
  for (const entry of byId.values()) forget(ctx, entry)
  byId.clear()
  byEnds.clear()
  ctx.nextId = state.nextId
  for (const { id, local, remote, numbers, sending, receiving } of state.sockets) {
    const connection = {
      id,
      local,
      remote,
      n: { ...numbers },
      sending: createSendBuffer(deps.buffer, sending),
      receiving: createReceiveBuffer(deps.buffer, receiving),
      armedAt: Infinity,
    }
    arm(ctx, add(ctx, connection, attach))
  }
}
