import type { HostDevice, HostDeviceDeps } from '@vmbus/core'
import {
  HResult,
  IcType,
  icHost,
  icHostState,
  setDeadline,
  type IcHost,
  type IcHostState,
  type IcVersions,
} from '@vmbus/ic'
import {
  TICKS_PER_SECOND,
  checkOptions,
  flag,
  instance,
  integer,
  number,
  object,
  oneOf,
  optional,
  restoreState,
  stateForm,
  text,
  type Shape,
} from '@vmbus/world'
import {
  BLOCK_BYTES,
  CopyFlags,
  FCOPY_VERSIONS,
  FcopyOperation,
  NAME_UNITS,
  REPLY_SECONDS,
  fcopyData,
  fcopyHeader,
  fcopyStart,
} from './protocol.ts'

/** Where the bytes of files come from. */
export interface FileSource {
  /** Fills `into` from `offset` of the file called `source`; false when that cannot be read, as when it throws. */
  read(source: string, offset: number, into: Uint8Array): boolean
}

export interface FcopyHostOptions {
  readonly instanceId?: string
  readonly source: FileSource
  /** Seconds that the guest has for each answer. */
  readonly replySeconds?: number
}

export interface CopyRequest {
  /** The file's name at the source, and its size in bytes. */
  readonly source: string
  readonly size: number
  /** Folder in the guest, at most 259 characters. */
  readonly path: string
  /** Name in that folder, 1 to 259 characters. */
  readonly name: string
  readonly overwrite?: boolean
  readonly createPath?: boolean
}

export const hostOptions: Shape<FcopyHostOptions> = object<FcopyHostOptions>({
  instanceId: optional(text),
  source: instance<FileSource>(),
  replySeconds: optional(number(Number.MIN_VALUE)),
})

const copyRequest: Shape<CopyRequest> = object<CopyRequest>({
  source: text,
  size: number(),
  path: text,
  name: text,
  overwrite: optional(flag),
  createPath: optional(flag),
})

export type CopyRefusal = 'not-connected' | 'busy' | 'invalid-parameter'

/** The detail of the event `completed`, which comes once for each copy. */
export interface CopyResult {
  readonly id: number
  readonly outcome: 'ok' | 'failed' | 'source-failed' | 'cancelled' | 'timeout' | 'closed'
  /** The guest's last HRESULT; -1 when it gave none. */
  readonly status: number
  /** Bytes that the guest has confirmed. */
  readonly sent: number
}

/** Copies one file at a time. `progress` events say `{ id, sent, size }`, at least 1 % or 1 MiB apart. */
export interface FcopyHost extends HostDevice {
  copy(request: CopyRequest): number | CopyRefusal
  /** Ends the copy under way; false when there is none. */
  cancel(): boolean
}

interface State {
  nextId: number
  id: number
  /** The message that is with the guest, `idle` when none is. */
  stage: 'idle' | 'start' | 'data' | 'complete' | 'cancel'
  request: CopyRequest | undefined
  sent: number
  reported: number
  status: number
  cancelling: boolean
  ended: boolean
  deadline: number
}

const stateOf = (versions: IcVersions) =>
  stateForm<State & { readonly ic: IcHostState }>('fcopy', 1, {
    ic: icHostState(versions),
    nextId: integer(1),
    id: integer(),
    stage: oneOf('idle', 'start', 'data', 'complete', 'cancel'),
    request: optional(copyRequest),
    sent: integer(),
    reported: integer(),
    status: integer(-1, 0xffff_ffff),
    cancelling: flag,
    ended: flag,
    deadline: number(0),
  })

const idle = (nextId: number): State => ({
  nextId,
  id: 0,
  stage: 'idle',
  request: undefined,
  sent: 0,
  reported: 0,
  status: -1,
  cancelling: false,
  ended: true,
  deadline: Infinity,
})

const PROGRESS_BYTES = 1 << 20
const fits = (value: string): boolean => value.length < NAME_UNITS && !value.includes('\0')

/** What the calls of a host share; only `state` and that of `ic` are saved. */
interface Context {
  readonly deps: HostDeviceDeps
  readonly source: FileSource
  readonly replyTicks: number
  readonly ic: IcHost
  state: State
}

const setTimer = ({ deps, state }: Context, at: number): void => setDeadline(deps, state, 'reply', at)

/** The result is out, once. A host that is `idle` is so before anybody hears of it: who does may begin the next copy. */
function end(ctx: Context, outcome: CopyResult['outcome'], next: 'idle' | 'cancel' | 'late reply'): void {
  const { id, status, sent, ended } = ctx.state
  ctx.state.ended = true
  if (next === 'idle') rest(ctx)
  if (!ended) ctx.deps.event('completed', { id, outcome, status, sent } satisfies CopyResult)
  if (next === 'cancel') send(ctx, 'cancel', fcopyHeader.toBytes({ operation: FcopyOperation.cancel }))
}

function rest(ctx: Context): void {
  ctx.state = idle(ctx.state.nextId)
  setTimer(ctx, Infinity)
}

function send(ctx: Context, stage: Exclude<State['stage'], 'idle'>, body: Uint8Array): void {
  ctx.state.stage = stage
  setTimer(ctx, ctx.deps.clock.now() + ctx.replyTicks)
  if (!ctx.ic.request(body)) end(ctx, 'failed', 'idle')
}

