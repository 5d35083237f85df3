import {
  ShapeMismatch,
  callable,
  flag,
  instance,
  integer,
  list,
  number,
  object,
  oneOf,
  optional,
  pair,
  textLike,
  type Clock,
  type Diagnose,
  type Seed,
  type Shape,
  type Timers,
} from '@vmbus/world'
import type { Accepts, Frame } from './frame.ts'
import type { PortConfig, PortOptions, SwitchOptions } from './interface.ts'
import type { LinkOptions } from './link-direction.ts'
import { isGroupMac, parseMac } from './mac.ts'
import { LARGEST_VLAN, type VlanOptions } from './vlan.ts'

/** RFC 791: every module must forward 68 bytes unfragmented. */
const LEAST_MTU = 68
const LARGEST_MTU = 65_535
/** Bits per second up to which times are exact: a 64 KiB frame and a rest are below 2^53 together. */
const LARGEST_BANDWIDTH = 1e15

/** The address of one station. */
export const stationMac: Shape<string> = (value, at) => {
  const mac = textLike(/^[\da-f]{2}(?:[:-][\da-f]{2}){5}$/i, 'six hexadecimal bytes with colons or dashes')(value, at)
  if (isGroupMac(parseMac(mac))) throw new ShapeMismatch(at, mac, 'an address that is not a group')
  return mac
}

const chance = number(0, 1)
const linkOptions = object<LinkOptions>({
  bandwidth: optional(integer(1, LARGEST_BANDWIDTH)),
  delay: optional(integer()),
  jitter: optional(integer(0, 0xffff_fffe)),
  loss: optional(chance),
  duplicate: optional(chance),
  queue: optional(integer(0, 2 ** 40)),
})

const taggedId = integer(1, LARGEST_VLAN)
const untaggedId = integer(0, LARGEST_VLAN)
const idRange: Shape<[number, number]> = (value, at) => {
  const [first, last] = pair(taggedId, taggedId)(value, at)
  if (last < first) throw new ShapeMismatch(`${at}[1]`, last, `${first} … ${LARGEST_VLAN}`)
  return [first, last]
}
const access = object<{ access: number }>({ access: untaggedId })
const trunk = object<VlanOptions & { trunk: unknown }>({
  trunk: list((value, at) => (Array.isArray(value) ? idRange(value, at) : taggedId(value, at))),
  native: optional(untaggedId),
})
const vlanOptions: Shape<VlanOptions> = (value, at) =>
  typeof value === 'object' && value !== null && 'trunk' in value ? trunk(value, at) : access(value, at)

const configFields = {
  vlan: optional(vlanOptions),
  mtu: optional(integer(LEAST_MTU, LARGEST_MTU)),
  link: optional(linkOptions),
  mirror: optional(oneOf('none', 'source', 'destination')),
  spoofing: optional(flag),
}

export const portConfig: Shape<PortConfig> = object<PortConfig>(configFields)

export const portOptions: Shape<PortOptions> = object<PortOptions>({
  ...configFields,
  name: textLike(/./, 'a name'),
  mac: optional(stationMac),
  accepts: optional(object<Accepts>({ vlan: optional(flag), checksum: optional(flag), segment: optional(flag) })),
  receive: callable<(frame: Frame) => void>(),
  gather: optional(callable<() => () => void>()),
  linkChanged: optional(callable<(up: boolean) => void>()),
})

export const switchOptions: Shape<SwitchOptions> = object<SwitchOptions>({
  clock: instance<Clock>(),
  timers: instance<Timers>(),
  seed: instance<Seed>(),
  diagnose: optional(callable<Diagnose>()),
  ageing: optional(number(0)),
  addresses: optional(
    object<NonNullable<SwitchOptions['addresses']>>({ total: optional(integer()), perPort: optional(integer()) }),
  ),
  transitLimit: optional(number(0)),
})
