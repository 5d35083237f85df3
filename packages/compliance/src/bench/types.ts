import type { GuestBehaviour, HostPort, VmbusVersion } from '@vmbus/core'
import type { Partition } from '@vmbus/hypervisor'
import type { Clock, Diagnose, Seed, Timers } from '@vmbus/world'

/** A device that can be withdrawn. With `kind` and `device` its services are asked for as part of the suite. */
export interface Removable {
  /** Such as `kvp`, whose device has the methods of `KvpHost`. */
  readonly kind?: string
  readonly device?: object
  readonly rescinded: boolean
  rescind(): void
}

/** A host that serves one guest. With `bus`, its devices are withdrawn as part of the suite. */
export interface ServingHost {
  readonly partition: Partition
  timer(name: string): void
  readonly bus?: { readonly devices: readonly Removable[] }
}

/** Serves guests: what `world.host(profile, devices)` of @vmbus/simulation returns, or an implementation of your own. */
export interface HostUnderTest {
  readonly name: string
  attach(port: HostPort): ServingHost
}

/** What a guest runs on. */
export interface GuestMachine {
  readonly partition: Partition
  readonly clock: Clock
  readonly timers: Timers
  readonly seed: Seed
  readonly diagnose: Diagnose
}

export interface RunningGuest {
  interrupt(vp: number, vector: number): void
  timer(name: string): void
  /** Leaves the host in good order; absent, the rules about leaving do not apply. */
  stop?(): void
  /** Drivers that are there, for whoever uses them. */
  readonly drivers?: readonly object[]
}

/** A guest with a bus driver of its own. */
export interface GuestUnderTest {
  readonly name: string
  /** Interfaces of its drivers: for each one of these must be opened where it is offered. Default: nothing is known. */
  readonly interfaces?: readonly (readonly string[])[]
  boot(machine: GuestMachine): RunningGuest
}

/** How drivers are loaded into the correct guest. */
export interface GuestOptions {
  readonly versions?: readonly VmbusVersion[]
  readonly behaviour?: Partial<GuestBehaviour>
}
