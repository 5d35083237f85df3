import type { HostDeviceDeps } from '@vmbus/core'
import { HResult, IcType, icHost, setDeadline, type IcHost, type IcVersions } from '@vmbus/ic'
import {
  ShapeMismatch,
  TICKS_PER_SECOND,
  checkOptions,
  dictionary,
  number,
  object,
  optional,
  plainCopy,
  restoreState,
  text,
  type Shape,
} from '@vmbus/world'
import { asking, type Ask, type KvpCompletion, type KvpHost, type KvpPush, type KvpRefusal } from './calls.ts'
import { UNASKED, keptOf, pushes, validInfo, withKept, withoutDeleted, type KvpHostInfo } from './kept.ts'
import { readAnswer, requestBody, type KvpRequest } from './request.ts'
import { kvpHostState, type KvpHostState } from './state.ts'
import {
  IP_SINCE,
  KVP_VERSIONS,
  MAX_ITEMS,
  REPLY_SECONDS,
  WIRE_POOLS,
  type IpInfo,
  type KvpItem,
} from '../protocol/index.ts'

export interface KvpHostOptions {
  readonly instanceId?: string
  /** Seconds that the guest has for each answer, above 0. */
  readonly replySeconds?: number
  /** Goes into the guest's pool `auto-external` each time that it connects; default nothing. */
  readonly hostInfo?: KvpHostInfo
}

const infoOption: Shape<KvpHostInfo> = (value, at) => {
  const info = dictionary(text)(value, at)
  if (!validInfo(info)) throw new ShapeMismatch(at, info, 'keys of 1 to 255 characters, values of at most 1023, no NUL')
  return info
}

export const hostOptions: Shape<KvpHostOptions> = object<KvpHostOptions>({
  instanceId: optional(text),
  replySeconds: optional(number(Number.MIN_VALUE)),
  hostInfo: optional(infoOption),
})

const MAX_QUEUE = 64

type Ending = Omit<KvpCompletion, 'id' | 'operation'>

/** What the calls of a host share; only `state` and that of `ic` are saved. */
interface Context {
  readonly deps: HostDeviceDeps
  readonly replyTicks: number
  readonly hostInfo: KvpHostInfo
  readonly ic: IcHost
  state: KvpHostState
}

function report({ deps }: Context, request: KvpRequest, ending: Ending): void {
  const { id, operation } = request
  const items = request.operation === 'enumerate' ? { items: request.items } : {}
  if (id !== UNASKED) return deps.event('completed', { id, operation, ...items, ...ending } satisfies KvpCompletion)
  const kept = keptOf(request)
  if (kept === undefined) return
  const push: KvpPush = { operation: kept.item === null ? 'delete' : 'set', pool: kept.pool, key: kept.key, ...ending }
  deps.event('pushed', push)
}

/** The head of the queue is over. */
function end(ctx: Context, ending: Ending): void {
  const { state } = ctx
  const head = state.queue.shift()
  if (head === undefined) return
  const isGone = ending.outcome === 'ok' || ending.status === HResult.noMoreItems
  const kept = head.operation === 'delete' && isGone ? keptOf(head) : undefined
  if (kept !== undefined) state.kept = withoutDeleted(state.kept, kept)
  report(ctx, head, ending)
}

/** How an answer ends its request; undefined when an enumeration goes on. */
function endingOf(head: KvpRequest, status: number, answer: () => KvpItem | IpInfo | undefined): Ending | undefined {
  const { operation } = head
  if (status === HResult.noMoreItems && operation === 'enumerate') return { outcome: 'ok', status }
  if (status !== HResult.ok) return { outcome: 'failed', status }
  if (operation === 'set' || operation === 'delete' || operation === 'setIp') return { outcome: 'ok', status }
  const found = answer()
  if (found === undefined) return { outcome: 'malformed', status }
  if ('adapterId' in found) return { outcome: 'ok', status, info: found }
  if (operation === 'get') return { outcome: 'ok', status, item: { ...found, key: head.key } }
  if (operation !== 'enumerate') return { outcome: 'malformed', status }
  if (head.items.length >= MAX_ITEMS) return { outcome: 'limit', status, limit: MAX_ITEMS }
  head.items.push(found)
  return undefined
}

const setTimer = ({ deps, state }: Context, at: number): void => setDeadline(deps, state, 'reply', at)

