import type { GuestChannel, GuestDriver, GuestDriverDeps, VmbusVersion } from '@vmbus/core'
import {
  At,
  HResult,
  IcType,
  framingOf,
  icGuest,
  icGuestFields,
  type IcAnswerable,
  type IcGuest,
  type IcGuestOptions,
  type IcRequest,
} from '@vmbus/ic'
import {
  TICKS_PER_SECOND,
  checkOptions,
  flag,
  instance,
  list,
  number,
  object,
  oneOf,
  optional,
  plainCopy,
  restoreState,
  u32,
  type Shape,
} from '@vmbus/world'
import { FORM, type Pending, type VssGuestState } from './state.ts'
import {
  FLAGS_OFFSET,
  FREEZE_SECONDS,
  MIN_BODY,
  NO_AUTO_RECOVERY,
  REPLY_SECONDS,
  VSS_VERSIONS,
  VssOperation,
  quiesceOperations,
} from '../protocol.ts'

/** The file systems of the guest. True or false says how it went; undefined, that `done` of the driver will. */
export interface FreezeTarget {
  /** Flushes and stops all writes. On false nothing is left frozen. */
  freeze(): boolean | undefined
  /** Lets writes go on; true when nothing was frozen. */
  thaw(): boolean | undefined
}

/**
 * What Linux does that a correct guest does not. `keeps-flags`: the capability check comes back with the host's own
 * flags, since the daemon's answer overwrites the operation that the kernel looks at (tools/hv/hv_vss_daemon.c).
 * `no-recovery`: nothing thaws a guest whose host never does (drivers/hv/hv_snapshot.c).
 */
export type VssQuirk = 'keeps-flags' | 'no-recovery'

export interface VssGuestOptions extends Partial<IcGuestOptions> {
  readonly target: FreezeTarget
  /** The daemon that freezes and thaws runs from the start; default true. */
  readonly daemon?: boolean
  readonly quirks?: readonly VssQuirk[]
  /** Lowest version of VMBus on which the driver opens its channel; default any. */
  readonly busSince?: VmbusVersion
  /**
   * Seconds for the target's freeze and for its other answers, and how long the guest stays frozen before it goes on by
   * itself; the host's thaw is then answered E_FAIL, since its snapshot may have missed the moment.
   */
  readonly limits?: { readonly freeze?: number; readonly reply?: number; readonly frozen?: number }
}

const seconds = optional(number(Number.MIN_VALUE))
export const guestOptions: Shape<VssGuestOptions> = object<VssGuestOptions>({
  ...icGuestFields,
  target: instance<FreezeTarget>(),
  daemon: optional(flag),
  quirks: optional(list(oneOf('keeps-flags', 'no-recovery'))),
  busSince: optional(u32),
  limits: optional(
    object<NonNullable<VssGuestOptions['limits']>>({ freeze: seconds, reply: seconds, frozen: seconds }),
  ),
})

export interface VssGuest extends GuestDriver {
  readonly frozen: boolean
  /** How an operation of the target went that it left for later. */
  done(ok: boolean): void
  /** The daemon comes or goes; without it check, freeze and thaw are answered E_FAIL. */
  setDaemon(running: boolean): void
}

/** Windows allows a minute between freeze and thaw (Microsoft's documentation of the volume shadow copy service). */
const FROZEN_SECONDS = 60

/** What the calls of a driver share; only `state` and that of `ic` are saved. */
interface Context {
  readonly deps: GuestDriverDeps
  readonly target: FreezeTarget
  readonly quirks: ReadonlySet<VssQuirk>
  readonly limits: { readonly freeze: number; readonly reply: number; readonly frozen: number }
  readonly ic: IcGuest
  state: VssGuestState
  channel: GuestChannel | undefined
}

function unfreeze({ state, deps }: Context, into: 'no' | 'recovered'): void {
  state.frozen = into
  state.thawAt = Infinity
  deps.timers.clear('thaw')
}

