import { SwitchError } from '../errors.ts'
import { udpChecksum } from '../checksum.ts'
import { readU16, writeU16 } from '../frame.ts'
import { PROTOCOL } from '../packet.ts'
import { formatIp, isMulticast, parseIp, type IpBytes } from './address.ts'
import { newOutgoing, transportChecksumOk, transportSum, type Outgoing } from './packets.ts'
import type { Received } from './parsed.ts'

export interface UdpFrom {
  readonly address: string
  readonly port: number
}

/** A bound UDP port. It has no state: after a restore it is still bound, in a new peer it is bound again. */
export interface UdpSocket {
  readonly port: number
  /** @throws SwitchError `VMBUS_PEER_OPTION` for more than 65507 bytes or an address of a family the peer lacks */
  send(address: string, port: number, bytes: Uint8Array): void
  close(): void
}

export interface Udp {
  bind(port: number, message: (from: UdpFrom, bytes: Uint8Array) => void): UdpSocket
  receive(received: Received): void
}

export interface UdpDeps {
  send(outgoing: Outgoing, source: IpBytes, destination: IpBytes, protocol: number): void
  sourceFor(destination: IpBytes): IpBytes | undefined
  isBroadcast(address: IpBytes): boolean
  unreachable(received: Received): void
  enter<T>(work: () => T): T
}

const UDP_HEADER = 8
/** 65535 less the IPv4 and UDP headers. */
const LARGEST = 65_507

export function createUdp(deps: UdpDeps): Udp {
  const bound = new Map<number, (from: UdpFrom, bytes: Uint8Array) => void>()
  return {
    bind(port, message) {
      if (!Number.isInteger(port) || port < 1 || port > 0xffff)
        throw new SwitchError('VMBUS_PEER_OPTION', 'port', port, '1 … 65535')
      if (bound.has(port)) throw new SwitchError('VMBUS_PEER_IN_USE', 'port', port, 'a port that is not bound')
      bound.set(port, message)
      return {
        port,
        send: (address, toPort, bytes) =>
          deps.enter(() => {
            const destination = parseIp(address)
            const source = deps.sourceFor(destination)
            if (source === undefined)
              throw new SwitchError('VMBUS_PEER_OPTION', 'address', address, 'a family that the peer has')
            if (bytes.length > LARGEST)
              throw new SwitchError('VMBUS_PEER_OPTION', 'datagram', bytes.length, `at most ${LARGEST} bytes`)
            deps.send(datagram(source, destination, port, toPort, bytes), source, destination, PROTOCOL.udp)
          }),
        close: () => void (bound.get(port) === message && bound.delete(port)),
      }
    },
    receive(received) {
      const { bytes, start } = received
      if (received.end - start < UDP_HEADER) return
      const length = readU16(bytes, start + 4)
      if (length < UDP_HEADER || start + length > received.end) return
      const whole: Received = { ...received, end: start + length }
      // A zero checksum is none, which only IPv4 allows (RFC 768; RFC 8200, 8.1).
      const unchecked = readU16(bytes, start + 6) === 0 && received.source.length === 4
      if (!unchecked && !transportChecksumOk(whole)) return
      const message = bound.get(readU16(bytes, start + 2))
      if (message)
        message(
          { address: formatIp(received.source), port: readU16(bytes, start) },
          bytes.subarray(start + UDP_HEADER, whole.end),
        )
      else if (!isMulticast(received.destination) && !deps.isBroadcast(received.destination)) deps.unreachable(whole)
    },
  }
}

function datagram(source: IpBytes, destination: IpBytes, from: number, to: number, payload: Uint8Array): Outgoing {
  const outgoing = newOutgoing(source.length, UDP_HEADER + payload.length)
  const { bytes, start } = outgoing
  writeU16(bytes, start, from)
  writeU16(bytes, start + 2, to)
  writeU16(bytes, start + 4, UDP_HEADER + payload.length)
  bytes.set(payload, start + UDP_HEADER)
  writeU16(bytes, start + 6, udpChecksum(transportSum(source, destination, PROTOCOL.udp, bytes, start, bytes.length)))
  return outgoing
}
