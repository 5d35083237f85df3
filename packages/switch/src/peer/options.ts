import {
  callable,
  flag,
  instance,
  integer,
  list,
  object,
  optional,
  text,
  u16,
  u32,
  type Clock,
  type Seed,
  type Shape,
  type Timers,
} from '@vmbus/world'
import { SwitchError } from '../errors.ts'
import type { Frame } from '../frame.ts'
import { stationMac } from '../options.ts'
import { isMulticast, isUnspecified, parseIp, parseNetwork, type IpBytes, type Network } from './address.ts'
import type { PeerOptions, PingOptions } from './interface.ts'
import type { TcpEnd, TcpHandlers, TcpSocket } from './tcp/socket.ts'

/** RFC 8200, 5: a link that carries IPv6 carries packets of 1280 bytes. */
const LEAST_MTU_V6 = 1280
export const DEFAULT_MTU = 1500

export const peerOptions: Shape<PeerOptions> = object<PeerOptions>({
  clock: instance<Clock>(),
  timers: instance<Timers>(),
  seed: instance<Seed>(),
  mac: stationMac,
  ipv4: optional(text),
  ipv6: optional(text),
  more: optional(list(text)),
  gateway4: optional(text),
  gateway6: optional(text),
  mtu: optional(integer(576, 65_535)),
  tcpBuffer: optional(integer(4096, 1 << 26)),
  tcpSockets: optional(integer(1, 1 << 20)),
  echoMayFragment: optional(flag),
  send: callable<(frame: Frame) => void>(),
  echoed: optional(callable<NonNullable<PeerOptions['echoed']>>()),
})

/** As many bytes as an echo request of either family holds: 65535 less the IPv4 and ICMP headers. */
const LARGEST_PAYLOAD = 65_507

export const pingOptions: Shape<PingOptions> = object<PingOptions>({
  id: optional(u16),
  sequence: optional(u32),
  payload: optional(instance<Uint8Array>()),
})

export const tcpEnd: Shape<TcpEnd> = object<TcpEnd>({ address: text, port: integer(1, 0xffff) })

const handler = optional(callable<(socket: TcpSocket) => void>())
export const tcpHandlers: Shape<TcpHandlers> = object<TcpHandlers>({
  opened: handler,
  data: optional(callable<NonNullable<TcpHandlers['data']>>()),
  ended: handler,
  drained: handler,
  closed: optional(callable<NonNullable<TcpHandlers['closed']>>()),
})

/** A peer's own addresses and next hops, as its options say. */
export interface Addressing {
  readonly network4: Network | undefined
  readonly network6: Network | undefined
  readonly more: readonly Network[]
  readonly gateway4: IpBytes | undefined
  readonly gateway6: IpBytes | undefined
}

const refuse = (field: string, value: string | number, allowed: string): SwitchError =>
  new SwitchError('VMBUS_PEER_OPTION', field, value, allowed)

/** @throws SwitchError `VMBUS_PEER_OPTION` */
export function addressing({ ipv4, ipv6, more = [], gateway4, gateway6, mtu = DEFAULT_MTU }: PeerOptions): Addressing {
  const station = (field: string, given: string, address: IpBytes, length: number): void => {
    if (address.length !== length || isMulticast(address) || isUnspecified(address))
      throw refuse(field, given, `an address of a station, of ${length} bytes`)
  }
  const known = (field: string, given: string, length?: number): Network => {
    const parsed = parseNetwork(given)
    station(field, given, parsed.address, length ?? parsed.address.length)
    return parsed
  }
  const network = (field: string, given: string | undefined, length: number): Network | undefined =>
    given === undefined ? undefined : known(field, given, length)
  const gateway = (field: string, given: string | undefined, length: number): IpBytes | undefined => {
    if (given === undefined) return undefined
    const parsed = parseIp(given)
    station(field, given, parsed, length)
    return parsed
  }
  const hasIpv6 = [ipv6, ...more].some((given) => given?.includes(':') === true)
  if (hasIpv6 && mtu < LEAST_MTU_V6) throw refuse('mtu', mtu, `${LEAST_MTU_V6} or more for IPv6`)
  return {
    network4: network('ipv4', ipv4, 4),
    network6: network('ipv6', ipv6, 16),
    more: more.map((given) => known('more', given)),
    gateway4: gateway('gateway4', gateway4, 4),
    gateway6: gateway('gateway6', gateway6, 16),
  }
}

/** @throws SwitchError `VMBUS_PEER_OPTION` */
export function checkPayload({ length }: Uint8Array): void {
  if (length > LARGEST_PAYLOAD) throw refuse('payload', length, `at most ${LARGEST_PAYLOAD} bytes`)
}
