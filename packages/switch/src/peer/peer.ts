import { scopedTimers, type Clock, type Seed, type Timers } from '@vmbus/world'
import { SwitchError } from '../errors.ts'
import { ETHERNET_HEADER, ETHERTYPE, readU16, type Frame } from '../frame.ts'
import { BROADCAST_MAC, isGroupMac, parseMac, readMac, writeMac } from '../mac.ts'
import { PROTOCOL } from '../packet.ts'
import {
  formatIp,
  isBroadcast,
  isInNetwork,
  isMulticast,
  linkLocalOf,
  multicastMac,
  parseIp,
  parseNetwork,
  sameIp,
  type IpBytes,
  type Network,
} from './address.ts'
import { createIcmp } from './icmp.ts'
import { createNeighbours, type Neighbour } from './neighbours.ts'
import {
  DEFAULT_HOPS,
  ipFrames,
  parseV4,
  parseV6,
  transportChecksumOk,
  type Outgoing,
  type Parsed,
  type Received,
} from './packets.ts'
import { createReassembly, type PartialDatagram } from './reassembly.ts'
import { createResolve } from './resolve.ts'
import { createTcp, type TcpLayerState } from './tcp/layer.ts'
import type { TcpEnd, TcpHandlers, TcpSocket } from './tcp/socket.ts'
import { createUdp, type UdpFrom, type UdpSocket } from './udp.ts'

export interface PeerOptions {
  readonly clock: Clock
  readonly timers: Timers
  /** Draws initial sequence numbers and local ports. */
  readonly seed: Seed
  readonly mac: string
  /** Address and prefix length, `10.0.0.1/24`. */
  readonly ipv4?: string | undefined
  /** A further address beside the link-local one that the MAC gives, `fd00::1/64`. */
  readonly ipv6?: string | undefined
  /** Next hop for what is not on the link. */
  readonly gateway4?: string | undefined
  readonly gateway6?: string | undefined
  /** Largest packet, 576 … 65535, 1280 or more for IPv6. Default 1500. */
  readonly mtu?: number | undefined
  /** Bytes of each TCP socket's send and receive buffer, 4096 … 2^26. Default 262144. */
  readonly tcpBuffer?: number | undefined
  /** Default 1024. */
  readonly tcpSockets?: number | undefined
  /** Routers may cut ICMP, as that of Linux (net/ipv4/icmp.c, icmp_sk_init: IP_PMTUDISC_DONT). Default false. */
  readonly echoMayFragment?: boolean | undefined
  /** Takes a frame to be sent; its bytes may be kept. */
  send(frame: Frame): void
  /** An echo reply came. */
  echoed?(reply: {
    readonly address: string
    readonly id: number
    readonly sequence: number
    readonly payload: Uint8Array
  }): void
}

/** A peer's whole state as a plain value; listeners and UDP ports are bound again by their owners. */
export interface PeerState {
  readonly version: 1
  readonly identification: number
  readonly neighbours: readonly Neighbour[]
  readonly partials: readonly PartialDatagram[]
  readonly tcp: TcpLayerState
}

export interface Peer {
  /** Our addresses: IPv4, IPv6, link-local. */
  readonly addresses: readonly string[]
  /** Takes a frame from the network. The bytes may change after the call. */
  receive(frame: Frame): void
  /** To be called when one of the peer's timers fires. */
  timer(name: string): void
  /** Tells the network our addresses. */
  announce(): void
  /** Sends an echo request; `echoed` hears the answer. */
  ping(
    address: string,
    options?: { readonly id?: number; readonly sequence?: number; readonly payload?: Uint8Array },
  ): void
  udp(port: number, message: (from: UdpFrom, bytes: Uint8Array) => void): UdpSocket
  listen(port: number, handlers: TcpHandlers): { close(): void }
  connect(remote: TcpEnd, handlers: TcpHandlers): TcpSocket
  sockets(): TcpSocket[]
  save(): PeerState
  /** `attach` gives each saved socket its handlers. */
  restore(state: PeerState, attach: (socket: TcpSocket) => TcpHandlers): void
}

const DEFAULT_MTU = 1500
const DEFAULT_TCP_BUFFER = 262_144
const NEIGHBOURS_TIMER = 'neighbours'
const TCP_TIMER = 'tcp/'