function read({ source, state, deps }: Context, name: string, into: Uint8Array): boolean {
  try {
    return source.read(name, state.sent, into)
  } catch (error) {
    deps.diagnose({ code: 'VMBUS_FCOPY_SOURCE', source: 'fcopy', message: `the file was not read: ${String(error)}` })
    return false
  }
}

function sendNext(ctx: Context, request: CopyRequest): void {
  const { state } = ctx
  if (state.cancelling || state.ended) return end(ctx, 'cancelled', 'cancel')
  const size = Math.min(BLOCK_BYTES, request.size - state.sent)
  if (size === 0) return send(ctx, 'complete', fcopyHeader.toBytes({ operation: FcopyOperation.complete }))
  const body = new Uint8Array(fcopyData.size)
  const view = new DataView(body.buffer)
  view.setUint32(0, FcopyOperation.data, true)
  fcopyData.write.offset(view, 0, state.sent)
  fcopyData.write.size(view, 0, size)
  const data = fcopyData.offsets.data
  if (read(ctx, request.source, body.subarray(data, data + size))) send(ctx, 'data', body)
  else end(ctx, 'source-failed', 'cancel')
}

function advance({ state, deps }: Context, request: CopyRequest): void {
  state.sent = Math.min(request.size, state.sent + BLOCK_BYTES)
  const step = Math.min(PROGRESS_BYTES, Math.ceil(request.size / 100))
  if (state.sent - state.reported < step && state.sent < request.size) return
  state.reported = state.sent
  deps.event('progress', { id: state.id, sent: state.sent, size: request.size })
}

function onReply(ctx: Context, status: number): void {
  const { state, deps } = ctx
  const { stage, request } = state
  if (request === undefined || stage === 'idle')
    return deps.diagnose({ code: 'VMBUS_FCOPY_ANSWER', source: 'fcopy', message: 'answer without a copy' })
  if (stage === 'cancel') return rest(ctx)
  state.status = status
  // A file that was refused at the start is not cancelled: Linux's daemon would remove the one that was there before.
  if (status !== HResult.ok) return end(ctx, 'failed', stage === 'start' ? 'idle' : 'cancel')
  if (stage === 'complete') return end(ctx, 'ok', 'idle')
  if (stage === 'data') advance(ctx, request)
  sendNext(ctx, request)
}

function copy(ctx: Context, asked: CopyRequest): number | CopyRefusal {
  const request = checkOptions('fcopy.copy', copyRequest, asked)
  if (ctx.ic.phase !== 'ready') return 'not-connected'
  if (ctx.state.stage !== 'idle') return 'busy'
  const { name, path, size, overwrite = false, createPath = false } = request
  const sized = Number.isSafeInteger(size) && size >= 0
  if (!sized || name === '' || /[/\\]/.test(name) || !fits(name) || !fits(path)) return 'invalid-parameter'
  const id = ctx.state.nextId
  ctx.state = { ...idle(id + 1), id, request, ended: false }
  const start = fcopyStart.toBytes({
    hdr: { operation: FcopyOperation.start },
    file_name: name,
    path_name: path,
    copy_flags: (overwrite ? CopyFlags.overwrite : 0) | (createPath ? CopyFlags.createPath : 0),
    file_size: size,
  })
  send(ctx, 'start', start)
  return id
}

/** Start, data, complete; a copy that cannot be completed is cancelled in the guest. Throws OptionsError. */
export function fcopyHost(
  options: FcopyHostOptions,
  deps: HostDeviceDeps,
  versions: IcVersions = FCOPY_VERSIONS,
): FcopyHost {
  const { source, replySeconds = 2 * REPLY_SECONDS } = checkOptions('fcopy', hostOptions, options)
  const form = stateOf(versions)
  const ctx: Context = {
    deps,
    source,
    replyTicks: replySeconds * TICKS_PER_SECOND,
    ic: icHost(deps, versions, {
      type: IcType.fcopy,
      ready: () => deps.event('ready'),
      reply: (status) => onReply(ctx, status),
    }),
    state: idle(1),
  }
  const { ic } = ctx
  const close = (): void => {
    ic.close()
    end(ctx, 'closed', 'idle')
  }

  return {
    copy: (request) => copy(ctx, request),
    cancel() {
      if (ctx.state.ended) return false
      ctx.state.cancelling = true
      return true
    },
    open: (channel) => ic.open(channel),
    readable: (channel) => ic.readable(channel),
    close,
    // No request of the guest's is under way here: the host's own end.
    rescinded: close,
    timer(name) {
      if (ic.timer(name)) return
      // The reply is awaited still: what it began has to be cancelled.
      end(ctx, 'timeout', 'late reply')
      setTimer(ctx, Infinity)
    },
    save: () => ({ ...form.head, ...ctx.state, ic: ic.save() }),
    checkState: (saved) => void restoreState(saved, form),
    restore(saved, channels) {
      const { kind: _, v: __, ic: framing, ...own } = restoreState(saved, form)
      ctx.state = own
      ic.restore(framing, channels[0])
      if (own.deadline !== Infinity) deps.timers.set('reply', own.deadline)
    },
    inspect() {
      const { stage, sent, request } = ctx.state
      return { ...ic.inspect(), stage, sent, size: request?.size ?? 0 }
    },
  }
}
