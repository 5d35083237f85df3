import { checkOptions, restoreState, scopedTimers } from '@vmbus/world'
import { createBudget } from '../budget.ts'
import { SwitchError } from '../errors.ts'
import { ETHERNET_HEADER, ETHERTYPE, readU16, type Frame } from '../frame.ts'
import { BROADCAST_MAC, isGroupMac, parseMac, readMac, writeMac } from '../mac.ts'
import { PROTOCOL } from '../packet.ts'
import {
  formatIp,
  isBroadcast,
  isInNetwork,
  isLoopback,
  isMulticast,
  isUnspecified,
  linkLocalOf,
  multicastMac,
  parseIp,
  sameIp,
  staysInside,
  type IpBytes,
  type Network,
} from './address.ts'
import { createIcmp } from './icmp.ts'
import type { Peer, PeerOptions } from './interface.ts'
import { createNeighbours } from './neighbours.ts'
import { DEFAULT_HOPS, ipFrames, transportChecksumOk, type Outgoing } from './packets.ts'
import { DEFAULT_MTU, addressing, checkPayload, peerOptions, pingOptions } from './options.ts'
import { parseV4 } from './ipv4.ts'
import { insideV6, parseV6 } from './ipv6.ts'
import { OUTBOX_TIMER, createOutbox } from './outbox.ts'
import type { Parsed, Received } from './parsed.ts'
import { createReassembly } from './reassembly.ts'
import { createResolve } from './resolve.ts'
import { peerForm } from './state.ts'
import { createTcp } from './tcp/layer.ts'
import { createUdp } from './udp.ts'

const DEFAULT_TCP_BUFFER = 262_144
const NEIGHBOURS_TIMER = 'neighbours'
const TCP_TIMER = 'tcp/'

/**
 * A small host: ARP, IPv4, IPv6, ICMP echo, UDP and TCP. It sends only when a call into it ends, in order, so that
 * networks that answer at once cannot find it half-way.
 */