const checked = (field: string, value: number, least: number, most: number): number => {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new SwitchError('VMBUS_PEER_OPTION', field, value, `${least} … ${most}`)
}

/**
 * A small host: ARP, IPv4, IPv6, ICMP echo, UDP and TCP. It sends only when a call into it ends, in order, so that
 * networks that answer at once cannot find it half-way.
 */
export function createPeer(options: PeerOptions): Peer {
  const { clock, timers } = options
  const mac = parseMac(options.mac)
  const mtu = checked('mtu', options.mtu ?? DEFAULT_MTU, 576, 65_535)
  const network4 = options.ipv4 === undefined ? undefined : parseNetwork(options.ipv4)
  const network6 = options.ipv6 === undefined ? undefined : parseNetwork(options.ipv6)
  if ((network4 && network4.address.length !== 4) || (network6 && network6.address.length !== 16)) {
    throw new SwitchError(
      'VMBUS_PEER_OPTION',
      'network',
      `${options.ipv4} ${options.ipv6}`,
      'IPv4 in ipv4, IPv6 in ipv6',
    )
  }
  const linkLocal: Network = { address: linkLocalOf(mac), prefix: 10 }
  const gateways = [options.gateway4, options.gateway6].map((gateway) =>
    gateway === undefined ? undefined : parseIp(gateway),
  )
  const networks = [network4, network6, linkLocal].filter((network) => network !== undefined)
  let identification = 1

  let depth = 0
  let flushing = false
  let outbox: Uint8Array[] = []
  const flush = (): void => {
    flushing = true
    try {
      while (outbox.length > 0) {
        const frames = outbox
        outbox = []
        for (const bytes of frames) options.send({ bytes })
      }
    } finally {
      flushing = false
    }
  }
  const enter = <T>(work: () => T): T => {
    depth++
    try {
      return work()
    } finally {
      depth--
      if (depth === 0 && !flushing) flush()
    }
  }

  const transmit = (frame: Uint8Array, to: number): void => {
    writeMac(frame, 0, to)
    writeMac(frame, 6, mac)
    outbox.push(frame)
  }
  const isOurs = (address: IpBytes): boolean => networks.some((network) => sameIp(network.address, address))
  const sourceFor = (destination: IpBytes): IpBytes | undefined => {
    if (destination.length === 4) return network4?.address
    const local =
      isInNetwork(linkLocal, destination) || (isMulticast(destination) && ((destination[1] ?? 0) & 15) === 2)
    return local ? linkLocal.address : (network6 ?? linkLocal).address
  }
  const nextHop = (destination: IpBytes): IpBytes | undefined =>
    networks.some((network) => isInNetwork(network, destination))
      ? destination
      : gateways[destination.length === 4 ? 0 : 1]

  const send = (outgoing: Outgoing, source: IpBytes, destination: IpBytes, protocol: number): void => {
    const mayFragment = protocol === PROTOCOL.icmp && options.echoMayFragment === true
    const fields = { source, destination, protocol, hops: DEFAULT_HOPS, identification, mayFragment }
    identification = (identification + 1) >>> 0
    for (const frame of ipFrames(outgoing, fields, mtu)) {
      if (isBroadcast(network4, destination)) transmit(frame, BROADCAST_MAC)
      else if (isMulticast(destination)) transmit(frame, multicastMac(destination))
      else {
        const hop = nextHop(destination)
        if (hop !== undefined) neighbours.send(hop, frame, clock.now())
      }
    }
    armNeighbours()
  }

  let neighboursAt = Infinity
  const armNeighbours = (): void => {
    const at = neighbours.deadline()
    if (at === neighboursAt) return
    neighboursAt = at
    if (at < Infinity) timers.set(NEIGHBOURS_TIMER, at)
    else timers.clear(NEIGHBOURS_TIMER)
  }
  const resolve = createResolve({
    mac,
    isOurs,
    sourceFor,
    transmit,
    heard: (address, theirs, create) => {
      neighbours.heard(address, theirs, clock.now(), create)
      armNeighbours()
    },
  })
  const neighbours = createNeighbours((address) => resolve.ask(address), transmit)
  const reassembly = createReassembly()
  const icmp = createIcmp({
    send,
    sourceFor: ({ destination, source }) => (isOurs(destination) ? destination.slice() : sourceFor(source)),
    echoed: (reply) => options.echoed?.({ ...reply, address: formatIp(reply.address) }),
  })
  const udp = createUdp({
    send,
    sourceFor,
    enter,
    isBroadcast: (address) => isBroadcast(network4, address),
    unreachable: (received) => icmp.portUnreachable(received),
  })
  const tcp = createTcp({
    clock,
    seed: options.seed,
    timers: scopedTimers(timers, TCP_TIMER.slice(0, -1)),
    mtu,
    buffer: checked('tcpBuffer', options.tcpBuffer ?? DEFAULT_TCP_BUFFER, 4096, 1 << 26),
    mostSockets: options.tcpSockets ?? 1024,
    send,
    sourceFor,
  })

  const deliver = (received: Received): void => {
    const { protocol, destination } = received
    if (protocol === PROTOCOL.udp) udp.receive(received)
    else if (protocol === PROTOCOL.tcp) {
      if (isOurs(destination) && transportChecksumOk(received)) tcp.receive(received)
    } else if (protocol === PROTOCOL.icmp && destination.length === 4) icmp.receive(received)
    else if (protocol === PROTOCOL.icmpv6 && destination.length === 16 && !resolve.discovery(received))
      icmp.receive(received)
  }
  const takePacket = (parsed: Parsed | undefined): void => {
    if (parsed === undefined) return
    const { received, fragment } = parsed
    const { source, destination } = received
    if (!isOurs(destination) && !isMulticast(destination) && !isBroadcast(network4, destination)) return
    if (isMulticast(source) || isOurs(source) || isBroadcast(network4, source)) return
    const whole = fragment === undefined ? received : reassembly.add(fragment, received, clock.now())
    if (whole !== undefined) deliver(whole)
  }
  const take = ({ bytes, vlan, offload }: Frame): void => {
    if (vlan !== undefined || bytes.length < ETHERNET_HEADER) return
    const to = readMac(bytes, 0)
    if (to !== mac && !isGroupMac(to)) return
    const type = readU16(bytes, 12)
    const trusted = offload?.transportChecksum === true || offload?.segment !== undefined
    if (type === ETHERTYPE.arp) resolve.arp(bytes)
    else if (type === ETHERTYPE.ipv4) takePacket(parseV4(bytes, offload?.ipv4Checksum === true || trusted))
    else if (type === ETHERTYPE.ipv6) takePacket(parseV6(bytes, trusted))
  }

  return {
    addresses: networks.map(({ address }) => formatIp(address)),
    receive: (frame) => enter(() => take(frame)),
    timer: (name) =>
      enter(() => {
        if (name === NEIGHBOURS_TIMER) {
          neighboursAt = Infinity
          neighbours.retry(clock.now())
          armNeighbours()
        } else if (name.startsWith(TCP_TIMER)) tcp.timer(name.slice(TCP_TIMER.length))
      }),
    announce: () => enter(() => networks.forEach(({ address }) => resolve.announce(address))),
    ping: (address, { id = 1, sequence = 0, payload = new Uint8Array(56) } = {}) =>
      enter(() => {
        const destination = parseIp(address)
        const source = sourceFor(destination)
        if (source === undefined)
          throw new SwitchError('VMBUS_PEER_OPTION', 'address', address, 'a family that the peer has')
        icmp.ping(source, destination, id, sequence, payload)
      }),
    udp: udp.bind,
    listen: tcp.listen,
    connect: tcp.connect,
    sockets: tcp.sockets,
    save: () => ({
      version: 1,
      identification,
      neighbours: neighbours.save(),
      partials: reassembly.save(),
      tcp: tcp.save(),
    }),
    restore: (state, attach) =>
      enter(() => {
        if (state.version !== 1) throw new SwitchError('VMBUS_PEER_STATE', 'version', state.version, '1')
        identification = state.identification
        neighbours.load(state.neighbours)
        reassembly.load(state.partials)
        neighboursAt = -1
        armNeighbours()
        tcp.restore(state.tcp, attach)
      }),
  }
}
