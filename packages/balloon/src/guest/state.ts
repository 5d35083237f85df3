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
  /** Brings new memory into use and returns how many pages of it, whole blocks only; absent, hot add is not offered. */
  add?(run: PageRun): number
}

export interface BalloonGuestOptions {
  readonly memory: GuestMemoryManager
  /** Versions in the order in which the driver asks. */
  readonly versions?: readonly number[]
  /** Alignment of hot add as 2^n MiB. */
  readonly hotAddAlignment?: number
  /** Ticks of one second before the first status report: Linux waits 45 (pressure_report_delay). */
  readonly reportDelay?: number
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
  added: number
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
  added: 0,
  outbox: [],
})
