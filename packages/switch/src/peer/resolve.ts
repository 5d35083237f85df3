import { ETHERNET_HEADER, ETHERTYPE, readU16 } from '../frame.ts'
import { BROADCAST_MAC, isGroupMac, readMac, writeMac } from '../mac.ts'
import { PROTOCOL } from '../packet.ts'
import {
  isLoopback,
  isMulticast,
  isSolicitedNode,
  isUnspecified,
  multicastMac,
  solicitedNode,
  type IpBytes,
} from './address.ts'
import { icmpMessage } from './icmp.ts'
import type { Advertisement } from './neighbours.ts'
import { ipFrames, transportChecksumOk, writeEthernet } from './packets.ts'
import type { Received } from './parsed.ts'

const ARP = { request: 1, reply: 2 } as const
const ARP_LENGTH = 28
const ND = { solicitation: 135, advertisement: 136 } as const
const ND_OPTION = { sourceMac: 1, targetMac: 2 } as const
/** Flags of a neighbour advertisement (RFC 4861, 4.4). */
const SOLICITED = 0x4000_0000
const OVERRIDE = 0x2000_0000
/** ND messages that crossed a router are forged (RFC 4861, 7.1). */
const ND_HOPS = 255
/** Type, code, checksum, flags and target. */
const ND_HEADER = 24

export interface ResolveDeps {
  readonly mac: number
  /** Our own addresses. */
  isOurs(address: IpBytes): boolean
  /** Whether an address is that of many. */
  isGroup(address: IpBytes): boolean
  sourceFor(address: IpBytes): IpBytes | undefined
  heard(address: IpBytes, mac: number, create: boolean): void
  advertised(advertisement: Advertisement): void
  transmit(frame: Uint8Array, mac: number): void
}

/** ARP (RFC 826) and IPv6 neighbour discovery (RFC 4861). */
export interface Resolve {
  ask(address: IpBytes): void
  /** Tells everybody our address: gratuitous ARP, or an unsolicited advertisement. */
  announce(address: IpBytes): void
  arp(bytes: Uint8Array): void
  /** Takes an ICMPv6 message if it is neighbour discovery. */
  discovery(received: Received): boolean
}

export const createResolve = (deps: ResolveDeps): Resolve => ({
  ask: (address) => ask(deps, address),
  announce: (address) => announce(deps, address),
  arp: (bytes) => receiveArp(deps, bytes),
  discovery: (received) => receiveDiscovery(deps, received),
})

function ask(deps: ResolveDeps, address: IpBytes): void {
  const source = deps.sourceFor(address)
  if (source === undefined) return
  if (address.length === 4) return sendArp(deps, ARP.request, BROADCAST_MAC, source, 0, address)
  const group = solicitedNode(address)
  sendDiscovery(deps, ND.solicitation, 0, address, source, group, multicastMac(group))
}

function announce(deps: ResolveDeps, address: IpBytes): void {
  if (address.length === 4) sendArp(deps, ARP.request, BROADCAST_MAC, address, 0, address)
  else advertiseToAll(deps, address)
}

/** Duplicate address detection asks from "::" and is answered to all nodes (RFC 4861, 7.2.4). */
function advertiseToAll(deps: ResolveDeps, address: IpBytes): void {
  const allNodes = new Uint8Array(16)
  allNodes.set([0xff, 2])
  allNodes[15] = 1
  sendDiscovery(deps, ND.advertisement, OVERRIDE, address, address, allNodes, multicastMac(allNodes))
}

function sendArp(
  { mac, transmit }: ResolveDeps,
  operation: number,
  toMac: number,
  source: IpBytes,
  targetMac: number,
  target: IpBytes,
): void {
  const frame = new Uint8Array(ETHERNET_HEADER + ARP_LENGTH)
  writeEthernet(frame, toMac, mac, ETHERTYPE.arp)
  frame.set([0, 1, 8, 0, 6, 4, 0, operation], ETHERNET_HEADER)
  writeMac(frame, 22, mac)
  frame.set(source, 28)
  writeMac(frame, 32, targetMac)
  frame.set(target, 38)
  transmit(frame, toMac)
}