function thawLater({ state, deps, quirks }: Context, seconds: number): void {
  if (quirks.has('no-recovery')) return
  state.thawAt = deps.clock.now() + seconds * TICKS_PER_SECOND
  deps.timers.set('thaw', state.thawAt)
}

/** What cannot be thawed stays frozen and is tried again: nobody else will. */
function stillFrozen(ctx: Context): void {
  ctx.state.frozen = 'yes'
  thawLater(ctx, ctx.limits.reply)
  ctx.deps.diagnose({ code: 'VMBUS_VSS_THAW', source: 'vss', message: 'the file systems could not be thawed' })
}

/** Thaws without having been asked to. All is noted before: `done` may be called before `thaw` returns. */
function thawUnasked(ctx: Context): void {
  const { state, target, deps } = ctx
  state.orphans.push('thaw')
  unfreeze(ctx, 'recovered')
  const thawed = target.thaw()
  if (thawed !== undefined) state.orphans.pop()
  if (thawed === false) return stillFrozen(ctx)
  if (state.frozen === 'recovered') deps.event('thawed', { byHost: false })
}

/** Goes on without the host. */
function recover(ctx: Context): void {
  const { state } = ctx
  if (state.frozen !== 'yes') return
  // The host's own thaw came in time and is under way; whether it went well is looked at when its time is over.
  if (state.pending?.kind === 'thaw') return thawLater(ctx, ctx.limits.reply)
  thawUnasked(ctx)
}

function finished(ctx: Context, kind: Pending['kind'], ok: boolean): number {
  const { state, deps } = ctx
  if (!ok) return HResult.fail
  if (kind === 'freeze') {
    state.frozen = 'yes'
    deps.event('frozen')
    thawLater(ctx, ctx.limits.frozen)
    return HResult.ok
  }
  const onTime = state.frozen !== 'recovered'
  unfreeze(ctx, 'no')
  deps.event('thawed', { byHost: true })
  return onTime ? HResult.ok : HResult.fail
}

function operate(ctx: Context, kind: Pending['kind'], answer: IcAnswerable): number | undefined {
  const { state, deps, target, limits } = ctx
  if (kind === 'freeze' && state.frozen === 'yes') return HResult.fail
  const deadline = deps.clock.now() + (kind === 'freeze' ? limits.freeze : limits.reply) * TICKS_PER_SECOND
  const pending = { kind, answer, deadline }
  // Noted before: `done` may be called before the target returns.
  state.pending = pending
  deps.timers.set('reply', deadline)
  const ok = kind === 'freeze' ? target.freeze() : target.thaw()
  if (ok === undefined || state.pending !== pending) return undefined
  takePending(ctx)
  return finished(ctx, kind, ok)
}

function onRequest(ctx: Context, request: IcRequest): number | undefined {
  const { state, quirks } = ctx
  const { view, bodyLength, bytes, transactionLow, transactionHigh } = request
  if (bodyLength < MIN_BODY) return HResult.invalidArgument
  const operation = view.getUint8(At.body)
  const { begin, end } = quiesceOperations(request.message)
  if (operation === VssOperation.directMappedInfo) view.setUint32(At.body + FLAGS_OFFSET, 0, true)
  const needsDaemon = operation === VssOperation.checkHotBackup || operation === begin || operation === end
  if (!needsDaemon) return HResult.ok
  // One operation at a time: the host waits for each answer, and an operation given up on is still with the target.
  if (!state.daemon || state.pending !== undefined || state.orphans.length > 0) return HResult.fail
  if (operation === VssOperation.checkHotBackup) {
    if (!quirks.has('keeps-flags')) view.setUint32(At.body + FLAGS_OFFSET, NO_AUTO_RECOVERY, true)
    return HResult.ok
  }
  return operate(ctx, operation === begin ? 'freeze' : 'thaw', { bytes, transactionLow, transactionHigh })
}

