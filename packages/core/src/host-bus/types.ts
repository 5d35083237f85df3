import type { Partition } from '@vmbus/hypervisor'
import type { Clock, Diagnose, Seed, Timers, TraceSink } from '@vmbus/world'
import type { HostDevice, HostDeviceSpec, VmbusVersion } from '../types.ts'

/** A guest's TL_CONNECT_REQUEST, a plain value; the silo is the nil GUID below version 5.2. */
export interface TlConnectRequest {
  readonly endpointId: string
  readonly serviceId: string
  readonly siloId: string
  /** Which connection asked: a guest that has connected anew hears no more of it. */
  readonly contact: number
}

export interface HostBusOptions {
  readonly partition: Partition
  readonly clock: Clock
  /** The bus's own timers; the owner calls `timer(name)` when one fires. */
  readonly timers: Timers
  readonly seed: Seed
  /** What this host speaks, in any order. Connection id 4 exists only with one of at least 5.0. */
  readonly versions: readonly VmbusVersion[]
  /** Feature flags of version 6.0 that this host has; the default is every one that needs nothing else. */
  readonly features?: number
  /** Monitor pages that a 6.0 host supplies (feature 0x40); GPAs of pages in guest RAM that no guest uses otherwise. */
  readonly serverMonitorPages?: { readonly parentToChild: number; readonly childToParent: number }
  /** Channels at a time, at most 2047 (the default); 255 below version 2.4 whatever is said here. */
  readonly maxChannels?: number
  /** Total bytes of GPADLs, default 1280 MiB as on 2019 and later (Linux vmbus.rst); 384 MiB before. */
  readonly maxGpadlBytes?: number
  /** The connection id that a 5.0 or later guest is told to post to; default 4. */
  readonly messageConnection?: number
  /** Who listens for sockets: true when the host will offer a channel for the request, or refuse it later (`refuseTlConnect`). */
  readonly tlConnect?: (request: TlConnectRequest) => boolean
  readonly trace?: TraceSink
  readonly diagnose?: Diagnose
}

export type HostBusEvent =
  | { readonly kind: 'connected'; readonly version: VmbusVersion }
  | { readonly kind: 'refused'; readonly version: VmbusVersion }
  | { readonly kind: 'disconnected'; readonly reason: 'unload' | 'contact' | 'reset' }
  | { readonly kind: 'offers-delivered' }
  | {
      readonly kind: 'opened' | 'closed' | 'rescinded' | 'released'
      readonly device: string
      readonly instanceId: string
      readonly subchannelIndex: number
      readonly relid: number
    }
  /** What a device told its owner. */
  | {
      readonly kind: 'device'
      readonly device: string
      readonly instanceId: string
      readonly name: string
      readonly detail: unknown
    }

export interface OfferOptions {
  /** Never offered: the guest knows this relid, and opens it as a reserved channel (OPEN_RESERVED_CHANNEL). */
  readonly reservedRelid?: number
}

/** The spec of a device that a saved state knows, undefined when there is none. */
export type FindDevice = (
  kind: string,
  instanceId: string,
) => { readonly spec: HostDeviceSpec; readonly settings?: unknown } | undefined

/** A device on the bus, until it is rescinded. */
export interface HostDeviceHandle<D extends HostDevice = HostDevice> {
  readonly kind: string
  readonly instanceId: string
  /** The device now; a restore replaces it. */
  readonly device: D
  readonly rescinded: boolean
  /** Hot remove: subchannels first, then the primary. */
  rescind(): void
  /** The device's events only. Returns the way to stop. */
  on(listener: (name: string, detail: unknown) => void): () => void
}

export interface HostBus {
  /** The version in force, 0 while no guest is connected. */
  readonly version: VmbusVersion
  /** Feature flags in force. */
  readonly features: number
  readonly devices: readonly HostDeviceHandle[]
  /** Offers a device, now if a guest has asked for offers already (hot add). Throws VMBUS_OFFER_INVALID. */
  offer<Settings, D extends HostDevice>(
    spec: HostDeviceSpec<Settings, D>,
    settings?: Settings,
    options?: OfferOptions,
  ): HostDeviceHandle<D>
  /** Returns the way to stop. */
  on(listener: (event: HostBusEvent) => void): () => void
  /** Silence: no message, signal or device call until `resume`; what the guest sends meanwhile waits. */
  pause(): void
  resume(): void
  /** A timer that this bus set has fired. */
  timer(name: string): void
  /** Looks at the monitor page now, as the host's poll or trap does. */
  monitor(): void
  /** Refuses a socket's request that `tlConnect` took; nothing happens once its guest has left or connected anew. */
  refuseTlConnect(request: TlConnectRequest): void
  /** The partition was reset: forgets the guest without a word, reserved channels included. Devices stay offered. */
  reset(): void
  /** Withdraws the bus from its ports. */
  dispose(): void
  save(): unknown
  /**
   * Takes over a saved state whole, or throws StateError (VMBUS_STATE_INVALID) and has touched nothing: for another kind,
   * version or shape, a version of VMBus or features that this host lacks, and what a device's `checkState` refuses. Devices are matched with those
   * offered here by kind and instance; `find` supplies others. What the state knows and nobody here does is rescinded;
   * what is offered here and unknown to it is offered to its guest.
   */
  restore(state: unknown, find?: FindDevice): void
  /** Throws as `restore` would, and has touched nothing. Gives what takes the state over without another look at it. */
  checkState(state: unknown, find?: FindDevice): () => void
  inspect(): Record<string, unknown>
}
