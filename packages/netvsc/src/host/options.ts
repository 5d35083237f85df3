import type { Frame, Switch, VlanOptions } from '@vmbus/switch'
import {
  ShapeMismatch,
  callable,
  checkOptions,
  flag,
  instance,
  integer,
  list,
  object,
  optional,
  text,
  textLike,
  u32,
  type Shape,
} from '@vmbus/world'

/** How the adapter is offered. */
export interface NetvscHostOptions {
  /** The switch that the adapter is plugged into. */
  readonly switch: Switch
  /** Permanent address. Default `00:15:5d:00:00:01`, of Hyper-V's own range; a second adapter of a switch needs another. */
  readonly mac?: string | undefined
  /** Its port's name in the switch; default `nic-` and the address. It is kept for an adapter that is removed and added again. */
  readonly name?: string | undefined
  readonly instanceId?: string | undefined
  /** Default: access to VLAN 0. With a trunk the guest sees and sets tags. */
  readonly vlan?: VlanOptions | undefined
  /** Largest packet after the Ethernet header that a guest may ask for, 1500 … 65521. Default 9202 (OpenVMM: 9216 with header). */
  readonly mtu?: number | undefined
  /** Most channels, 1 … 64. Default 8. */
  readonly queues?: number | undefined
  /** Bits per second, a whole number. Default 10 Gbit/s. */
  readonly speed?: number | undefined
  /**
   * The guest signals through the monitor page, as on Windows: within 100 µs, and without a hypercall. The host then looks at
   * that page 10,000 times a second for as long as the channel is open. Default false.
   */
  readonly monitored?: boolean | undefined
  /** Whether the guest may send from, and set, other addresses than `mac`. Default false. */
  readonly macSpoofing?: boolean | undefined
  /** Takes what the guest would get while its traffic goes through its VF. */
  readonly vfReceive?: ((frame: Frame) => void) | undefined
}

/** From the host's profile. */
export interface NetvscSettings {
  /** NVSP words. */
  readonly versions: readonly number[]
}

export const DEFAULT_MAC = '00:15:5d:00:00:01'
export const DEFAULT_MTU = 9202
export const DEFAULT_QUEUES = 8
export const DEFAULT_SPEED = 10_000_000_000
/** Linux hyperv_net.h, VRSS_CHANNEL_MAX. */
const MOST_QUEUES = 64
/** Frame bytes with Ethernet header of a guest that says nothing, or nonsense (OpenVMM netvsp). */
export const DEFAULT_FRAME_BYTES = 1514
export const ETHERNET_BYTES = 14

const LARGEST_MTU = 65_521
const mac = textLike(/^[\da-f]{2}(?:[:-][\da-f]{2}){5}$/i, 'six hexadecimal bytes with colons or dashes')
/** Bits per second: what a link has, as a whole number, for OIDs tell it in 64 bits. */
export const linkSpeed: Shape<number> = integer()
export const vfSerial: Shape<number> = integer(1, 0xffff_ffff)

export const hostOptions: Shape<NetvscHostOptions> = object<NetvscHostOptions>({
  switch: instance<Switch>(),
  mac: optional(mac),
  name: optional(text),
  instanceId: optional(text),
  // The switch looks at it.
  vlan: optional(instance<VlanOptions>()),
  mtu: optional(integer(DEFAULT_FRAME_BYTES - ETHERNET_BYTES, LARGEST_MTU)),
  queues: optional(integer(1, MOST_QUEUES)),
  speed: optional(linkSpeed),
  monitored: optional(flag),
  macSpoofing: optional(flag),
  vfReceive: optional(callable<(frame: Frame) => void>()),
})

export const hostSettings: Shape<NetvscSettings> = object<NetvscSettings>({ versions: list(u32, 1) })

/** An instance of its own for each address. */
export const instanceOf = ({ instanceId, mac: address = DEFAULT_MAC }: NetvscHostOptions): string =>
  instanceId ?? `f8615163-0000-1000-2000-${address.replaceAll(/[:-]/g, '').toLowerCase()}`

/** Throws OptionsError: another adapter of the switch has the name, or the address that it comes from. */
export function nameTaken({ name, mac: address = DEFAULT_MAC }: NetvscHostOptions): never {
  const [field, value] = name === undefined ? ['mac', address] : ['name', name]
  return checkOptions<never>(
    'netvsc',
    () => {
      throw new ShapeMismatch(field, value, 'one that no adapter of the switch has')
    },
    undefined,
  )
}
