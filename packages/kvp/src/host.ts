import type { HostDevice, HostDeviceDeps } from '@vmbus/core'
import { HResult, IcType, icHost, type IcHostState, type IcVersions } from '@vmbus/ic'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { readAnswer, requestBody, type KvpRequest } from './host/request.ts'
import {
  IP_SINCE,
  KVP_VERSIONS,
  MAX_ITEMS,
  REPLY_SECONDS,
  WIRE_POOLS,
  validItem,
  validKey,
  type IpInfo,
  type IpQuery,
  type KvpItem,
  type KvpPoolName,
} from './protocol.ts'

export interface KvpHostOptions {
  readonly instanceId?: string
  /** Seconds that the guest has for each answer. */
  readonly replySeconds?: number
}

/**
 * Why a request was not taken. The numbers are the return values of the WMI methods that ask for the same
 * (Msvm_VirtualSystemManagementService.AddKvpItems).
 */
export const KvpRefusals = {
  /** Nothing negotiated: the guest has no such service, or its daemon is not there yet. */
  'not-connected': 32775,
  /** The negotiated version has no such operation. */
  'not-supported': 32770,
  'invalid-parameter': 32773,
  /** Too many requests wait. */
  busy: 32776,
} as const
export type KvpRefusal = keyof typeof KvpRefusals

/** How a request ended; the detail of the event `completed`. */
export interface KvpCompletion {
  readonly id: number
  readonly operation: KvpRequest['operation']
  /** `malformed`: the answer cannot be read, or an enumeration had no end. */
  readonly outcome: 'ok' | 'failed' | 'timeout' | 'closed' | 'malformed'
  /** The guest's last HRESULT; -1 when it gave none. */
  readonly status: number
  /** Of `get`. */
  readonly item?: KvpItem
  /** Of `enumerate`: what was read, also when it failed half way. */
  readonly items?: readonly KvpItem[]
  /** Of `getIp`. */
  readonly info?: IpInfo
}

/** Each call returns the request's id, with which the event `completed` comes once, or why it was not taken. */
export interface KvpHost extends HostDevice {
  set(request: KvpItem & { readonly pool?: KvpPoolName }): number | KvpRefusal
  get(request: { readonly key: string; readonly pool?: KvpPoolName }): number | KvpRefusal
  delete(request: { readonly key: string; readonly pool?: KvpPoolName }): number | KvpRefusal
  /** Every item of a pool, by index until the guest has no more. */
  enumerate(request: { readonly pool: KvpPoolName }): number | KvpRefusal
  getIp(query: IpQuery): number | KvpRefusal
  setIp(info: IpInfo): number | KvpRefusal
}

interface State {
  readonly v: 1
  nextId: number
  /** The first is with the guest, unless `late`. */
  queue: KvpRequest[]
  /** The outstanding message belongs to a request that has timed out; its answer is ignored. */
  late: boolean
  deadline: number
}

const MAX_QUEUE = 64

type Ending = Omit<KvpCompletion, 'id' | 'operation'>
/** A request without its id; distributive, so that each operation keeps its own fields. */
type Ask<R = KvpRequest> = R extends KvpRequest ? Omit<R, 'id'> : never

