import type { Channel, GuestChannel, GuestDriverDeps } from '@vmbus/core'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { pageSet, type PageSet } from '../page-set.ts'
import { DM_VERSIONS, LINUX_HOT_ADD_ALIGNMENT } from '../protocol.ts'
import type { BalloonGuestReject } from '../rejects.ts'
import {
  initialState,
  type BalloonGuestOptions,
  type BalloonQuirk,
  type GuestMemoryManager,
  type State,
} from './state.ts'

const REPORT_DELAY = 45

/** What the parts of the driver share. `state` and `ballooned` are all that is saved. */
export interface GuestContext {
  readonly deps: GuestDriverDeps
  readonly memory: GuestMemoryManager
  readonly versions: readonly number[]
  readonly reportDelay: number
  /** Reference time before which nothing is reported. */
  readonly reportsFrom: number
  /** 2^n MiB. */
  readonly alignment: number
  readonly quirks: ReadonlySet<BalloonQuirk>
  /** Pages that were given up. */
  readonly ballooned: PageSet
  state: State
  handle: GuestChannel | undefined
  /** While it is open. */
  readonly channel: Channel | undefined
  /** The driver is at work: what the host says meanwhile waits; `again`, there is some. */
  busy: boolean
  again: boolean
}

export const guestContext = (options: BalloonGuestOptions, deps: GuestDriverDeps): GuestContext => ({
  deps,
  memory: options.memory,
  versions: options.versions ?? DM_VERSIONS.toReversed(),
  reportDelay: options.reportDelay ?? REPORT_DELAY,
  reportsFrom: (options.reportsFrom ?? 0) * TICKS_PER_SECOND,
  alignment: options.hotAddAlignment ?? LINUX_HOT_ADD_ALIGNMENT,
  quirks: new Set(options.quirks),
  ballooned: pageSet(),
  state: initialState(),
  handle: undefined,
  get channel() {
    return this.handle?.channel
  },
  busy: false,
  again: false,
})

export function drop({ deps }: GuestContext, branch: BalloonGuestReject | undefined, message: string): void {
  deps.diagnose({
    code: 'VMBUS_BALLOON_DROPPED',
    source: 'balloon',
    message,
    ...(branch !== undefined && { detail: { branch } }),
  })
}

/** Every message that the guest sends, answers included, is numbered by one counter from 1. */
export function head({ state }: GuestContext, type: number, size: number) {
  state.transaction = (state.transaction + 1) >>> 0
  return { type, size, transId: state.transaction }
}
