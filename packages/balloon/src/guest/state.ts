import type { PageRun } from '../protocol.ts'

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
   * lies in `region`, whole blocks of the declared alignment: its other pages were added before or may follow, in order.
   * A manager that already has a page of the region that was not added so returns 0.
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
 * range of its own, and sends what large chunks it has before it looks for single pages (balloon_up).
 */
export type BalloonQuirk = 'claims-hot-add' | 'answers-each-size'

export interface AddedRegion extends PageRun {
  readonly covered: number
}

type Phase = 'closed' | 'version' | 'capabilities' | 'ready' | 'failed'

export interface State {
  readonly v: 1
  phase: Phase
  attempt: number
  transaction: number
  ticks: number
  nextTick: number | null
  deadline: number | null
  /** Regions of memory that was added, and how many pages of each are in use. */
  regions: AddedRegion[]
  outbox: Uint8Array[]
}

export const fresh = (): State => ({
  v: 1,
  phase: 'closed',
  attempt: 0,
  transaction: 0,
  ticks: 0,
  nextTick: null,
  deadline: null,
  regions: [],
  outbox: [],
})