export function createPeer(options: PeerOptions): Peer {
  checkOptions('peer', peerOptions, options)
  const { clock, timers, mtu = DEFAULT_MTU, tcpBuffer = DEFAULT_TCP_BUFFER } = options
  const { network4, network6, more, gateway4, gateway6 } = addressing(options)
  const mac = parseMac(options.mac)
  const linkLocal: Network = { address: linkLocalOf(mac), prefix: 10 }
  const networks = [network4, network6, ...more, linkLocal].filter((network) => network !== undefined)
  let identification = 1
  const form = peerForm(tcpBuffer)

  /** Of frames sent, and of what owners of sockets ask for. */
  const budget = createBudget(clock)
  const outbox = createOutbox(budget, timers, options.send)
  let depth = 0
  const enter = <T>(work: () => T): T => {
    depth++
    try {
      return work()
    } finally {
      if (--depth === 0) outbox.flush()
    }
  }

  const transmit = (frame: Uint8Array, to: number): void => {
    writeMac(frame, 0, to)
    writeMac(frame, 6, mac)
    outbox.add(frame)
  }
  const isOurs = (address: IpBytes): boolean => networks.some((network) => sameIp(network.address, address))
  const sourceFor = (destination: IpBytes): IpBytes | undefined => {
    if (destination.length === 4) return network4?.address
    const local =
      isInNetwork(linkLocal, destination) || (isMulticast(destination) && ((destination[1] ?? 0) & 15) === 2)
    return local ? linkLocal.address : (network6 ?? linkLocal).address
  }
  const isGroup = (address: IpBytes): boolean => isMulticast(address) || isBroadcast(network4, address)
  const nextHop = (destination: IpBytes): IpBytes | undefined =>
    networks.some((network) => isInNetwork(network, destination))
      ? destination
      : destination.length === 4
        ? gateway4
        : gateway6

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
    isGroup,
    sourceFor,
    transmit,
    heard: (address, theirs, create) => {
      neighbours.heard(address, theirs, clock.now(), create)
      armNeighbours()
    },
    advertised: (advertisement) => {
      neighbours.advertised(advertisement, clock.now())
      armNeighbours()
    },
  })
  const neighbours = createNeighbours((address) => resolve.ask(address), transmit)
  const reassembly = createReassembly()
  const icmp = createIcmp({
    send,
    sourceFor: ({ destination, source }) => (isOurs(destination) ? destination.slice() : sourceFor(source)),
    isGroup,
    echoed: (reply) => options.echoed?.({ ...reply, address: formatIp(reply.address) }),
  })
  const udp = createUdp({
    send,
    sourceFor,
    enter,
    isBroadcast: (address) => isBroadcast(network4, address),
    unreachable: (received) => icmp.unreachable(received, 'port'),
  })
  const tcp = createTcp({
    clock,
    budget,
    seed: options.seed,
    timers: scopedTimers(timers, TCP_TIMER.slice(0, -1)),
    mtu,
    buffer: tcpBuffer,
    mostSockets: options.tcpSockets ?? 1024,
    send,
    sourceFor,
  })

  const deliver = (received: Received): void => {
    const { protocol, source, destination } = received
    if (protocol === PROTOCOL.icmpv6 && destination.length === 16 && resolve.discovery(received)) return
    // Only discovery, and who asks for its first IPv4 address, speak without one (RFC 4291, 2.5.2; RFC 1122, 3.2.1.3).
    if (isUnspecified(source) && !(protocol === PROTOCOL.udp && isBroadcast(network4, destination))) return
    if (protocol === PROTOCOL.udp) udp.receive(received)
    else if (protocol === PROTOCOL.tcp) {
      if (isOurs(destination) && transportChecksumOk(received)) tcp.receive(received)
    } else if (protocol === (destination.length === 4 ? PROTOCOL.icmp : PROTOCOL.icmpv6)) icmp.receive(received)
    else if (destination.length === 4) icmp.unreachable(received, 'protocol')
  }
  /** Whether a packet may be for us, and from one station that is not us. */
  const isForUs = ({ source, destination, toGroup }: Received): boolean => {
    if (isGroup(source) || isOurs(source) || isLoopback(source)) return false
    if (source.length === 4 && source[0] === 0 && !isUnspecified(source)) return false
    if (isMulticast(destination)) return !staysInside(destination)
    // RFC 1122, 3.3.6: what was sent to all stations was not meant for one.
    return isBroadcast(network4, destination) || (isOurs(destination) && !(toGroup && destination.length === 4))
  }
  const takePacket = (parsed: Parsed | undefined): void => {
    if (parsed === undefined || !isForUs(parsed.received)) return
    const { received, fragment, problem } = parsed
    if (problem !== undefined) {
      if (!isUnspecified(received.source)) icmp.problem(received, problem)
      return
    }
    if (fragment === undefined) {
      deliver(received)
      return
    }
    const whole = reassembly.add(fragment, received, clock.now())
    const inside = whole?.source.length === 16 ? insideV6(whole) : whole
    if (inside !== undefined) deliver(inside)
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
        } else if (name === OUTBOX_TIMER) outbox.timer()
        else if (name.startsWith(TCP_TIMER)) tcp.timer(name.slice(TCP_TIMER.length))
      }),
    announce: () => enter(() => networks.forEach(({ address }) => resolve.announce(address))),
    ping: (address, ping = {}) =>
      enter(() => {
        const { id = 1, sequence = 0, payload = new Uint8Array(56) } = checkOptions('ping', pingOptions, ping)
        checkPayload(payload)
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
      ...form.head,
      identification,
      budget: budget.save(),
      outbox: outbox.save(),
      neighbours: neighbours.save(),
      partials: reassembly.save(),
      tcp: tcp.save(),
    }),
    checkState: (saved) => void restoreState(saved, form),
    restore: (saved, attach) =>
      enter(() => {
        const state = restoreState(saved, form)
        budget.load(state.budget)
        outbox.load(state.outbox)
        identification = state.identification
        neighbours.load(state.neighbours)
        reassembly.load(state.partials)
        neighboursAt = -1
        armNeighbours()
        tcp.restore(state.tcp, attach)
      }),
  }
}
