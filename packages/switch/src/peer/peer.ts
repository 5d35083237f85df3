import { checkOptions, restoreState, scopedTimers } from '@vmbus/world'
import { createBudget, type Budget } from '../budget.ts'
import { SwitchError } from '../errors.ts'
import { BROADCAST_MAC, writeMac } from '../mac.ts'
import { PROTOCOL } from '../packet.ts'
import { formatIp, isMulticast, multicastMac, parseIp, type IpBytes } from './address.ts'
import { createIcmp } from './icmp.ts'
import { takeFrame, type Intake } from './intake.ts'
import type { Peer, PeerOptions, PeerState, PingOptions } from './interface.ts'
import { createNeighbours, type Neighbours } from './neighbours.ts'
import { DEFAULT_MTU, checkPayload, peerOptions, pingOptions } from './options.ts'
import { OUTBOX_TIMER, createOutbox, type Outbox } from './outbox.ts'
import { ownAddresses, type OwnAddresses } from './own-addresses.ts'
import { DEFAULT_HOPS, ipFrames, type Outgoing } from './packets.ts'
import { createReassembly } from './reassembly.ts'
import { createResolve } from './resolve.ts'
import { peerForm } from './state.ts'
import { createTcp, type TcpLayer } from './tcp/layer.ts'
import type { TcpHandlers, TcpSocket } from './tcp/socket.ts'
import { createUdp, type Udp } from './udp.ts'

const DEFAULT_TCP_BUFFER = 262_144
const NEIGHBOURS_TIMER = 'neighbours'
const TCP_TIMER = 'tcp/'

/** What sends packets: to a group at once, to a station when its MAC is known. */
interface Sender {
  readonly options: PeerOptions
  readonly own: OwnAddresses
  readonly outbox: Outbox
  readonly neighbours: Neighbours
  /** Of the next IP packet. */
  identification: number
  /** The time that the timer of neighbours is set to. */
  neighboursAt: number
}

interface Context extends Sender, Intake {
  readonly budget: Budget
  readonly udp: Udp
  readonly tcp: TcpLayer
  /** Calls into the peer that have not returned. */
  depth: number
}

/**
 * A small host: ARP, IPv4, IPv6, ICMP echo, UDP and TCP. It sends only when a call into it ends, in order, so that
 * networks that answer at once cannot find it half-way.
 */
export function createPeer(options: PeerOptions): Peer {
  checkOptions('peer', peerOptions, options)
  const ctx = createContext(options)
  const { own, resolve, udp, tcp } = ctx
  const form = peerForm(options.tcpBuffer ?? DEFAULT_TCP_BUFFER)
  return {
    addresses: own.all.map(formatIp),
    receive: (frame) => enter(ctx, () => takeFrame(ctx, frame)),
    timer: (name) => enter(ctx, () => timer(ctx, name)),
    announce: () => enter(ctx, () => own.all.forEach((address) => resolve.announce(address))),
    ping: (address, ping = {}) => enter(ctx, () => sendPing(ctx, address, ping)),
    udp: udp.bind,
    listen: tcp.listen,
    connect: tcp.connect,
    sockets: tcp.sockets,
    save: () => ({ ...form.head, ...save(ctx) }),
    checkState: (saved) => void restoreState(saved, form),
    restore: (saved, attach) => enter(ctx, () => restore(ctx, restoreState(saved, form), attach)),
  }
}

function createContext(options: PeerOptions): Context {
  const { clock, timers, mtu = DEFAULT_MTU, tcpBuffer = DEFAULT_TCP_BUFFER } = options
  const own = ownAddresses(options)
  const budget = createBudget(clock)
  const outbox = createOutbox(budget, timers, options.send)
  const transmit = (frame: Uint8Array, to: number): void => {
    writeMac(frame, 0, to)
    writeMac(frame, 6, own.mac)
    outbox.add(frame)
  }
  const send = (outgoing: Outgoing, source: IpBytes, destination: IpBytes, protocol: number): void =>
    sendPacket(ctx, transmit, outgoing, source, destination, protocol)
  const resolve = createResolve({
    ...own,
    transmit,
    heard(address, theirs, create) {
      ctx.neighbours.heard(address, theirs, clock.now(), create)
      armNeighbours(ctx)
    },
    advertised(advertisement) {
      ctx.neighbours.advertised(advertisement, clock.now())
      armNeighbours(ctx)
    },
  })
  const icmp = createIcmp({
    send,
    sourceFor: ({ destination, source }) => (own.isOurs(destination) ? destination.slice() : own.sourceFor(source)),
    isGroup: own.isGroup,
    echoed: (reply) => options.echoed?.({ ...reply, address: formatIp(reply.address) }),
  })
  const ctx: Context = {
    options,
    clock,
    own,
    budget,
    outbox,
    resolve,
    icmp,
    neighbours: createNeighbours((address) => resolve.ask(address), transmit),
    reassembly: createReassembly(),
    udp: createUdp({
      send,
      sourceFor: own.sourceFor,
      enter: (work) => enter(ctx, work),
      isBroadcast: own.isBroadcast,
      unreachable: (received) => icmp.unreachable(received, 'port'),
    }),
    tcp: createTcp({
      clock,
      budget,
      seed: options.seed,
      timers: scopedTimers(timers, TCP_TIMER.slice(0, -1)),
      mtu,
      buffer: tcpBuffer,
      mostSockets: options.tcpSockets ?? 1024,
      send,
      sourceFor: own.sourceFor,
    }),
    identification: 1,
    neighboursAt: Infinity,
    depth: 0,
  }
  return ctx
}

