import type { Frame, Switch, VlanOptions } from '@vmbus/switch'

/** How the adapter is offered. */
export interface NetvscHostOptions {
  /** The switch that the adapter is plugged into. */
  readonly switch: Switch
  /** Permanent address. Default `00:15:5d:00:00:01`, of Hyper-V's own range; a second adapter of a guest needs another. */
  readonly mac?: string
  /** Its port's name in the switch; default `nic-` and the address. Another adapter with the name takes the port over. */
  readonly name?: string
  readonly instanceId?: string
  /** Default: access to VLAN 0. With a trunk the guest sees and sets tags. */
  readonly vlan?: VlanOptions
  /** Largest packet after the Ethernet header that a guest may ask for, 1500 … 65521. Default 9202 (OpenVMM: 9216 with header). */
  readonly mtu?: number
  /** Most channels, 1 … 64. Default 8. */
  readonly queues?: number
  /** Bits per second. Default 10 Gbit/s. */
  readonly speed?: number
  /** Whether the guest may send from, and set, other addresses than `mac`. Default false. */
  readonly macSpoofing?: boolean
  /** Takes what the guest would get while its traffic goes through its VF. */
  vfReceive?(frame: Frame): void
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
export const MOST_QUEUES = 64
/** Frame bytes with Ethernet header of a guest that says nothing, or nonsense (OpenVMM netvsp). */
export const DEFAULT_FRAME_BYTES = 1514
export const ETHERNET_BYTES = 14
