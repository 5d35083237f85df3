import {
  bytes,
  callable,
  instance,
  integer,
  list,
  nullable,
  number,
  object,
  oneOf,
  optional,
  stateForm,
  u32,
  type Given,
  type Shape,
} from '@vmbus/world'
import { pageRun, type PageRun } from '../protocol.ts'

/** The memory of the operating system that the driver serves, in 4 KiB pages. */
export interface GuestMemoryManager {
  /** Pages that the system manages, ballooned ones not counted. */
  total(): number
  available(): number
  committed(): number
  /** Takes `count` adjacent pages out of use; undefined when there are none. */
  take(count: number): PageRun | undefined
  release(run: PageRun): void
  /**
   * Brings the pages of `run` into use, from the first on, and returns how many; absent, hot add is not offered. The run
   * lies in `region`, whole blocks of the declared alignment: pages before the run were added or are a gap that stays out
   * of use, those behind it may follow. A manager that already has a page of the region that was not added so returns 0.
   */
  add?(run: PageRun, region: PageRun): number
}

export interface BalloonGuestOptions {
  readonly memory: GuestMemoryManager
  /** Versions in the order in which the driver asks. */
  readonly versions?: readonly number[]
  /** Alignment of hot add as 2^n MiB. */
  readonly hotAddAlignment?: number
  /** Ticks of one second before the first status report: Linux waits 45 (pressure_report_delay). */
  readonly reportDelay?: number
  /** Seconds of reference time before which no status is reported, whatever `reportDelay` says; default 0. */
  readonly reportsFrom?: number
  readonly quirks?: readonly BalloonQuirk[]
}

/**
 * What Linux does that a correct guest need not (drivers/hv/hv_balloon.c). `claims-hot-add`: declares hot add in a kernel
 * that cannot, and then answers that it never will (balloon_connect_vsp). `answers-each-size`: names each allocation as a
 * range of its own, and sends what large chunks it has before it looks for single pages (balloon_up). `whole-chunks-at-floor`:
 * gives up whole 2 MiB and no more when it meets its floor (balloon_up before 5.6).
 */
export type BalloonQuirk = (typeof QUIRKS)[number]

const QUIRKS = ['claims-hot-add', 'answers-each-size', 'whole-chunks-at-floor'] as const

export interface AddedRegion extends PageRun {
  /** Pages from the start on in which memory is in use, and how many of them are not. */
  readonly covered: number
  readonly gaps: number
}

const PHASES = ['closed', 'version', 'capabilities', 'ready', 'failed'] as const

export interface State {
  phase: (typeof PHASES)[number]
  attempt: number
  transaction: number
  ticks: number
  nextTick: number | null
  deadline: number | null
  /** Regions of memory that was added, and how many pages of each are in use. */
  regions: AddedRegion[]
  outbox: Uint8Array[]
}

export const initialState = (): State => ({
  phase: 'closed',
  attempt: 0,
  transaction: 0,
  ticks: 0,
  nextTick: null,
  deadline: null,
  regions: [],
  outbox: [],
})

/** What a driver saves. */
export interface SavedGuest extends State {
  readonly ballooned: readonly PageRun[]
}

export const SAVED_GUEST = stateForm<SavedGuest>('balloon-driver', 3, {
  phase: oneOf(...PHASES),
  attempt: integer(),
  transaction: u32,
  ticks: integer(),
  nextTick: nullable(number(0)),
  deadline: nullable(number(0)),
  regions: list(object<AddedRegion>({ start: integer(), count: integer(), covered: integer(), gaps: integer() })),
  outbox: list(bytes()),
  ballooned: list(pageRun),
})

const METHODS = ['total', 'available', 'committed', 'take', 'release'] as const

const memoryManager: Shape<GuestMemoryManager> = (value, at) => {
  const given = instance<GuestMemoryManager>()(value, at)
  for (const name of METHODS) callable()(given[name], `${at}.${name}`)
  if (given.add !== undefined) callable()(given.add, `${at}.add`)
  return given
}

export const guestOptions = object<Given<BalloonGuestOptions>>({
  memory: memoryManager,
  versions: optional(list(u32)),
  hotAddAlignment: optional(integer(0, 15)),
  reportDelay: optional(number(0)),
  reportsFrom: optional(number(0)),
  quirks: optional(list(oneOf(...QUIRKS))),
})