/** A call into the peer: what it sends goes when the outermost one ends. */
function enter<T>(ctx: Context, work: () => T): T {
  ctx.depth++
  try {
    return work()
  } finally {
    if (--ctx.depth === 0) ctx.outbox.flush()
  }
}

function sendPacket(
  ctx: Sender,
  transmit: (frame: Uint8Array, to: number) => void,
  outgoing: Outgoing,
  source: IpBytes,
  destination: IpBytes,
  protocol: number,
): void {
  const { options, own, neighbours } = ctx
  const mayFragment = protocol === PROTOCOL.icmp && options.echoMayFragment === true
  const { identification } = ctx
  const fields = { source, destination, protocol, hops: DEFAULT_HOPS, identification, mayFragment }
  ctx.identification = (identification + 1) >>> 0
  for (const frame of ipFrames(outgoing, fields, options.mtu ?? DEFAULT_MTU)) {
    if (own.isBroadcast(destination)) transmit(frame, BROADCAST_MAC)
    else if (isMulticast(destination)) transmit(frame, multicastMac(destination))
    else {
      const hop = own.nextHop(destination)
      if (hop !== undefined) neighbours.send(hop, frame, options.clock.now())
    }
  }
  armNeighbours(ctx)
}

function armNeighbours(ctx: Sender): void {
  const { timers } = ctx.options
  const at = ctx.neighbours.deadline()
  if (at === ctx.neighboursAt) return
  ctx.neighboursAt = at
  if (at < Infinity) timers.set(NEIGHBOURS_TIMER, at)
  else timers.clear(NEIGHBOURS_TIMER)
}

function timer(ctx: Context, name: string): void {
  if (name === NEIGHBOURS_TIMER) {
    ctx.neighboursAt = Infinity
    ctx.neighbours.retry(ctx.clock.now())
    armNeighbours(ctx)
  } else if (name === OUTBOX_TIMER) ctx.outbox.timer()
  else if (name.startsWith(TCP_TIMER)) ctx.tcp.timer(name.slice(TCP_TIMER.length))
}

function sendPing({ own, icmp }: Context, address: string, ping: PingOptions): void {
  const { id = 1, sequence = 0, payload = new Uint8Array(56) } = checkOptions('ping', pingOptions, ping)
  checkPayload(payload)
  const destination = parseIp(address)
  const source = own.sourceFor(destination)
  if (source === undefined) throw new SwitchError('VMBUS_PEER_OPTION', 'address', address, 'a family that the peer has')
  icmp.ping(source, destination, id, sequence, payload)
}

const save = (ctx: Context): Omit<PeerState, 'kind' | 'v'> => ({
  identification: ctx.identification,
  budget: ctx.budget.save(),
  outbox: ctx.outbox.save(),
  neighbours: ctx.neighbours.save(),
  partials: ctx.reassembly.save(),
  tcp: ctx.tcp.save(),
})

function restore(ctx: Context, state: Omit<PeerState, 'kind' | 'v'>, attach: (socket: TcpSocket) => TcpHandlers): void {
  ctx.budget.load(state.budget)
  ctx.outbox.load(state.outbox)
  ctx.identification = state.identification
  ctx.neighbours.load(state.neighbours)
  ctx.reassembly.load(state.partials)
  ctx.neighboursAt = -1
  armNeighbours(ctx)
  ctx.tcp.restore(state.tcp, attach)
}
