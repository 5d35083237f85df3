import type { GuestChannel, GuestDriver, GuestDriverDeps } from '@vmbus/core'
import {
  At,
  HResult,
  IcType,
  icGuest,
  icGuestState,
  type IcAnswerable,
  type IcGuest,
  type IcGuestOptions,
  type IcRequest,
} from '@vmbus/ic'
import {
  FLAGS_OFFSET,
  FreebsdVssOption,
  MIN_BODY,
  NO_AUTO_RECOVERY,
  VssOperation,
  freebsdVssMessage,
} from '@vmbus/vss/protocol'
import {
  TICKS_PER_SECOND,
  bytes,
  flag,
  nullable,
  number,
  object,
  oneOf,
  restoreState,
  stateForm,
  u32,
} from '@vmbus/world'
import { Errno, type CharacterDevice } from '../system/device-node.ts'

/** hv_snapshot.c, FS_VSS_DEV_NAME and APP_VSS_DEV_NAME: mode 0640, root:wheel. */
export const FS_NODE = '/dev/hv_fsvss_dev'
export const APP_NODE = '/dev/hv_appvss_dev'
/** hv_snapshot.c, TIMEOUT_LIMIT: from the request to the last acknowledgement. */
const SECONDS = 15

export interface VssDriverOptions {
  readonly framing: IcGuestOptions
  /** The node of hv_vss_daemon, and the one of an application that wants to know. */
  readonly fs: CharacterDevice
  readonly app: CharacterDevice
}

type Stage = 'fs' | 'app'

interface Pending extends IcAnswerable {
  readonly option: number
  readonly stage: Stage
  readonly id: number
  readonly deadline: number
}

const FORM = stateForm('freebsd-vss-driver', 1, {
  ic: icGuestState,
  launched: flag,
  nextId: number(),
  pending: nullable(
    object<Pending>({
      bytes: bytes(),
      transactionLow: u32,
      transactionHigh: u32,
      option: u32,
      stage: oneOf('fs', 'app'),
      id: number(),
      deadline: number(),
    }),
  ),
})

const optionOf = (operation: number): number | undefined => {
  switch (operation) {
    case VssOperation.checkHotBackup:
      return FreebsdVssOption.check
    case VssOperation.freeze:
      return FreebsdVssOption.freeze
    case VssOperation.thaw:
      return FreebsdVssOption.thaw
    default:
      return undefined
  }
}

const viewOf = (of: Uint8Array): DataView => new DataView(of.buffer, of.byteOffset, of.length)

/** What the calls of a driver share. */
interface Context {
  readonly deps: GuestDriverDeps
  readonly fs: CharacterDevice
  readonly app: CharacterDevice
  readonly ic: IcGuest
  launched: boolean
  nextId: number
  pending: Pending | null
  channel: GuestChannel | undefined
}

function notify(ctx: Context, request: Pending): void {
  const { deps, fs, app } = ctx
  ctx.pending = request
  deps.timers.set('daemon', request.deadline)
  deps.event('daemon-request', { node: request.stage, option: request.option })
  const node = request.stage === 'fs' ? fs : app
  node.post(freebsdVssMessage.toBytes({ opt: request.option, status: 0, msgid: BigInt(request.id) }))
}

function finish(ctx: Context, status: number): void {
  const { pending, deps, fs, app, channel } = ctx
  if (pending === null) return
  ctx.pending = null
  deps.timers.clear('daemon')
  fs.drop()
  app.drop()
  if (pending.option === FreebsdVssOption.check)
    viewOf(pending.bytes).setUint32(At.body + FLAGS_OFFSET, NO_AUTO_RECOVERY, true)
  if (channel !== undefined) ctx.ic.reply(channel, pending, status)
}

