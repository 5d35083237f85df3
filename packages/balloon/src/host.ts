import type { Channel, HostDeviceDeps } from '@vmbus/core'
import { TICKS_PER_SECOND } from '@vmbus/world'
import {
  DEFAULT_SETTLE_SECONDS,
  DEFAULT_TIMEOUT_SECONDS,
  MAX_REQUEST_PAGES,
  RANGES_PER_MESSAGE,
  fresh,
  type BalloonHost,
  type BalloonHostOptions,
  type BalloonRefusal,
  type BalloonSettings,
  type Operation,
  type Phase,
  type State,
} from './host/state.ts'
import { guestMessages, head } from './host/guest-messages.ts'
import { regionFor } from './host/region.ts'
import { pageSet } from './page-set.ts'
import type { BalloonHostReject } from './rejects.ts'
import {
  COUNT_LIMIT,
  START_LIMIT,
  DM_VERSIONS,
  DmType,
  balloonRequest,
  dmHeader,
  hotAddRequest,
  packRun,
  packRuns,
  unballoonRequest,
  type PageRun,
} from './protocol.ts'

export type {
  BalloonHost,
  BalloonHostOptions,
  BalloonRefusal,
  BalloonSettings,
  GuestPressure,
  Operation,
} from './host/state.ts'

