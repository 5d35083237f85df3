import type { HostDeviceDeps } from '@vmbus/core'
import type { CompletionTable, QueuedDisk } from '@vmbus/disk'
import type { Reply } from './completions.ts'
import type { GuestBuffer } from './guest-buffer.ts'
import type { Luns } from './luns.ts'
import { FAILURE_OF, INVALID_LUN, TASK_ABORTED, type Failure, type Plan } from './outcome.ts'
import { takeSlot, type Pending, type RequestsState } from './requests.ts'
import type { Steps } from './steps.ts'
import { isQueued, type LogicalUnit } from './unit.ts'

/** Names of the timers by which disks are asked for completions: the address key follows. */
export const LUN_TIMER = /^lun\/(\d+)$/

export interface QueuesOptions {
  readonly deps: HostDeviceDeps
  readonly buffer: GuestBuffer
  readonly steps: Steps
  readonly luns: Luns
  readonly requests: () => RequestsState
  /** Answers a request on the channel of that index. */
  readonly finish: (channel: number, to: Reply, result: number | Failure) => void
}

/** Requests of disks that complete later. All state is in the requests; the buffer is borrowed for each call. */
export interface Queues {
  /** Takes over the command at hand, whose pages are bound to the buffer. */
  defer(channel: number, to: Reply, key: number, plan: Plan, queue: QueuedDisk): void
  /** Takes the completions that are due and goes on with what waited for room in the queue. */
  poll(key: number): void
  /** The unit is gone: what waits for its disk ends as an invalid LUN. */
  lose(key: number): void
  /** What waits for the unit's disk ends as aborted, and nothing more of it is done. */
  abort(key: number): void
  /** Sets the unit's timer. */
  arm(key: number): void
}

const ended = ({ steps, outstanding }: Pending): boolean => steps.length === 0 && outstanding === 0

export function queuedDisks({ deps, buffer, steps, luns, requests, finish }: QueuesOptions): Queues {
  const table: CompletionTable = { slots: [], statuses: [] }

  const queueOf = (key: number): QueuedDisk | undefined => {
    const backend = luns.get(key)?.backend
    return backend !== undefined && isQueued(backend) ? backend : undefined
  }

  const isAsking = (key: number): boolean => requests().pending.some((request) => request.key === key)

  const arm = (key: number): void => {
    const next = isAsking(key) ? (queueOf(key)?.next() ?? Infinity) : Infinity
    if (next !== Infinity) deps.timers.set(`lun/${key}`, next)
  }

  /** Gives the queue the steps it has room for. */
  const submit = (request: Pending, queue: QueuedDisk): void => {
    buffer.bind(request.range ?? undefined, request.range?.byteCount ?? 0, true)
    for (let step = request.steps[0]; step !== undefined; step = request.steps[0]) {
      const result = steps.enqueue(queue, step, request.slot, deps.clock.now())
      if (result === 'full') return
      request.steps.shift()
      if (result !== 'memory') request.outstanding++
      if (result !== 'queued' && request.status === 'ok') request.status = result
    }
  }

  const settle = (request: Pending, unit: LogicalUnit | undefined): void => {
    const result: number | Failure = request.status === 'ok' ? request.transferred : FAILURE_OF[request.status]
    unit?.keepSense(typeof result === 'number' ? undefined : result.sense)
    finish(request.channel, request, result)
  }

  /** Ends all that waits for a unit, before its disk has answered. */
  const end = (key: number, result: Failure): void => {
    deps.timers.clear(`lun/${key}`)
    const state = requests()
    const ended = state.pending.filter((request) => request.key === key)
    state.pending = state.pending.filter((request) => request.key !== key)
    for (const request of ended) finish(request.channel, request, result)
  }

  /** Counts the completions in the table against their requests. A slot that is not there belonged to a channel or unit that went away. */
  const count = (state: RequestsState, key: number, completions: number): void => {
    const bySlot = new Map(state.pending.map((request) => [request.slot, request]))
    for (let index = 0; index < completions; index++) {
      const request = bySlot.get(table.slots[index] ?? 0)
      if (request === undefined || request.key !== key) continue
      request.outstanding--
      const status = table.statuses[index] ?? 'ok'
      if (status !== 'ok' && (request.status === 'ok' || request.status === 'miscompare')) request.status = status
    }
  }

  /**
   * What a queue still remembers when none of its requests is ours was asked by somebody else, who went away: another
   * controller, whose slots may be the same.
   */
  const forgetOthers = (key: number, queue: QueuedDisk): void => {
    if (queue.pending > 0 && !isAsking(key)) queue.completions(table, Infinity)
  }

  return {
    arm,
    defer(channel, { low, high, bytes }, key, plan, queue) {
      const state = requests()
      forgetOthers(key, queue)
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
      if (!waiting) submit(request, queue)
      if (ended(request)) settle(request, luns.get(key))
      else state.pending.push(request)
      arm(key)
    },
    poll(key) {
      const queue = queueOf(key)
      if (queue === undefined) return
      const state = requests()
      count(state, key, queue.completions(table, deps.clock.now()))
      for (const request of state.pending) {
        if (request.key !== key || request.steps.length === 0) continue
        submit(request, queue)
        if (request.steps.length > 0) break
      }
      const over: Pending[] = []
      const left: Pending[] = []
      for (const request of state.pending) (request.key === key && ended(request) ? over : left).push(request)
      state.pending = left
      for (const request of over) settle(request, luns.get(key))
      arm(key)
    },
    lose: (key) => end(key, INVALID_LUN),
    abort: (key) => end(key, TASK_ABORTED),
  }
}
