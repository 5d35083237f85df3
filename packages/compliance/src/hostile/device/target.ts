import type { GuestDriver, GuestDriverSpec, HostDevice, HostDeviceSpec, Packet } from '@vmbus/core'
import type { DeviceWorld } from '@vmbus/testbench'
import type { Diagnostic } from '@vmbus/world'
import type { Random } from '../random.ts'
import type { Forged } from './mutate-packet.ts'

/** The world of a session as an exercise, and whoever changes pages, sees it. */
export interface AttackedWorld {
  readonly world: DeviceWorld
  readonly choose: Random
  readonly host: HostDevice | undefined
  readonly driver: GuestDriver | undefined
}

/** One end of a device as an attack judges it. */
export interface AttackedEnd {
  /** Branches that are the first check of a packet's length or type. */
  readonly short: readonly string[]
  /** The protocol's state, from what `inspect` shows. */
  state(inspected: Record<string, unknown>): string
  /** The branch that a diagnostic tells of; default is that of its detail. */
  branchOf?(diagnostic: Diagnostic): string | undefined
  /** The branch that an event of this end tells of: what made it give up. */
  gaveUp?(name: string, detail: unknown): string | undefined
  /** The branch that an answer of this end tells of: a status that refuses. */
  refusal?(payload: Uint8Array): string | undefined
  /** What the peer could say, whether or not it is its turn. */
  forge?(choose: Random): Forged
  /** Percent of the injected packets that `forge` makes; the rest are copies of packets that were seen. Default 30. */
  readonly forgedShare?: number
  /** Changes the pages that a packet points to, before it is read; true when something was changed. */
  pages?(attacked: AttackedWorld, packet: Packet): boolean
}

export interface DeviceTarget {
  readonly name: string
  /** Both ends anew for each session, over backends of their own. */
  create(choose: Random): {
    readonly device: HostDeviceSpec
    readonly driver: GuestDriverSpec
    readonly settings?: unknown
    /** Uses the device in one of its ways; called at any time. */
    exercise(attacked: AttackedWorld): void
    /** Requests begun and ended; asked after the device is gone. */
    tally?(): { readonly begun: number; readonly ended: number }
  }
  readonly ends: { readonly host: AttackedEnd; readonly guest: AttackedEnd }
  /** Bytes at the start of a payload in which most of its fields stand, default 64. */
  readonly span?: number
  readonly memoryMB?: number
  /**
   * Packets after an opening that pass unchanged, except in sessions that attack the set-up; default 0. For a device whose
   * set-up is long and fails at the first changed packet.
   */
  readonly grace?: number
  /** Seconds after which nothing waits for a device that is gone, default 10. */
  readonly seconds?: number
}