/** Sends one request at a time; each ends by its answer, by the end of its time, or with the channel. */
export function kvpHost(options: KvpHostOptions, deps: HostDeviceDeps, versions: IcVersions = KVP_VERSIONS): KvpHost {
  const patience = (options.replySeconds ?? REPLY_SECONDS) * TICKS_PER_SECOND
  const fresh = (nextId: number): State => ({ v: 1, nextId, queue: [], late: false, deadline: Infinity })
  let state = fresh(1)

  const arm = (at: number): void => {
    state.deadline = at
    if (at === Infinity) deps.timers.clear('reply')
    else deps.timers.set('reply', at)
  }

  /** The head of the queue goes to the guest; behind an answer that is late it waits, and its time runs already. */
  const next = (): void => {
    const head = state.queue[0]
    if (head === undefined) return arm(Infinity)
    arm(deps.clock.now() + patience)
    if (ic.outstanding) return
    const body = requestBody(head, ic.message)
    if (body !== undefined) ic.request(body)
  }

  const end = (ending: Ending): void => {
    const head = state.queue.shift()
    if (head === undefined) return
    const items = head.operation === 'enumerate' ? { items: head.items } : {}
    deps.event('completed', { id: head.id, operation: head.operation, ...items, ...ending } satisfies KvpCompletion)
  }

  const answered = (head: KvpRequest, status: number, view: DataView, bodyLength: number): void => {
    if (status === HResult.noMoreItems && head.operation === 'enumerate') return end({ outcome: 'ok', status })
    if (status !== HResult.ok) return end({ outcome: 'failed', status })
    if (head.operation === 'set' || head.operation === 'delete' || head.operation === 'setIp')
      return end({ outcome: 'ok', status })
    const answer = readAnswer(head, view, bodyLength, ic.message)
    if (answer === undefined) return end({ outcome: 'malformed', status })
    if ('adapterId' in answer) return end({ outcome: 'ok', status, info: answer })
    if (head.operation === 'get') return end({ outcome: 'ok', status, item: { ...answer, key: head.key } })
    if (head.operation !== 'enumerate') return
    if (head.items.length >= MAX_ITEMS) return end({ outcome: 'malformed', status })
    head.items.push(answer)
  }

  const ic = icHost(deps, versions, {
    type: IcType.kvp,
    ready: () => deps.event('ready'),
    reply(status, view, bodyLength) {
      const head = state.queue[0]
      if (state.late) state.late = false
      else if (head !== undefined) answered(head, status, view, bodyLength)
      next()
    },
  })

  const ask = (request: Ask, valid: boolean): number | KvpRefusal => {
    if (ic.phase !== 'ready') return 'not-connected'
    const ip = request.operation === 'getIp' || request.operation === 'setIp'
    if (ip && ic.message < IP_SINCE) return 'not-supported'
    const whole = { ...request, id: state.nextId } as KvpRequest
    if (!valid || !WIRE_POOLS.includes(request.pool) || requestBody(whole, ic.message) === undefined)
      return 'invalid-parameter'
    if (state.queue.length >= MAX_QUEUE) return 'busy'
    state.nextId++
    state.queue.push(whole)
    if (state.queue.length === 1) next()
    return whole.id
  }

  const close = (): void => {
    ic.close()
    while (state.queue.length > 0) end({ outcome: 'closed', status: -1 })
    state = fresh(state.nextId)
    arm(Infinity)
  }

  return {
    set: ({ pool = 'external', key, value, type = 'string' }) =>
      ask({ operation: 'set', pool, item: { key, value, type } }, validItem({ key, value, type })),
    get: ({ pool = 'guest', key }) => ask({ operation: 'get', pool, key }, validKey(key)),
    delete: ({ pool = 'external', key }) => ask({ operation: 'delete', pool, key }, validKey(key)),
    enumerate: ({ pool }) => ask({ operation: 'enumerate', pool, items: [] }, true),
    getIp: ({ adapterId, family }) =>
      ask(
        { operation: 'getIp', pool: 'external', query: { adapterId, family } },
        validKey(adapterId) && adapterId.length < 128,
      ),
    setIp: (info) => ask({ operation: 'setIp', pool: 'external', info }, true),
    open: (channel) => ic.open(channel),
    readable: (channel) => ic.readable(channel),
    close,
    // Nothing of the guest's is under way here: the host's own requests end.
    rescinded: close,
    timer(name) {
      if (ic.timer(name)) return
      if (ic.outstanding) state.late = true
      end({ outcome: 'timeout', status: -1 })
      next()
    },
    save: () => ({ ...structured(state), ic: ic.save() }),
    restore(saved, channels) {
      const { ic: framing, ...rest } = saved as State & { readonly ic: IcHostState }
      state = structured(rest)
      ic.restore(framing, channels[0])
      if (state.deadline !== Infinity) deps.timers.set('reply', state.deadline)
    },
    inspect: () => ({ ...ic.inspect(), waiting: state.queue.length, late: state.late }),
  }
}

/** A copy whose growing list is its own; everything else in a request never changes. */
const structured = (state: State): State => ({
  ...state,
  queue: state.queue.map((request) =>
    request.operation === 'enumerate' ? { ...request, items: [...request.items] } : request,
  ),
})
