import type { HostDeviceDeps } from '@vmbus/core'
import { checkOptions, plainCopy, restoreState } from '@vmbus/world'
import { finish, hostContext, report, underWay, type HostContext } from './context.ts'
import { call, readable, turn } from './intake.ts'
import { balloon, hotAdd, unballoon } from './operations.ts'
import {
  initialState,
  hostOptions,
  hostSettings,
  savedHost,
  type BalloonHost,
  type BalloonHostOptions,
  type BalloonSettings,
} from './state.ts'
import { flush } from '../outbox.ts'
import { DM_VERSIONS } from '../protocol.ts'

export type {
  BalloonHost,
  BalloonHostOptions,
  BalloonRefusal,
  BalloonSettings,
  GuestPressure,
  Operation,
} from './state.ts'

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
      return ctx.state.phase === 'idle' && underWay(ctx) === undefined
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
      // Ballooned and added pages outlive the channel: the guest keeps them so until the host changes it.
      ctx.state = { ...initialState(ctx.bootPages), phase: 'version', hotAdded, region }
      return 0
    },
    readable: () => readable(ctx),
    writable() {
      turn(ctx, () => flush(ctx))
      readable(ctx)
    },
    close: () => close(ctx),
    // No request of the guest's is under way here: the host's own end.
    rescinded: () => close(ctx),
    timer: (name) => turn(ctx, () => timer(ctx, name)),
    save: () => plainCopy({ ...ctx.state, ...form.head, requests: ctx.requests.save(), ballooned: ballooned.runs }),
    checkState: (saved) => void restoreState(saved, form),
    restore(saved, channels) {
      const { ballooned: runs, requests, ...state } = restoreState(saved, form)
      ctx.state = state
      ctx.requests.restore(requests)
      ballooned.clear()
      for (const run of runs) ballooned.add(run)
      ctx.channel = channels[0]
      if (state.settledAt !== null) deps.timers.set('settled', state.settledAt)
      const deadline = underWay(ctx)?.deadline ?? null
      if (deadline !== null) deps.timers.set('operation', deadline)
      if (state.unread) deps.timers.set('unread', deps.clock.now())
    },
    inspect: () => ({
      phase: underWay(ctx)?.operation ?? ctx.state.phase,
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
  ctx.channel = undefined
  for (const name of ['settled', 'operation', 'unread']) deps.timers.clear(name)
  state.outbox = []
  state.unread = false
  state.phase = 'closed'
  // One that was reported as failed is not reported again.
  if (underWay(ctx)?.deadline === null) ctx.requests.clear()
  finish(ctx, 'the channel closed')
}

function timer(ctx: HostContext, name: string): void {
  const { state, deps } = ctx
  if (name === 'settled' && state.phase === 'settling') {
    state.settledAt = null
    state.phase = 'idle'
    deps.event('ready')
  }
  // The answer may still come, and the guest takes one request at a time: it stays busy.
  const request = underWay(ctx)
  if (name === 'operation' && request !== undefined && request.deadline !== null)
    report(ctx, request, 'the guest did not answer in time')
}
