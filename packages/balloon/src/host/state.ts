import { savedRequests, type HostDevice, type SavedRequests } from '@vmbus/core'
import {
  bytes,
  callable,
  flag,
  integer,
  list,
  nullable,
  number,
  object,
  oneOf,
  optional,
  stateForm,
  textLike,
  u32,
  type Given,
  type StateForm,
} from '@vmbus/world'
import { pageRun, type PageRun } from '../protocol.ts'

export interface BalloonHostOptions {
  readonly instanceId?: string
  /** Pages that the guest booted with; default all of its RAM. */
  readonly bootPages?: number
  /** Tells a guest of version 1.0 and later the most pages that it may ever have. */
  readonly maxPages?: number
  /** Seconds after the capabilities before the first request: Windows guests do not survive earlier ones (QEMU hw/hyperv/hv-balloon.c). */
  readonly settleSeconds?: number
  /** Seconds that an operation may take before it is given up. */
  readonly timeoutSeconds?: number
  /** The guest gave these pages up; the host may reclaim them until `returned`. Each page is named once. */
  readonly reclaimed?: (run: PageRun) => void
  readonly returned?: (run: PageRun) => void
}

export interface BalloonSettings {
  readonly versions: readonly number[]
}

/** What a guest reports every second, in 4 KiB pages. Linux commits what it has ballooned and its floor, too (wire/07 §3). */
export interface GuestPressure {
  readonly available: number
  readonly committed: number
}

/** Whole blocks of the guest's alignment, of which the first `covered` pages are in use: the rest may follow. */
export interface HotAddRegion extends PageRun {
  readonly covered: number
}

const OPERATIONS = ['balloon', 'unballoon', 'hot-add'] as const

export type Operation = (typeof OPERATIONS)[number]

/** Why an operation was not begun. */
export type BalloonRefusal = 'not-ready' | 'busy' | 'not-supported' | 'misaligned' | 'nothing-to-do'

/** What the guest was asked for, until it answers. */
export interface Request {
  readonly operation: Operation
  readonly asked: number
  /** Pages so far. */
  done: number
  /** Reference time at which it is reported as failed; null once it is. */
  deadline: number | null
  /** Of a hot add: the region, and the page in it that is offered first. */
  readonly adding: { readonly start: number; readonly region: HotAddRegion } | null
}

const PHASES = ['closed', 'version', 'capabilities', 'settling', 'idle'] as const

export interface State {
  phase: (typeof PHASES)[number]
  version: number
  caps: { balloon: boolean; hotAdd: boolean; alignmentPages: number }
  transaction: number
  /** Reference time at which the guest may be asked, or null. */
  settledAt: number | null
  /** The region of the last hot add, and how many of its pages the guest has; null before the first. */
  region: HotAddRegion | null
  hotAddEnded: boolean
  bootPages: number
  /** What was added, as runs that do not touch. */
  hotAdded: PageRun[]
  pressure: GuestPressure
  /** What the guest used at its last report, without the balloon; null before the first. */
  needed: number | null
  reports: number
  /** Messages of an unballoon operation that wait for room in the ring. */
  outbox: Uint8Array[]
  /** The guest has said something that is to be read. */
  unread: boolean
}

export interface BalloonHost extends HostDevice {
  readonly ready: boolean
  /** Pages that the guest has: booted with, plus added, less ballooned. */
  readonly assignedPages: number
  readonly balloonedPages: number
  readonly hotAddedPages: number
  readonly pressure: GuestPressure
  /** Pages that the guest used at its last report: its commitment without the balloon. Undefined before the first report. */
  readonly needed: number | undefined
  /**
   * Takes memory away; ends with the event `balloon` {asked, done}. An operation that fails for want of time keeps the
   * guest busy until its answer comes after all, which is the event `late`: pages are never miscounted.
   */
  balloon(pages: number): 'begun' | BalloonRefusal
  /** Gives ballooned memory back; ends with the event `unballoon`. */
  unballoon(pages: number): 'begun' | BalloonRefusal
  /**
   * Adds memory beyond what the guest booted with; ends with the event `hot-add`. A run begins on the guest's alignment,
   * right behind the region before; or it goes on where the last run ended, in the region that that one did not fill.
   */
  hotAdd(run: PageRun): 'begun' | BalloonRefusal
}

/** 50 s, and 5 minutes for an operation. */
export const DEFAULT_SETTLE_SECONDS = 50
export const DEFAULT_TIMEOUT_SECONDS = 300
/** Most pages in one balloon request: a Windows guest's response cannot list more (QEMU hw/hyperv/hv-balloon.c; wire/07 §4). */
export const MAX_REQUEST_PAGES = 585_728
/** Ranges in one unballoon message, so that several fit the guest's ring of 16 KiB of data. */
export const RANGES_PER_MESSAGE = 400

export const initialState = (bootPages: number): State => ({
  phase: 'closed',
  version: 0,
  caps: { balloon: false, hotAdd: false, alignmentPages: 1 },
  transaction: 1,
  settledAt: null,
  region: null,
  hotAddEnded: false,
  bootPages,
  hotAdded: [],
  pressure: { available: 0, committed: 0 },
  needed: null,
  reports: 0,
  outbox: [],
  unread: false,
})

/** What a device saves. */
export interface SavedHost extends State {
  readonly requests: SavedRequests<Request>
  readonly ballooned: readonly PageRun[]
}

const region = object<HotAddRegion>({ start: integer(), count: integer(), covered: integer() })

/** A guest takes one request at a time; its answers are numbered by its own counter, and say which they answer by their type. */
export const MOST_REQUESTS = 1
const request = object<Request>({
  operation: oneOf(...OPERATIONS),
  asked: integer(),
  done: integer(),
  deadline: nullable(number(0)),
  adding: nullable(object<{ readonly start: number; readonly region: HotAddRegion }>({ start: integer(), region })),
})

/** The states of a device that agrees on one of these versions. */
export const savedHost = (versions: readonly number[]): StateForm<SavedHost> =>
  stateForm<SavedHost>('balloon', 3, {
    phase: oneOf(...PHASES),
    version: oneOf(0, ...versions),
    caps: object<State['caps']>({ balloon: flag, hotAdd: flag, alignmentPages: integer(1) }),
    transaction: u32,
    settledAt: nullable(number(0)),
    region: nullable(region),
    hotAddEnded: flag,
    bootPages: number(0),
    hotAdded: list(pageRun),
    pressure: object<GuestPressure>({ available: number(0), committed: number(0) }),
    needed: nullable(number(0)),
    reports: integer(),
    outbox: list(bytes()),
    unread: flag,
    requests: savedRequests(request, MOST_REQUESTS),
    ballooned: list(pageRun),
  })

const onRun = optional(callable<(run: PageRun) => void>())

export const hostOptions = object<Given<BalloonHostOptions>>({
  instanceId: optional(textLike(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i, 'a GUID')),
  bootPages: optional(integer(1)),
  maxPages: optional(integer(0)),
  settleSeconds: optional(number(0)),
  timeoutSeconds: optional(number(0)),
  reclaimed: onRun,
  returned: onRun,
})

export const hostSettings = object<BalloonSettings>({ versions: list(u32) })
