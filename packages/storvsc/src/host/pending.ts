import type { HostDeviceDeps, PageRange } from '@vmbus/core'
import type { CompletionTable, QueuedDisk } from '@vmbus/disk'
import {
  FAILURE_OF,
  INVALID_LUN,
  TASK_ABORTED,
  type Failure,
  type Plan,
  type Step,
  type StepStatus,
} from './command-result.ts'
import type { GuestBuffer } from './guest-buffer.ts'
import type { Luns } from './luns.ts'
import { finish, type Finished, type Reply, type ReplyContext } from './replies.ts'
import type { Steps } from './steps.ts'
import { isQueued, type LogicalUnit } from './unit.ts'

/** A request that waits for its disk, as plain data. */
export interface Pending extends Reply {
  readonly slot: number
  /** Index of the channel that it came over and is answered on. */
  readonly channel: number
  /** Address of its logical unit. */
  readonly key: number
  readonly range: PageRange | null
  readonly transferred: number
  /** Steps that the disk's queue had no room for yet. */
  steps: Step[]
  /** Steps that the queue has. */
  outstanding: number
  /** The first step that failed decides; an error of the disk replaces a miscompare, which may come from it. */
  status: StepStatus
}

export interface RequestsState {
  nextSlot: number
  pending: Pending[]
  finished: Finished[]
}

export const noRequests = (): RequestsState => ({ nextSlot: 1, pending: [], finished: [] })

/**
 * What requests of disks that complete later need of a controller. All that they are is in `state`; the buffer is borrowed
 * for each call.
 */
export interface PendingContext extends ReplyContext {
  readonly deps: Pick<HostDeviceDeps, 'timers' | 'clock'>
  readonly buffer: GuestBuffer
  readonly steps: Steps
  readonly luns: Luns
  /** Scratch: what a disk's queue has completed. */
  readonly completions: CompletionTable
  readonly state: ReplyContext['state'] & RequestsState
}

/** Names of the timers by which disks are asked for completions: the address key follows. */
export const LUN_TIMER = /^lun\/(\d+)$/

/** Slots are never used twice while a queue may still remember them. */
function takeSlot(state: RequestsState): number {
  const slot = state.nextSlot
  state.nextSlot = slot === 0x7fff_ffff ? 1 : slot + 1
  return slot
}

const isOver = ({ steps, outstanding }: Pending): boolean => steps.length === 0 && outstanding === 0

const hasPending = ({ state }: PendingContext, key: number): boolean =>
  state.pending.some((request) => request.key === key)

function queueOf({ luns }: PendingContext, key: number): QueuedDisk | undefined {
  const backend = luns.get(key)?.backend
  return backend !== undefined && isQueued(backend) ? backend : undefined
}

/** Sets the unit's timer. */
export function arm(ctx: PendingContext, key: number): void {
  const next = hasPending(ctx, key) ? (queueOf(ctx, key)?.next() ?? Infinity) : Infinity
  if (next !== Infinity) ctx.deps.timers.set(`lun/${key}`, next)
}

/** Hands the queue as many steps as it has room for. */
function submit({ buffer, steps, deps }: PendingContext, request: Pending, queue: QueuedDisk): void {
  buffer.bind(request.range ?? undefined, request.range?.byteCount ?? 0, true)
  for (let step = request.steps[0]; step !== undefined; step = request.steps[0]) {
    const result = steps.enqueue(queue, step, request.slot, deps.clock.now())
    if (result === 'full') return
    request.steps.shift()
    if (result !== 'memory') request.outstanding++
    if (result !== 'queued' && request.status === 'ok') request.status = result
  }
}

/** A channel that closed took its requests with it. */
function reply(ctx: PendingContext, request: Pending, result: number | Failure): void {
  const channel = ctx.channels.get(request.channel)
  if (channel !== undefined) finish(ctx, channel, request, result)
}

function settle(ctx: PendingContext, request: Pending, unit: LogicalUnit | undefined): void {
  const result: number | Failure = request.status === 'ok' ? request.transferred : FAILURE_OF[request.status]
  unit?.keepSense(typeof result === 'number' ? undefined : result.sense)
  reply(ctx, request, result)
}

/** Takes over the command at hand, whose pages are bound to the buffer. */
export function defer(
  ctx: PendingContext,
  channel: number,
  { low, high, bytes }: Reply,
  key: number,
  plan: Plan,
  queue: QueuedDisk,
): void {
  const { state, buffer } = ctx
  // What a queue holds when no request here waits for it was asked by another controller, whose slots may be the same.
  if (queue.pending > 0 && !hasPending(ctx, key)) queue.completions(ctx.completions, Infinity)
  const request: Pending = {
    slot: takeSlot(state),
    channel,
    low,
    high,
    bytes,
    key,
    range: buffer.range() ?? null,
    transferred: plan.transferred,
    steps: plan.steps.map((step) => ({ ...step })),
    outstanding: 0,
    status: 'ok',
  }
  // In the order in which they came, so that a flush covers what was before it.
  const waiting = state.pending.some((each) => each.key === key && each.steps.length > 0)
  if (!waiting) submit(ctx, request, queue)
  if (isOver(request)) settle(ctx, request, ctx.luns.get(key))
  else state.pending.push(request)
  arm(ctx, key)
}

/** Counts completions against their requests. A slot that is not there belonged to a channel or unit that went away. */
function count({ state, completions: { slots, statuses } }: PendingContext, key: number, completed: number): void {
  const bySlot = new Map(state.pending.map((request) => [request.slot, request]))
  for (let index = 0; index < completed; index++) {
    const request = bySlot.get(slots[index] ?? 0)
    if (request === undefined || request.key !== key) continue
    request.outstanding--
    const status = statuses[index] ?? 'ok'
    if (status !== 'ok' && (request.status === 'ok' || request.status === 'miscompare')) request.status = status
  }
}

/** Takes the completions that are due and goes on with what waited for room in the queue. */
export function poll(ctx: PendingContext, key: number): void {
  const queue = queueOf(ctx, key)
  if (queue === undefined) return
  const { state } = ctx
  count(ctx, key, queue.completions(ctx.completions, ctx.deps.clock.now()))
  for (const request of state.pending) {
    if (request.key !== key || request.steps.length === 0) continue
    submit(ctx, request, queue)
    if (request.steps.length > 0) break
  }
  const over: Pending[] = []
  const left: Pending[] = []
  for (const request of state.pending) (request.key === key && isOver(request) ? over : left).push(request)
  state.pending = left
  for (const request of over) settle(ctx, request, ctx.luns.get(key))
  arm(ctx, key)
}

/** Ends all that waits for a unit, before its disk has answered. */
function end(ctx: PendingContext, key: number, result: Failure): void {
  const { state } = ctx
  ctx.deps.timers.clear(`lun/${key}`)
  const ended = state.pending.filter((request) => request.key === key)
  state.pending = state.pending.filter((request) => request.key !== key)
  for (const request of ended) reply(ctx, request, result)
}

/** The unit is gone: what waits for its disk ends as an invalid LUN. */
export const lose = (ctx: PendingContext, key: number): void => end(ctx, key, INVALID_LUN)

/** What waits for the unit's disk ends as aborted, and nothing more of it is done. */
export const abort = (ctx: PendingContext, key: number): void => end(ctx, key, TASK_ABORTED)