/** Ends the wait for the target, and says for which request that was. */
function takePending({ state, deps }: Context): Pending | undefined {
  const { pending } = state
  if (pending === undefined) return undefined
  state.pending = undefined
  deps.timers.clear('reply')
  return pending
}

/** The request is over; what the target still does for it ends as an orphan. */
function abandon(ctx: Context): Pending | undefined {
  const pending = takePending(ctx)
  if (pending !== undefined) ctx.state.orphans.push(pending.kind)
  return pending
}

function reply({ ic, channel }: Context, pending: Pending | undefined, status: number): void {
  if (pending !== undefined && channel !== undefined) ic.reply(channel, pending.answer, status)
}

function gone(ctx: Context): void {
  ctx.channel = undefined
  abandon(ctx)
  recover(ctx)
  if (ctx.state.frozen === 'recovered') ctx.state.frozen = 'no'
  ctx.ic.reset()
}

function done(ctx: Context, ok: boolean): void {
  const orphan = ctx.state.orphans.shift()
  if (orphan === undefined) {
    const pending = takePending(ctx)
    if (pending !== undefined) reply(ctx, pending, finished(ctx, pending.kind, ok))
    return
  }
  // No request waits for this freeze, or for a thaw that failed: neither may last.
  if (orphan === 'freeze' && ok) thawUnasked(ctx)
  if (orphan === 'thaw' && !ok) stillFrozen(ctx)
}

/** Freezes and thaws on request, and thaws by itself when the host or the daemon goes away. Throws OptionsError. */
export function vssGuest(options: VssGuestOptions, deps: GuestDriverDeps): VssGuest {
  const { target } = checkOptions('vss.driver', guestOptions, options)
  const ctx: Context = {
    deps,
    target,
    quirks: new Set(options.quirks),
    limits: { freeze: FREEZE_SECONDS, reply: REPLY_SECONDS, frozen: FROZEN_SECONDS, ...options.limits },
    ic: icGuest(deps, framingOf(options, VSS_VERSIONS), {
      type: IcType.vss,
      request: (request) => onRequest(ctx, request),
    }),
    state: { daemon: options.daemon ?? true, frozen: 'no', thawAt: Infinity, pending: undefined, orphans: [] },
    channel: undefined,
  }
  const { ic } = ctx

  return {
    get frozen() {
      return ctx.state.frozen === 'yes'
    },
    done: (ok) => done(ctx, ok),
    setDaemon(running) {
      ctx.state.daemon = running
      if (running) return
      const pending = abandon(ctx)
      recover(ctx)
      reply(ctx, pending, HResult.fail)
    },
    offered(channel) {
      if (deps.version() >= (options.busSince ?? 0)) return ic.offered(channel)
      deps.diagnose({ code: 'VMBUS_VSS_BUS', source: 'vss', message: 'no backup on a host of this VMBus version' })
    },
    opened(channel, status) {
      ctx.channel = channel
      ic.opened(channel, status)
    },
    readable: (channel) => ic.readable(channel),
    closed: () => gone(ctx),
    rescinded: () => gone(ctx),
    timer(name) {
      if (name === 'thaw') return recover(ctx)
      reply(ctx, abandon(ctx), HResult.fail)
    },
    save: () => plainCopy({ ...FORM.head, ...ctx.state, ic: ic.save() }),
    checkState: (saved) => void restoreState(saved, FORM),
    restore(saved, channels) {
      const { kind: _, v: __, ic: framing, ...own } = restoreState(saved, FORM)
      ctx.state = own
      ic.restore(framing)
      ctx.channel = channels[0]
      if (own.thawAt !== Infinity) deps.timers.set('thaw', own.thawAt)
      if (own.pending !== undefined) deps.timers.set('reply', own.pending.deadline)
    },
    inspect: () => ({ ...ic.state, daemon: ctx.state.daemon, frozen: ctx.state.frozen }),
  }
}
