import type { Clock } from '@vmbus/world'
import { ETHERNET_HEADER, ETHERTYPE, readU16, type Frame } from '../frame.ts'
import { isGroupMac, readMac } from '../mac.ts'
import { PROTOCOL } from '../packet.ts'
import { isLoopback, isMulticast, isUnspecified, staysInside } from './address.ts'
import type { Icmp } from './icmp.ts'
import { parseV4 } from './ipv4.ts'
import { insideV6, parseV6 } from './ipv6.ts'
import type { OwnAddresses } from './own-addresses.ts'
import { transportChecksumOk } from './packets.ts'
import type { Parsed, Received } from './parsed.ts'
import type { Reassembly } from './reassembly.ts'
import type { Resolve } from './resolve.ts'

/** Who takes what a frame holds. */
export interface Intake {
  readonly clock: Clock
  readonly own: OwnAddresses
  readonly resolve: Resolve
  readonly reassembly: Reassembly
  readonly icmp: Icmp
  readonly udp: { receive(received: Received): void }
  readonly tcp: { receive(received: Received): void }
}

/** A frame from the network. */
export function takeFrame(ctx: Intake, { bytes, vlan, offload }: Frame): void {
  if (vlan !== undefined || bytes.length < ETHERNET_HEADER) return
  const to = readMac(bytes, 0)
  if (to !== ctx.own.mac && !isGroupMac(to)) return
  const type = readU16(bytes, 12)
  const trusted = offload?.transportChecksum === true || offload?.segment !== undefined
  if (type === ETHERTYPE.arp) ctx.resolve.arp(bytes)
  else if (type === ETHERTYPE.ipv4) takePacket(ctx, parseV4(bytes, offload?.ipv4Checksum === true || trusted))
  else if (type === ETHERTYPE.ipv6) takePacket(ctx, parseV6(bytes, trusted))
}

function takePacket(ctx: Intake, parsed: Parsed | undefined): void {
  if (parsed === undefined || !isForUs(ctx.own, parsed.received)) return
  const { received, fragment, problem } = parsed
  if (problem !== undefined) {
    if (!isUnspecified(received.source)) ctx.icmp.problem(received, problem)
    return
  }
  if (fragment === undefined) return deliver(ctx, received)
  const whole = ctx.reassembly.add(fragment, received, ctx.clock.now())
  const inside = whole?.source.length === 16 ? insideV6(whole) : whole
  if (inside !== undefined) deliver(ctx, inside)
}

/** Whether a packet may be for us, and from one station that is not us. */
function isForUs(own: OwnAddresses, { source, destination, toGroup }: Received): boolean {
  if (own.isGroup(source) || own.isOurs(source) || isLoopback(source)) return false
  if (source.length === 4 && source[0] === 0 && !isUnspecified(source)) return false
  if (isMulticast(destination)) return !staysInside(destination)
  // RFC 1122, 3.3.6: what was sent to all stations was not meant for one.
  return own.isBroadcast(destination) || (own.isOurs(destination) && !(toGroup && destination.length === 4))
}

function deliver(ctx: Intake, received: Received): void {
  const { own, icmp, udp, tcp, resolve } = ctx
  const { protocol, source, destination } = received
  const isV4 = destination.length === 4
  if (protocol === PROTOCOL.icmpv6 && !isV4 && resolve.discovery(received)) return
  // Only discovery, and who asks for its first IPv4 address, speak without one (RFC 4291, 2.5.2; RFC 1122, 3.2.1.3).
  if (isUnspecified(source) && !(protocol === PROTOCOL.udp && own.isBroadcast(destination))) return
  if (protocol === PROTOCOL.udp) udp.receive(received)
  else if (protocol === PROTOCOL.tcp) {
    if (own.isOurs(destination) && transportChecksumOk(received)) tcp.receive(received)
  } else if (protocol === (isV4 ? PROTOCOL.icmp : PROTOCOL.icmpv6)) icmp.receive(received)
  else if (isV4) icmp.unreachable(received, 'protocol')
}
