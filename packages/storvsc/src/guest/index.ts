import { requestTable, type GuestDriver, type GuestDriverDeps, type PageRange } from '@vmbus/core'
import { checkOptions, restoreState } from '@vmbus/world'
import { VSTOR_VERSIONS } from '../protocol/index.ts'
import { CORRECT } from './behaviour.ts'
import { flushCdb } from './commands.ts'
import type { GuestContext } from './context.ts'
import { closed, offered, opened, rescinded, reset, restored, saved, timer } from './lifecycle.ts'
import { guestOptions, type ScsiCommand, type StorvscGuestOptions, type UnitAddress } from './options.ts'
import { dispatch } from './requests.ts'
import { savedGuest } from './saved.ts'
import { forgetUnit, rescanUnit, scanAll, scanned } from './scan.ts'
import { sendSetup } from './setup.ts'
import { initialGuestState, type Disk, type DriverPhase, type RequestRecord } from './state.ts'
import { submit, transfer, unmap, type SectorRange } from './submit.ts'
import { call, plugged, readable, turn } from './turns.ts'
import { packets } from './wire.ts'

export type { ScsiCommand, StorvscGuestOptions, UnitAddress } from './options.ts'
export { CORRECT, LINUX, LINUX_5_10, type StorvscBehaviour } from './behaviour.ts'
export { OUTCOMES, type RequestOutcome, type RequestResult } from './result.ts'
export type { Direction, Disk, DriverPhase } from './state.ts'

/** The driver as its owner sees it. Requests have ids, unique for the life of the driver; `onComplete` has the results. */
export interface StorvscGuest extends GuestDriver {
  readonly phase: DriverPhase
  /** The version agreed on, 0 before. */
  readonly version: number
  readonly disks: readonly Disk[]
  /** Requests on the wire, and requests that wait for a tag, room or the end of set-up. */
  readonly inFlight: number
  readonly waiting: number
  /** Bytes that the controller takes in one request, 0 before it has said so. */
  readonly maxTransferBytes: number
  /** Open channels. */
  readonly channels: number
  /** World wide names of a Fibre Channel adapter, hexadecimal; empty otherwise. */
  readonly wwn: { readonly port: string; readonly node: string }
  /** Throws VMBUS_STORVSC_REQUEST for what cannot be put on the wire. */
  submit(command: ScsiCommand): number
  /** Reads whole sectors into the range. Throws VMBUS_STORVSC_REQUEST for a unit that was not found. */
  read(at: UnitAddress, sector: number, buffer: PageRange): number
  write(at: UnitAddress, sector: number, buffer: PageRange): number
  /** What was written before survives a power cut once it ends well. */
  flush(at: UnitAddress): number
  unmap(at: UnitAddress, ranges: readonly SectorRange[]): number
  /** The requests that `work` makes reach the host together, once it is done: a batch costs one signal and one interrupt. */
  plug(work: () => void): void
  /** Looks for units again. */
  scan(): void
  /** RESET_BUS, as Linux sends it after a timeout; requests go on. */
  reset(): void
}

/** Throws OptionsError (VMBUS_OPTIONS_INVALID). */
export function storvscGuest(options: StorvscGuestOptions, deps: GuestDriverDeps): StorvscGuest {
  checkOptions('storvsc.driver', guestOptions, options)
  const ctx = contextOf(options, deps)
  const form = savedGuest(ctx.behaviour.depth)

  return {
    get phase() {
      return ctx.state.phase
    },
    get version() {
      return ctx.state.version
    },
    get disks() {
      return ctx.state.disks
    },
    get inFlight() {
      return ctx.requests.size
    },
    get waiting() {
      return ctx.state.queue.length
    },
    get maxTransferBytes() {
      return ctx.state.maxTransferBytes
    },
    get channels() {
      return [...ctx.channels.values()].filter(({ state }) => state === 'open').length
    },
    get wwn() {
      return { port: ctx.state.portName, node: ctx.state.nodeName }
    },
    submit: (command) => call(ctx, () => submit(ctx, command)),
    read: (at, sector, buffer) => call(ctx, () => transfer(ctx, false, at, sector, buffer)),
    write: (at, sector, buffer) => call(ctx, () => transfer(ctx, true, at, sector, buffer)),
    flush: (at) => call(ctx, () => submit(ctx, { ...at, cdb: flushCdb() })),
    unmap: (at, ranges) => call(ctx, () => unmap(ctx, at, ranges)),
    plug: (work) => plugged(ctx, work),
    scan: () =>
      call(ctx, () => {
        if (ctx.state.phase === 'ready') scanAll(ctx)
      }),
    reset: () => call(ctx, () => reset(ctx)),
    offered: (channel) => turn(ctx, () => offered(ctx, channel)),
    opened: (channel, status) => turn(ctx, () => opened(ctx, channel, status)),
    readable({ channel }) {
      if (channel !== undefined) readable(ctx, channel)
    },
    writable: () =>
      turn(ctx, () => {
        if (ctx.state.unsent) sendSetup(ctx)
        dispatch(ctx)
      }),
    closed: (channel) => turn(ctx, () => closed(ctx, channel)),
    rescinded: (channel) => turn(ctx, () => rescinded(ctx, channel)),
    timer: (name) => turn(ctx, () => timer(ctx, name)),
    save: () => saved(ctx, form),
    checkState: (state) => void restoreState(state, form),
    restore: (state, channels) => restored(ctx, restoreState(state, form), channels),
    inspect: () => ({
      phase: ctx.state.phase,
      version: ctx.state.version,
      channels: ctx.channels.size,
      inFlight: ctx.requests.size,
      waiting: ctx.state.queue.length,
      scanning: ctx.state.scan !== null,
      disks: ctx.state.disks.map((disk) => ({ ...disk })),
    }),
  }
}

function contextOf(options: StorvscGuestOptions, deps: GuestDriverDeps): GuestContext {
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
      rescanUnit(ctx, at)
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