function acknowledged(ctx: Context, stage: Stage, message: Uint8Array): number {
  const { pending, app } = ctx
  if (message.length !== freebsdVssMessage.size) return Errno.invalid
  const { opt, status, msgid } = freebsdVssMessage.parse(message)
  // Its time is over, or it was never asked.
  if (pending === null || pending.stage !== stage || msgid !== BigInt(pending.id) || opt !== pending.option)
    return Errno.invalid
  if (status !== 0) finish(ctx, HResult.fail)
  else if (stage === 'app' && opt !== FreebsdVssOption.thaw) notify(ctx, { ...pending, stage: 'fs' })
  else if (stage === 'fs' && opt === FreebsdVssOption.thaw && app.isOpen) notify(ctx, { ...pending, stage: 'app' })
  else finish(ctx, HResult.ok)
  return 0
}

function onRequest(ctx: Context, request: IcRequest): number | undefined {
  const { view, bodyLength, bytes: own, transactionLow, transactionHigh } = request
  const { deps, fs, app } = ctx
  if (bodyLength < MIN_BODY) return undefined
  const operation = view.getUint8(At.body)
  const isInfo = operation === VssOperation.directMappedInfo
  if (isInfo) view.setUint32(At.body + FLAGS_OFFSET, 0, true)
  if (!fs.isOpen) {
    if (operation === VssOperation.checkHotBackup) view.setUint32(At.body + FLAGS_OFFSET, NO_AUTO_RECOVERY, true)
    return HResult.fail
  }
  if (isInfo) return HResult.ok
  const option = optionOf(operation)
  if (option === undefined || ctx.pending !== null) return undefined
  const stage = option !== FreebsdVssOption.thaw && app.isOpen ? 'app' : 'fs'
  const deadline = deps.clock.now() + SECONDS * TICKS_PER_SECOND
  notify(ctx, { bytes: own, transactionLow, transactionHigh, option, stage, id: ctx.nextId++, deadline })
  return undefined
}

function gone(ctx: Context): void {
  ctx.channel = undefined
  ctx.pending = null
  ctx.deps.timers.clear('daemon')
  ctx.ic.reset()
}

/**
 * sys/dev/hyperv/utilities/hv_snapshot.c. Until a daemon has been there once nothing is read; when it has died everything is
 * answered E_FAIL. Freeze and check go to the application first and then to the daemon, thaw the other way. Another operation,
 * and a request while one is under way, gets no answer.
 */
export function vssDriver({ framing, fs, app }: VssDriverOptions, deps: GuestDriverDeps): GuestDriver {
  const ctx: Context = {
    deps,
    fs,
    app,
    ic: icGuest(deps, framing, { type: IcType.vss, request: (request) => onRequest(ctx, request) }),
    launched: fs.isOpen,
    nextId: 1,
    pending: null,
    channel: undefined,
  }
  const { ic } = ctx
  const readable = (channel: GuestChannel): void => {
    if (ctx.launched) ic.readable(channel)
  }
  fs.attach({
    opened() {
      ctx.launched = true
      if (ctx.channel !== undefined) readable(ctx.channel)
    },
    closed: () => undefined,
    written: (message) => acknowledged(ctx, 'fs', message),
  })
  app.attach({
    opened: () => undefined,
    closed: () => undefined,
    written: (message) => acknowledged(ctx, 'app', message),
  })

  return {
    offered: (channel) => ic.offered(channel),
    opened(channel, status) {
      ctx.channel = channel
      if (status !== 0 || ctx.launched) ic.opened(channel, status)
    },
    readable,
    closed: () => gone(ctx),
    rescinded: () => gone(ctx),
    timer: () => finish(ctx, HResult.fail),
    save() {
      const { launched, nextId, pending } = ctx
      return { ...FORM.head, ic: ic.save(), launched, nextId, pending }
    },
    checkState: (saved) => void restoreState(saved, FORM),
    restore(saved, channels) {
      const { ic: framed, launched, nextId, pending } = restoreState(saved, FORM)
      ic.restore(framed)
      Object.assign(ctx, { launched, nextId, pending, channel: channels[0] })
      if (pending !== null) deps.timers.set('daemon', pending.deadline)
    },
    inspect: () => ({ ...ic.state, launched: ctx.launched, waiting: ctx.pending?.stage ?? null }),
  }
}
