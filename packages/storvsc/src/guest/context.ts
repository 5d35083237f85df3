import type { Channel, GuestChannel, GuestDriverDeps, PageRange, RequestTable } from '@vmbus/core'
import type { ControllerKind } from '../protocol/index.ts'
import type { StorvscBehaviour } from './behaviour.ts'
import type { RequestResult } from './result.ts'
import type { Disk, GuestState, RequestRecord, UnitAt } from './state.ts'
import type { Packets } from './wire.ts'

/** What the parts of the driver share. `state` is all that is saved. */
export interface GuestContext {
  readonly deps: GuestDriverDeps
  readonly behaviour: StorvscBehaviour
  readonly versions: readonly number[]
  readonly packets: Packets
  readonly channels: Map<number, GuestChannel>
  /** Scratch: those that are open. */
  readonly open: Channel[]
  /** Scratch: the one range of the request that is being sent. */
  readonly ranges: PageRange[]
  /** Most sub-channels to ask for. */
  readonly subchannels: number
  /** Look for units by itself. */
  readonly asksNames: boolean
  readonly scans: boolean
  /** The controller's number in the operating system. */
  port(): number
  kind: ControllerKind
  /** Path and target of an IDE accelerator's disk. */
  ideTarget: number
  /** Under way with the host. */
  readonly requests: RequestTable<RequestRecord>
  state: GuestState
  /** Something is being sent or read: what the host answers meanwhile waits. */
  busy: boolean
  /** The owner's: one of its requests ended. */
  completed(id: number, result: RequestResult): void
  ready(): void
  busChanged(): void
  appeared(disk: Disk): void
  disappeared(disk: Disk): void
  /** A unit reported that it has changed, or that it is not there. */
  unitChanged(at: UnitAt): void
  unitGone(at: UnitAt): void
  /** The driver's own: a command of the search ended. */
  scanned(request: RequestRecord, result: RequestResult): void
}
