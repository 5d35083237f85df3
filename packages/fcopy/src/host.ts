import type { HostDevice, HostDeviceDeps } from '@vmbus/core'
import { HResult, IcType, icHost, icHostState, type IcHostState, type IcVersions } from '@vmbus/ic'
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

/** Start, data, complete; a copy that cannot be completed is cancelled in the guest. Throws OptionsError. */
export function fcopyHost(
  options: FcopyHostOptions,
  deps: HostDeviceDeps,
  versions: IcVersions = FCOPY_VERSIONS,
): FcopyHost {
  const { source, replySeconds = 2 * REPLY_SECONDS } = checkOptions('fcopy', hostOptions, options)
  const form = stateOf(versions)
  let state = idle(1)

  const arm = (at: number): void => {
    state.deadline = at
    if (at === Infinity) deps.timers.clear('reply')
    else deps.timers.set('reply', at)
  }

  const end = (outcome: CopyResult['outcome'], after: () => void = () => {}): void => {
    const { id, status, sent, ended } = state
    state.ended = true
    // Before anybody hears of it: who does may begin the next.
    after()
    if (!ended) deps.event('completed', { id, outcome, status, sent } satisfies CopyResult)
  }

  const rest = (): void => {
    state = idle(state.nextId)
    arm(Infinity)
  }

  const finish = (outcome: CopyResult['outcome']): void => end(outcome, rest)

  const send = (stage: Exclude<State['stage'], 'idle'>, body: Uint8Array): void => {
    state.stage = stage
    arm(deps.clock.now() + replySeconds * TICKS_PER_SECOND)
    if (!ic.request(body)) finish('failed')
  }

  const cancel = (): void => send('cancel', fcopyHeader.toBytes({ operation: FcopyOperation.cancel }))

  const read = ({ source: name }: CopyRequest, into: Uint8Array): boolean => {
    try {
      return source.read(name, state.sent, into)
    } catch (error) {
      deps.diagnose({ code: 'VMBUS_FCOPY_SOURCE', source: 'fcopy', message: `the file was not read: ${String(error)}` })
      return false
    }
  }

  const sendNext = (request: CopyRequest): void => {
    if (state.cancelling) {
      end('cancelled')
      return cancel()
    }
    if (state.ended) return cancel()
    const size = Math.min(BLOCK_BYTES, request.size - state.sent)
    if (size === 0) return send('complete', fcopyHeader.toBytes({ operation: FcopyOperation.complete }))
    const body = new Uint8Array(fcopyData.size)
    const view = new DataView(body.buffer)
    view.setUint32(0, FcopyOperation.data, true)
    fcopyData.write.offset(view, 0, state.sent)
    fcopyData.write.size(view, 0, size)
    const data = fcopyData.offsets.data
    if (read(request, body.subarray(data, data + size))) return send('data', body)
    end('source-failed')
    cancel()
  }

  const advance = (request: CopyRequest): void => {
    state.sent = Math.min(request.size, state.sent + BLOCK_BYTES)
    const step = Math.min(PROGRESS_BYTES, Math.ceil(request.size / 100))
    if (state.sent - state.reported < step && state.sent < request.size) return
    state.reported = state.sent
    deps.event('progress', { id: state.id, sent: state.sent, size: request.size })
  }

  const answered = (status: number): void => {
    const { stage, request } = state
    if (request === undefined || stage === 'idle')
      return deps.diagnose({ code: 'VMBUS_FCOPY_ANSWER', source: 'fcopy', message: 'answer without a copy' })
    if (stage === 'cancel') return rest()
    state.status = status
    if (status !== HResult.ok) {
      // A file that was never begun is none of ours to cancel: Linux's daemon would remove the one that stood in the way.
      if (stage === 'start') return finish('failed')
      end('failed')
      return cancel()
    }
    if (stage === 'complete') return finish('ok')
    if (stage === 'data') advance(request)
    sendNext(request)
  }

  const ic = icHost(deps, versions, { type: IcType.fcopy, ready: () => deps.event('ready'), reply: answered })

  const close = (): void => {
    ic.close()
    finish('closed')
  }

  return {
    copy(asked) {
      const request = checkOptions('fcopy.copy', copyRequest, asked)
      if (ic.phase !== 'ready') return 'not-connected'
      if (state.stage !== 'idle') return 'busy'
      const { name, path, size, overwrite = false, createPath = false } = request
      const sized = Number.isSafeInteger(size) && size >= 0
      if (!sized || name === '' || /[/\\]/.test(name) || !fits(name) || !fits(path)) return 'invalid-parameter'
      const id = state.nextId
      state = { ...idle(id + 1), id, request, ended: false }
      const start = fcopyStart.toBytes({
        hdr: { operation: FcopyOperation.start },
        file_name: name,
        path_name: path,
        copy_flags: (overwrite ? CopyFlags.overwrite : 0) | (createPath ? CopyFlags.createPath : 0),
        file_size: size,
      })
      send('start', start)
      return id
    },
    cancel() {
      if (state.ended) return false
      state.cancelling = true
      return true
    },
    open: (channel) => ic.open(channel),
    readable: (channel) => ic.readable(channel),
    close,
    // Nothing of the guest's is under way here: the host's own requests end.
    rescinded: close,
    timer(name) {
      if (ic.timer(name)) return
      end('timeout')
      // The answer is awaited still: what it began has to be cancelled.
      arm(Infinity)
    },
    save: () => ({ ...form.head, ...state, ic: ic.save() }),
    checkState: (saved) => void restoreState(saved, form),
    restore(saved, channels) {
      const { kind: _, v: __, ic: framing, ...own } = restoreState(saved, form)
      state = own
      ic.restore(framing, channels[0])
      if (state.deadline !== Infinity) deps.timers.set('reply', state.deadline)
    },
    inspect: () => ({ ...ic.inspect(), stage: state.stage, sent: state.sent, size: state.request?.size ?? 0 }),
  }
}