export function balloonHost(
  options: BalloonHostOptions,
  deps: HostDeviceDeps,
  settings: BalloonSettings = { versions: DM_VERSIONS },
): BalloonHost {
  const bootPages = options.bootPages ?? deps.memory.size / 4096
  const settle = (options.settleSeconds ?? DEFAULT_SETTLE_SECONDS) * TICKS_PER_SECOND
  const timeout = (options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * TICKS_PER_SECOND
  const ballooned = pageSet()
  let state = fresh(bootPages)
  let channel: Channel | undefined

  const drop = (branch: BalloonHostReject, message: string): void =>
    deps.diagnose({ code: 'VMBUS_BALLOON_DROPPED', source: 'balloon', message, detail: { branch } })

  const hotAddedPages = (): number => state.hotAdded.reduce((sum, { count }) => sum + count, 0)

  const flush = (): void => {
    for (let next = state.outbox[0]; next !== undefined; next = state.outbox[0]) {
      if (channel === undefined) return
      if (!channel.sendInBand(next, 0, 0, false)) {
        channel.wantWritable(next.length + 32)
        return
      }
      state.outbox.shift()
    }
  }
  const post = (bytes: Uint8Array): void => {
    state.outbox.push(bytes)
    flush()
  }

  const enter = (phase: Phase): void => {
    state.phase = phase
  }

  const begin = (operation: Operation, asked: number): void => {
    enter(operation)
    state.asked = asked
    state.done = 0
    state.deadline = deps.clock.now() + timeout
    deps.timers.set('operation', state.deadline)
  }

  /** Says how an operation ended, once. */
  const report = (operation: Operation, failed?: string): void => {
    const isLate = state.deadline === null
    state.deadline = null
    deps.timers.clear('operation')
    const result = { asked: state.asked, done: state.done, ...(failed === undefined ? {} : { failed }) }
    if (isLate) deps.event('late', { operation, ...result })
    else deps.event(operation, result)
  }

  const finish = (operation: Operation, failed?: string): void => {
    enter('idle')
    state.transaction = (state.transaction + 1) >>> 0
    report(operation, failed)
  }

  const handlers = guestMessages({
    options,
    deps,
    versions: settings.versions,
    settleTicks: settle,
    ballooned,
    get state() {
      return state
    },
    drop,
    post,
    enter,
    finish,
  })

  const receive = (payload: Uint8Array): void => {
    if (payload.length < dmHeader.size) return drop('message-short', 'message shorter than its header')
    const { type, size } = dmHeader.parse(payload)
    const handler = handlers[type]
    if (handler === undefined) return drop('message-type', `message of type ${type}`)
    if (size < handler.minimum || size > payload.length)
      return drop('message-size', `message of type ${type} with size ${size}`)
    handler.handle(payload.subarray(0, size))
  }

  /** A guest that asks and never listens is not read while its answers wait: they would pile up. */
  const isHeldBack = (): boolean =>
    state.outbox.length > 0 && (state.phase === 'version' || state.phase === 'capabilities')

  const pump = (from: Channel): void => {
    while (channel === from && !isHeldBack()) {
      const packet = from.receive()
      if (packet === undefined) return
      receive(packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength))
    }
  }

  const refusal = (supported: boolean): BalloonRefusal | undefined => {
    if (
      state.phase === 'closed' ||
      state.phase === 'version' ||
      state.phase === 'capabilities' ||
      state.phase === 'settling'
    )
      return 'not-ready'
    if (state.phase !== 'idle') return 'busy'
    return supported ? undefined : 'not-supported'
  }

  const close = (): void => {
    const busy = state.deadline === null ? undefined : (state.phase as Operation)
    channel = undefined
    deps.timers.clear('settled')
    deps.timers.clear('operation')
    state.outbox = []
    if (busy !== undefined) finish(busy, 'the channel closed')
    enter('closed')
  }

  return {
    get ready() {
      return state.phase === 'idle'
    },
    get assignedPages() {
      return state.bootPages + hotAddedPages() - ballooned.pages
    },
    get balloonedPages() {
      return ballooned.pages
    },
    get hotAddedPages() {
      return hotAddedPages()
    },
    get pressure() {
      return state.pressure
    },
    get needed() {
      return state.needed ?? undefined
    },
    balloon(pages) {
      const refused = refusal(state.caps.balloon)
      if (refused !== undefined) return refused
      const asked = Math.min(Math.trunc(pages), MAX_REQUEST_PAGES)
      if (!(asked > 0)) return 'nothing-to-do'
      begin('balloon', asked)
      post(
        balloonRequest.toBytes({
          ...head(DmType.balloonRequest, balloonRequest.size, state.transaction),
          pages: asked,
        }),
      )
      return 'begun'
    },
    unballoon(pages) {
      const refused = refusal(state.caps.balloon)
      if (refused !== undefined) return refused
      const runs = ballooned.take(Math.trunc(pages), COUNT_LIMIT)
      if (runs.length === 0) return 'nothing-to-do'
      const total = runs.reduce((sum, run) => sum + run.count, 0)
      begin('unballoon', total)
      // The pages are the guest's from the moment it is told.
      state.done = total
      for (const run of runs) options.returned?.(run)
      for (let at = 0; at < runs.length; at += RANGES_PER_MESSAGE) {
        const part = runs.slice(at, at + RANGES_PER_MESSAGE)
        const ranges = packRuns(part)
        const more = at + RANGES_PER_MESSAGE < runs.length ? 1 : 0
        post(
          unballoonRequest.toBytes({
            ...head(DmType.unballoonRequest, unballoonRequest.size + ranges.length, state.transaction),
            flags: { more },
            rangeCount: part.length,
            ranges,
          }),
        )
      }
      return 'begun'
    },
    hotAdd(run) {
      const refused = refusal(state.caps.hotAdd && !state.hotAddEnded)
      if (refused !== undefined) return refused
      if (!Number.isSafeInteger(run.start)) return 'misaligned'
      if (!Number.isSafeInteger(run.count) || run.count <= 0) return 'nothing-to-do'
      const region = regionFor(run, state)
      if (region === undefined) return 'misaligned'
      if (region.count > COUNT_LIMIT || region.start + region.count > START_LIMIT) return 'nothing-to-do'
      state.adding = { start: run.start, region }
      begin('hot-add', run.count)
      post(
        hotAddRequest.toBytes({
          ...head(DmType.hotAddRequest, hotAddRequest.size, state.transaction),
          range: packRun(run),
          region: packRun(region),
        }),
      )
      return 'begun'
    },
    open(opened) {
      channel = opened
      // Ballooned and added pages outlive the channel: the guest keeps them so until it is told otherwise.
      state = { ...fresh(bootPages), phase: 'version', hotAdded: state.hotAdded, region: state.region }
      return 0
    },
    readable: pump,
    writable(to) {
      flush()
      pump(to)
    },
    close,
    // Nothing of the guest's is under way here: the host's own requests end.
    rescinded: close,
    timer(name) {
      if (name === 'settled' && state.phase === 'settling') {
        state.settledAt = null
        enter('idle')
        deps.event('ready')
      }
      // The answer may still come, and the guest takes one request at a time: it stays busy.
      if (name === 'operation' && state.deadline !== null)
        report(state.phase as Operation, 'the guest did not answer in time')
    },
    save: () => ({
      ...state,
      outbox: state.outbox.map((bytes) => bytes.slice()),
      hotAdded: state.hotAdded.map((run) => ({ ...run })),
      ballooned: ballooned.runs.map((run) => ({ ...run })),
    }),
    restore(saved, channels) {
      const { ballooned: runs, ...rest } = saved as State & { ballooned: PageRun[] }
      state = {
        ...rest,
        hotAdded: rest.hotAdded.map((run) => ({ ...run })),
        outbox: rest.outbox.map((bytes) => bytes.slice()),
      }
      ballooned.clear()
      for (const run of runs) ballooned.add(run)
      channel = channels[0]
      if (state.settledAt !== null) deps.timers.set('settled', state.settledAt)
      if (state.deadline !== null) deps.timers.set('operation', state.deadline)
    },
    inspect() {
      return {
        phase: state.phase,
        version: `${state.version >>> 16}.${state.version & 0xffff}`,
        assignedPages: this.assignedPages,
        balloonedPages: ballooned.pages,
        hotAddedPages: hotAddedPages(),
        pressure: { ...state.pressure },
        reports: state.reports,
      }
    },
  }
}
