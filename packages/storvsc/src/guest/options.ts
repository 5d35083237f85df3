import type { PageRange } from '@vmbus/core'
import {
  callable,
  flag,
  integer,
  list,
  number,
  object,
  optional,
  oneOf,
  u8,
  type Given,
  type Shape,
} from '@vmbus/world'
import { PACKET_BYTES, PACKET_BYTES_V1 } from '../protocol/index.ts'
import type { StorvscBehaviour } from './behaviour.ts'
import type { RequestResult } from './result.ts'
import type { Direction, Disk, UnitAt } from './state.ts'

/** Address of a unit; what is left out is 0. */
export interface UnitAddress {
  readonly path?: number
  readonly target?: number
  readonly lun?: number
}

/** A command as the owner gives it. */
export interface ScsiCommand extends UnitAddress {
  /** 6 to 16 bytes. */
  readonly cdb: Uint8Array
  readonly direction?: Direction
  /** Guest pages that the command reads from or writes to; they are the host's until it ends. */
  readonly buffer?: PageRange
  /** The unit takes tagged commands, as its INQUIRY data says; default true. */
  readonly tagged?: boolean
  /** The virtual processor that asks: its channel is tried first. */
  readonly vp?: number
}

export interface StorvscGuestOptions {
  /** In the order in which they are tried; default newest first. */
  readonly versions?: readonly number[]
  readonly behaviour?: Partial<StorvscBehaviour>
  /** Most sub-channels to ask for; default one for each virtual processor but the first. */
  readonly subchannels?: number
  /** Asks a Fibre Channel adapter for its world wide names; default true. */
  readonly asksNames?: boolean
  /** The number that the operating system gave the controller, which its requests carry; default 0. */
  readonly port?: () => number
  /** Looks for units after set-up and when the host reports changes; default true. Without it the owner does. */
  readonly scan?: boolean
  /** Set-up is done: requests go out. */
  readonly onReady?: () => void
  /** The host says that units came or went. */
  readonly onBusChange?: () => void
  /** A unit reported that it has changed; its request is sent again. */
  readonly onUnitChanged?: (at: UnitAt) => void
  /** A unit reported that it is not there. */
  readonly onUnitGone?: (at: UnitAt) => void
  /** A unit was found, or has changed. */
  readonly onDisk?: (disk: Disk) => void
  readonly onDiskGone?: (disk: Disk) => void
  /** A request ended; each does so once, and never within the call that made it. */
  readonly onComplete?: (id: number, result: RequestResult) => void
}

const behaviour: Shape<Given<StorvscBehaviour>> = object<Given<StorvscBehaviour>>({
  ringPages: optional(integer(2)),
  firstPacketBytes: optional(oneOf(PACKET_BYTES_V1, PACKET_BYTES)),
  subchannelsFirst: optional(flag),
  setupTimeout: optional(number(0)),
  depth: optional(integer(1)),
  asksForRoom: optional(flag),
  forcedSuccess: optional(list(u8)),
  rawOverrun: optional(flag),
  requeues: optional(integer()),
})

type GivenGuest = Given<Omit<StorvscGuestOptions, 'behaviour'> & { readonly behaviour: Given<StorvscBehaviour> }>

export const guestOptions: Shape<GivenGuest> = object<GivenGuest>({
  versions: optional(list(integer(0, 0xffff))),
  behaviour: optional(behaviour),
  subchannels: optional(integer(0, 0xffff)),
  asksNames: optional(flag),
  port: optional(callable<() => number>()),
  scan: optional(flag),
  onReady: optional(callable<() => void>()),
  onBusChange: optional(callable<() => void>()),
  onUnitChanged: optional(callable<(at: UnitAt) => void>()),
  onUnitGone: optional(callable<(at: UnitAt) => void>()),
  onDisk: optional(callable<(disk: Disk) => void>()),
  onDiskGone: optional(callable<(disk: Disk) => void>()),
  onComplete: optional(callable<(id: number, result: RequestResult) => void>()),
})