/** A solicitation or an advertisement, with our MAC as its option. */
function sendDiscovery(
  { mac, transmit }: ResolveDeps,
  type: number,
  flags: number,
  target: IpBytes,
  source: IpBytes,
  destination: IpBytes,
  toMac: number,
): void {
  const payload = new Uint8Array(24)
  payload.set(target)
  payload.set([type === ND.solicitation ? ND_OPTION.sourceMac : ND_OPTION.targetMac, 1], 16)
  writeMac(payload, 18, mac)
  const outgoing = icmpMessage(type, 0, flags, payload, source, destination)
  const [frame] = ipFrames(
    outgoing,
    { source, destination, protocol: PROTOCOL.icmpv6, hops: ND_HOPS, identification: 0 },
    outgoing.bytes.length,
  )
  if (frame !== undefined) transmit(frame, toMac)
}

/** Whether a neighbour can have this MAC: it is not zero, not a group's, and not ours. */
const isStation = ({ mac }: ResolveDeps, theirs: number): boolean =>
  theirs !== 0 && theirs !== mac && !isGroupMac(theirs)

function receiveArp(deps: ResolveDeps, bytes: Uint8Array): void {
  if (bytes.length < ETHERNET_HEADER + ARP_LENGTH) return
  const isPlain = readU16(bytes, 14) === 1 && readU16(bytes, 16) === ETHERTYPE.ipv4 && readU16(bytes, 18) === 0x0604
  const operation = readU16(bytes, 20)
  const theirs = readMac(bytes, 22)
  const sender = bytes.subarray(28, 32)
  const target = bytes.subarray(38, 42)
  if (!isPlain || (operation !== ARP.request && operation !== ARP.reply) || !isStation(deps, theirs)) return
  if (deps.isOurs(sender) || deps.isGroup(sender) || isLoopback(sender)) return
  const forUs = deps.isOurs(target)
  if (!isUnspecified(sender)) deps.heard(sender, theirs, forUs)
  if (forUs && operation === ARP.request) sendArp(deps, ARP.reply, theirs, target.slice(), theirs, sender)
}

function receiveDiscovery(deps: ResolveDeps, received: Received): boolean {
  const { bytes, start } = received
  const type = bytes[start]
  if (type !== ND.solicitation && type !== ND.advertisement) return false
  if (!isValid(received)) return true
  const target = bytes.subarray(start + 8, start + ND_HEADER)
  if (type === ND.solicitation) solicited(deps, received, target)
  else if (!deps.isOurs(target)) {
    const flags = bytes[start + 4] ?? 0
    deps.advertised({
      address: target,
      mac: macOption(deps, received, ND_OPTION.targetMac),
      isSolicited: (flags & (SOLICITED >>> 24)) !== 0,
      overrides: (flags & (OVERRIDE >>> 24)) !== 0,
    })
  }
  return true
}

/** The link-layer address in the option `wanted`, if there is one of Ethernet's length that a station can have. */
function macOption(deps: ResolveDeps, { bytes, start, end }: Received, wanted: number): number | undefined {
  for (let at = start + ND_HEADER; at < end; at += (bytes[at + 1] ?? 0) * 8) {
    if (bytes[at] !== wanted || bytes[at + 1] !== 1) continue
    const theirs = readMac(bytes, at + 2)
    return isStation(deps, theirs) ? theirs : undefined
  }
  return undefined
}

function solicited(deps: ResolveDeps, received: Received, target: IpBytes): void {
  if (!deps.isOurs(target)) return
  if (isUnspecified(received.source)) return advertiseToAll(deps, target)
  const theirs = macOption(deps, received, ND_OPTION.sourceMac)
  if (theirs !== undefined) deps.heard(received.source, theirs, true)
  const toMac = theirs ?? readMac(received.bytes, 6)
  sendDiscovery(deps, ND.advertisement, SOLICITED | OVERRIDE, target, target, received.source.slice(), toMac)
}

/** RFC 4861, 7.1.1 and 7.1.2, and RFC 6980: no fragments. */
function isValid(received: Received): boolean {
  const { bytes, start, end, source, destination } = received
  if (end - start < ND_HEADER || received.hops !== ND_HOPS || bytes[start + 1] !== 0 || received.fragmented)
    return false
  if (!transportChecksumOk(received) || isMulticast(bytes.subarray(start + 8, start + ND_HEADER))) return false
  let hasSourceMac = false
  for (let at = start + ND_HEADER; at < end;) {
    const length = (bytes[at + 1] ?? 0) * 8
    if (length === 0 || at + length > end) return false
    if (bytes[at] === ND_OPTION.sourceMac) hasSourceMac = true
    at += length
  }
  if (bytes[start] === ND.advertisement)
    return !isUnspecified(source) && !(isMulticast(destination) && (bytes[start + 4] ?? 0) & (SOLICITED >>> 24))
  return !isUnspecified(source) || (isSolicitedNode(destination) && !hasSourceMac)
}