/** The head of the queue goes to the guest; behind an answer that is late it waits, and its time runs already. */
function sendNext(ctx: Context): void {
  const { deps, ic, state } = ctx
  const head = state.queue[0]
  setTimer(ctx, head === undefined ? Infinity : deps.clock.now() + ctx.replyTicks)
  if (head === undefined || ic.outstanding) return
  const body = requestBody(head, ic.message)
  if (body !== undefined) ic.request(body)
}

function onReady(ctx: Context): void {
  // First in the queue: an owner that hears `ready` may add its own requests.
  ctx.state.queue.push(...pushes(ctx.hostInfo, ctx.state.kept))
  ctx.deps.event('ready')
  sendNext(ctx)
}

function onReply(ctx: Context, status: number, view: DataView, bodyLength: number): void {
  const { state, ic } = ctx
  const head = state.queue[0]
  if (state.late) state.late = false
  else if (head !== undefined) {
    const ending = endingOf(head, status, () => readAnswer(head, view, bodyLength, ic.message))
    if (ending !== undefined) end(ctx, ending)
  }
  sendNext(ctx)
}

function ask(ctx: Context, request: Ask, valid: boolean): number | KvpRefusal {
  const { state, ic } = ctx
  const whole = { ...request, id: state.nextId } as KvpRequest
  const kept = keptOf(whole)
  const isReady = ic.phase === 'ready'
  if (!isReady && kept === undefined) return 'not-connected'
  const isIp = whole.operation === 'getIp' || whole.operation === 'setIp'
  if (isIp && ic.message < IP_SINCE) return 'not-supported'
  if (!valid || !WIRE_POOLS.includes(whole.pool) || requestBody(whole, ic.message) === undefined)
    return 'invalid-parameter'
  if (state.queue.filter(({ id }) => id !== UNASKED).length >= MAX_QUEUE) return 'busy'
  const all = kept === undefined ? state.kept : withKept(state.kept, kept)
  if (all === undefined) return 'out-of-memory'
  state.kept = all
  state.nextId++
  if (!isReady) report(ctx, whole, { outcome: 'kept', status: -1 })
  else if (state.queue.push(whole) === 1) sendNext(ctx)
  return whole.id
}

function close(ctx: Context): void {
  ctx.ic.close()
  while (ctx.state.queue.length > 0) end(ctx, { outcome: 'closed', status: -1 })
  ctx.state.late = false
  setTimer(ctx, Infinity)
}

/**
 * Sends one request at a time; each ends by its answer, by the end of its time, or with the channel. Throws OptionsError.
 */
export function kvpHost(options: KvpHostOptions, deps: HostDeviceDeps, versions: IcVersions = KVP_VERSIONS): KvpHost {
  const { replySeconds = REPLY_SECONDS, hostInfo = {} } = checkOptions('kvp', hostOptions, options)
  const form = kvpHostState(versions)
  const ctx: Context = {
    deps,
    replyTicks: replySeconds * TICKS_PER_SECOND,
    hostInfo,
    ic: icHost(deps, versions, {
      type: IcType.kvp,
      ready: () => onReady(ctx),
      reply: (status, view, bodyLength) => onReply(ctx, status, view, bodyLength),
    }),
    state: { nextId: 1, queue: [], late: false, deadline: Infinity, kept: [] },
  }
  const { ic } = ctx

  return {
    ...asking((request, valid) => ask(ctx, request, valid)),
    open: (channel) => ic.open(channel),
    readable: (channel) => ic.readable(channel),
    close: () => close(ctx),
    // No request of the guest's is under way here: the host's own end.
    rescinded: () => close(ctx),
    timer(name) {
      if (ic.timer(name)) return
      if (ic.outstanding) ctx.state.late = true
      end(ctx, { outcome: 'timeout', status: -1 })
      sendNext(ctx)
    },
    save: () => plainCopy({ ...form.head, ...ctx.state, ic: ic.save() }),
    checkState: (saved) => void restoreState(saved, form),
    restore(saved, channels) {
      const { kind: _, v: __, ic: framing, ...own } = restoreState(saved, form)
      ctx.state = own
      ic.restore(framing, channels[0])
      if (own.deadline !== Infinity) deps.timers.set('reply', own.deadline)
    },
    inspect: () => ({
      ...ic.inspect(),
      waiting: ctx.state.queue.length,
      late: ctx.state.late,
      kept: ctx.state.kept.length,
    }),
  }
}
