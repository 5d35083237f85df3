import type { GuestChannel, GuestDriverDeps } from '@vmbus/core'
import type { ControllerKind } from '../protocol.ts'
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
  /** Most sub-channels to ask for. */
  readonly subchannels: number
  /** Look for units by itself. */
  readonly scans: boolean
  /** The controller's number in the operating system. */
  port(): number
  kind: ControllerKind
  /** Path and target of an IDE accelerator's disk. */
  ideTarget: number
  state: GuestState
  /** The owner's: one of its requests ended. */
  completed(id: number, result: RequestResult): void
  ready(): void
  appeared(disk: Disk): void
  disappeared(disk: Disk): void
  /** A unit answered that it is not what it was, or that it is not there. */
  unitChanged(at: UnitAt): void
  unitGone(at: UnitAt): void
  /** The driver's own: a command of the search ended. */
  scanned(request: RequestRecord, result: RequestResult): void
}
