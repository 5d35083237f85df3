import {
  requestTable,
  type Channel,
  type GuestChannel,
  type GuestDriverDeps,
  type PageRange,
  type RequestTable,
} from '@vmbus/core'
import type { StateForm } from '@vmbus/world'
import { VSTOR_VERSIONS, type ControllerKind } from '../protocol/index.ts'
import { CORRECT, type StorvscBehaviour } from './behaviour.ts'
import type { StorvscGuestOptions } from './options.ts'
import type { RequestResult } from './result.ts'
import { savedGuest, type SavedGuest } from './saved.ts'
import { forgetUnit, lookAgain, scanned } from './scan.ts'
import { initialGuestState, type Disk, type GuestState, type RequestRecord, type UnitAt } from './state.ts'
import { packets, type Packets } from './wire.ts'

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
  /** A unit answered that it is not what it was, or that it is not there. */
  unitChanged(at: UnitAt): void
  unitGone(at: UnitAt): void
  /** The driver's own: a command of the search ended. */
  scanned(request: RequestRecord, result: RequestResult): void
}

export function contextOf(options: StorvscGuestOptions, deps: GuestDriverDeps): GuestContext {
  const behaviour = { ...CORRECT, ...options.behaviour }
  const ctx: GuestContext = {
    deps,
    behaviour,
    versions: options.versions ?? VSTOR_VERSIONS.toReversed(),
    packets: packets(),
    channels: new Map(),
    open: [],
    ranges: [],
    subchannels: options.subchannels ?? deps.vps - 1,
    asksNames: options.asksNames ?? true,
    scans: options.scan ?? true,
    port: options.port ?? (() => 0),
    kind: 'scsi',
    ideTarget: 0,
    requests: requestTable<RequestRecord>(behaviour.depth),
    state: initialGuestState(),
    busy: false,
    completed: (id, result) => options.onComplete?.(id, result),
    ready: () => options.onReady?.(),
    busChanged: () => options.onBusChange?.(),
    appeared(disk) {
      deps.event('disk', disk)
      options.onDisk?.(disk)
    },
    disappeared(disk) {
      deps.event('disk-gone', disk)
      options.onDiskGone?.(disk)
    },
    unitChanged(at) {
      lookAgain(ctx, at)
      options.onUnitChanged?.(at)
    },
    unitGone(at) {
      forgetUnit(ctx, at)
      options.onUnitGone?.(at)
    },
    scanned: (request, result) => scanned(ctx, request, result),
  }
  return ctx
}

export const savedForm = (ctx: GuestContext): StateForm<SavedGuest> => savedGuest(ctx.behaviour.depth)
