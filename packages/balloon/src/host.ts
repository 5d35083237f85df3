import type { HostDeviceDeps } from '@vmbus/core'
import { checkOptions, plainCopy, restoreState } from '@vmbus/world'
import { finish, flush, hostContext, report, type HostContext } from './host/context.ts'
import { call, readable, turn } from './host/intake.ts'
import { balloon, hotAdd, unballoon } from './host/operations.ts'
import {
  fresh,
  hostOptions,
  hostSettings,
  savedHost,
  type BalloonHost,
  type BalloonHostOptions,
  type BalloonSettings,
  type Operation,
} from './host/state.ts'
import { DM_VERSIONS } from './protocol.ts'

export type {
  BalloonHost,
  BalloonHostOptions,
  BalloonRefusal,
  BalloonSettings,
  GuestPressure,
  Operation,
} from './host/state.ts'

/** Throws OptionsError (VMBUS_OPTIONS_INVALID). */
export function balloonHost(
  options: BalloonHostOptions,
  deps: HostDeviceDeps,
  settings: BalloonSettings = { versions: DM_VERSIONS },
): BalloonHost {
  checkOptions('balloon', hostOptions, options)
  const { versions } = checkOptions('balloon.settings', hostSettings, settings)
  const ctx = hostContext(options, deps, versions)
  const { ballooned } = ctx
  const form = savedHost(versions)
  const hotAddedPages = (): number => ctx.state.hotAdded.reduce((sum, { count }) => sum + count, 0)
  const assignedPages = (): number => ctx.state.bootPages + hotAddedPages() - ballooned.pages

  return {
    get ready() {
      return ctx.state.phase === 'idle'
    },
    get assignedPages() {
      return assignedPages()
    },
    get balloonedPages() {
      return ballooned.pages
    },
    get hotAddedPages() {
      return hotAddedPages()
    },
    get pressure() {
      return ctx.state.pressure
    },
    get needed() {
      return ctx.state.needed ?? undefined
    },
    balloon: (pages) => call(ctx, () => balloon(ctx, pages)),
    unballoon: (pages) => call(ctx, () => unballoon(ctx, pages)),
    hotAdd: (run) => call(ctx, () => hotAdd(ctx, run)),
    open(channel) {
      const { hotAdded, region } = ctx.state
      ctx.channel = channel
      // Ballooned and added pages outlive the channel: the guest keeps them so until it is told otherwise.
      ctx.state = { ...fresh(ctx.bootPages), phase: 'version', hotAdded, region }
      return 0
    },
    readable: () => readable(ctx),
    writable() {
      turn(ctx, () => flush(ctx))
      readable(ctx)
    },
    close: () => close(ctx),
    // Nothing of the guest's is under way here: the host's own requests end.
    rescinded: () => close(ctx),
    timer: (name) => turn(ctx, () => timer(ctx, name)),
    save: () => plainCopy({ ...ctx.state, ...form.head, ballooned: ballooned.runs }),
    checkState: (saved) => void restoreState(saved, form),
    restore(saved, channels) {
      const { ballooned: runs, ...state } = restoreState(saved, form)
      ctx.state = state
      ballooned.clear()
      for (const run of runs) ballooned.add(run)
      ctx.channel = channels[0]
      if (state.settledAt !== null) deps.timers.set('settled', state.settledAt)
      if (state.deadline !== null) deps.timers.set('operation', state.deadline)
      if (state.unread) deps.timers.set('unread', deps.clock.now())
    },
    inspect: () => ({
      phase: ctx.state.phase,
      version: `${ctx.state.version >>> 16}.${ctx.state.version & 0xffff}`,
      assignedPages: assignedPages(),
      balloonedPages: ballooned.pages,
      hotAddedPages: hotAddedPages(),
      pressure: { ...ctx.state.pressure },
      reports: ctx.state.reports,
    }),
  }
}

function close(ctx: HostContext): void {
  const { state, deps } = ctx
  const busy = state.deadline === null ? undefined : (state.phase as Operation)
  ctx.channel = undefined
  for (const name of ['settled', 'operation', 'unread']) deps.timers.clear(name)
  state.outbox = []
  state.unread = false
  if (busy !== undefined) finish(ctx, busy, 'the channel closed')
  ctx.state.phase = 'closed'
}

function timer(ctx: HostContext, name: string): void {
  const { state, deps } = ctx
  if (name === 'settled' && state.phase === 'settling') {
    state.settledAt = null
    state.phase = 'idle'
    deps.event('ready')
  }
  // The answer may still come, and the guest takes one request at a time: it stays busy.
  if (name === 'operation' && state.deadline !== null)
    report(ctx, state.phase as Operation, 'the guest did not answer in time')
}
