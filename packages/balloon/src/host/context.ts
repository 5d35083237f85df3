import { requestTable, type Channel, type HostDeviceDeps, type RequestTable } from '@vmbus/core'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { pageSet, type PageSet } from '../page-set.ts'
import type { BalloonHostReject } from '../rejects.ts'
import {
  DEFAULT_SETTLE_SECONDS,
  DEFAULT_TIMEOUT_SECONDS,
  MOST_REQUESTS,
  initialState,
  type BalloonHostOptions,
  type Operation,
  type Request,
  type State,
} from './state.ts'

const PAGE = 4096

/** What the parts of the device share. `state`, `requests` and `ballooned` are all that is saved. */
export interface HostContext {
  readonly options: BalloonHostOptions
  readonly deps: HostDeviceDeps
  readonly versions: readonly number[]
  readonly bootPages: number
  readonly settleTicks: number
  readonly timeoutTicks: number
  readonly ballooned: PageSet
  readonly requests: RequestTable<Request>
  state: State
  channel: Channel | undefined
  /** The device is at work: what the guest says meanwhile waits. */
  busy: boolean
}

export function hostContext(
  options: BalloonHostOptions,
  deps: HostDeviceDeps,
  versions: readonly number[],
): HostContext {
  const bootPages = options.bootPages ?? deps.memory.size / PAGE
  return {
    options,
    deps,
    versions,
    bootPages,
    settleTicks: (options.settleSeconds ?? DEFAULT_SETTLE_SECONDS) * TICKS_PER_SECOND,
    timeoutTicks: (options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * TICKS_PER_SECOND,
    ballooned: pageSet(),
    requests: requestTable<Request>(MOST_REQUESTS),
    state: initialState(bootPages),
    channel: undefined,
    busy: false,
  }
}

export const drop = ({ deps }: HostContext, branch: BalloonHostReject, message: string): void =>
  deps.diagnose({ code: 'VMBUS_BALLOON_DROPPED', source: 'balloon', message, detail: { branch } })

/** What the guest was asked for and has not answered. */
export function underWay({ requests }: HostContext, operation?: Operation): Request | undefined {
  const request = requests.get(MOST_REQUESTS)
  return operation === undefined || request?.operation === operation ? request : undefined
}

/** Says how an operation ended, once. */
export function report({ deps }: HostContext, request: Request, failed?: string): void {
  const { operation, asked, done } = request
  const isLate = request.deadline === null
  request.deadline = null
  deps.timers.clear('operation')
  const result = { asked, done, ...(failed === undefined ? {} : { failed }) }
  if (isLate) deps.event('late', { operation, ...result })
  else deps.event(operation, result)
}

/** The guest answered, or never will: it can be asked again. */
export function finish(ctx: HostContext, failed?: string): void {
  const request = ctx.requests.end(MOST_REQUESTS)
  if (request === undefined) return
  ctx.state.transaction = (ctx.state.transaction + 1) >>> 0
  report(ctx, request, failed)
}
