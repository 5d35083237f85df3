import type { Channel, HostDevice, HostDeviceDeps } from '@vmbus/core'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { pageSet } from './page-set.ts'
import {
  COUNT_LIMIT,
  DM_VERSIONS,
  DmType,
  DmVersion,
  MAX_RANGES,
  balloonRequest,
  balloonResponse,
  capabilities,
  capabilitiesResponse,
  dmHeader,
  hotAddRequest,
  hotAddResponse,
  infoMessage,
  maxPageCountInfo,
  packRun,
  packRuns,
  statusReport,
  unballoonRequest,
  unpackRuns,
  versionRequest,
  versionResponse,
  type PageRun,
} from './protocol.ts'

export interface BalloonHostOptions {
  readonly instanceId?: string
  /** Pages that the guest booted with; default all of its RAM. */
  readonly bootPages?: number
  /** Tells a guest of version 1.0 and later the most pages that it may ever have. */
  readonly maxPages?: number
  /** Seconds after the capabilities before the first request: Windows guests do not survive earlier ones (QEMU hw/hyperv/hv-balloon.c). */
  readonly settleSeconds?: number
  /** Seconds that an operation may take before it is given up. */
  readonly timeoutSeconds?: number
  /** The guest gave these pages up; the host may reclaim them until `returned`. */
  readonly reclaimed?: (run: PageRun) => void
  readonly returned?: (run: PageRun) => void
}

export interface BalloonSettings {
  readonly versions: readonly number[]
}

/** What a guest reports every second, in 4 KiB pages. */
export interface GuestPressure {
  readonly available: number
  readonly committed: number
}

export type Operation = 'balloon' | 'unballoon' | 'hot-add'

/** Why an operation was not begun. */
export type BalloonRefusal = 'not-ready' | 'busy' | 'not-supported' | 'misaligned' | 'nothing-to-do'

type Phase = 'closed' | 'version' | 'capabilities' | 'settling' | 'idle' | Operation

interface State {
  readonly v: 1
  phase: Phase
  version: number
  caps: { balloon: boolean; hotAdd: boolean; alignmentPages: number }
  transaction: number
  settledAt: number
  deadline: number
  /** Of the operation under way: pages asked for and done. */
  asked: number
  done: number
  hotAddStart: number
  hotAddEnded: boolean
  bootPages: number
  hotAdded: number
  pressure: GuestPressure
  reports: number
  /** Messages of an unballoon operation that wait for room in the ring. */
  outbox: Uint8Array[]
}

export interface BalloonHost extends HostDevice {
  readonly ready: boolean
  /** Pages that the guest has: booted with, plus added, less ballooned. */
  readonly assignedPages: number
  readonly balloonedPages: number
  readonly hotAddedPages: number
  readonly pressure: GuestPressure
  /** Takes memory away; ends with the event `balloon` {asked, done}. */
  balloon(pages: number): 'begun' | BalloonRefusal
  /** Gives ballooned memory back; ends with the event `unballoon`. */
  unballoon(pages: number): 'begun' | BalloonRefusal
  /** Adds memory beyond what the guest booted with; ends with the event `hot-add`. */
  hotAdd(run: PageRun): 'begun' | BalloonRefusal
}

/** 50 s, and 5 minutes for an operation. */
const DEFAULT_SETTLE_SECONDS = 50
const DEFAULT_TIMEOUT_SECONDS = 300
/** Largest balloon request: more pages than a Windows guest can list at once (QEMU hv-balloon.c, HV_BALLOON_HA_CHUNK_PAGES kin). */
const MAX_REQUEST_PAGES = 585_728
/** Ranges in one unballoon message, so that several fit the guest's ring of 16 KiB of data. */
const RANGES_PER_MESSAGE = 400

const fresh = (bootPages: number): State => ({
  v: 1,
  phase: 'closed',
  version: 0,
  caps: { balloon: false, hotAdd: false, alignmentPages: 1 },
  transaction: 1,
  settledAt: Infinity,
  deadline: Infinity,
  asked: 0,
  done: 0,
  hotAddStart: 0,
  hotAddEnded: false,
  bootPages,
  hotAdded: 0,
  pressure: { available: 0, committed: 0 },
  reports: 0,
  outbox: [],
})

export function balloonHost(options: BalloonHostOptions, deps: HostDeviceDeps, settings: BalloonSettings = { versions: DM_VERSIONS }): BalloonHost {
  const bootPages = options.bootPages ?? deps.memory.size / 4096
  const settle = (options.settleSeconds ?? DEFAULT_SETTLE_SECONDS) * TICKS_PER_SECOND
  const timeout = (options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * TICKS_PER_SECOND
  const ballooned = pageSet()
  let state = fresh(bootPages)
  let channel: Channel | undefined

  const drop = (message: string): void => deps.diagnose({ code: 'VMBUS_BALLOON_DROPPED', source: 'balloon', message })

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
  const head = (type: number, size: number, transId: number): { type: number; size: number; transId: number } => ({ type, size, transId })

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

  const finish = (operation: Operation, failed?: string): void => {
    enter('idle')
    state.transaction = (state.transaction + 1) >>> 0
    state.deadline = Infinity
    deps.timers.clear('operation')
    deps.event(operation, { asked: state.asked, done: state.done, ...(failed === undefined ? {} : { failed }) })
  }

  const onVersion = (bytes: Uint8Array): void => {
    if (state.phase !== 'version') return drop('version request out of order')
    const request = versionRequest.parse(bytes)
    const accepted = settings.versions.includes(request.version)
    post(versionResponse.toBytes({ ...head(DmType.versionResponse, versionResponse.size, request.transId), flags: { isAccepted: accepted ? 1 : 0 } }))
    if (!accepted) return
    state.version = request.version
    enter('capabilities')
    deps.event('negotiated', { version: request.version })
  }

  const onCapabilities = (bytes: Uint8Array): void => {
    if (state.phase !== 'capabilities') return drop('capabilities out of order')
    const report = capabilities.parse(bytes)
    state.caps = {
      balloon: report.caps.balloon === 1,
      hotAdd: report.caps.hotAdd === 1,
      alignmentPages: 2 ** report.caps.hotAddAlignment * 256,
    }
    post(
      capabilitiesResponse.toBytes({
        ...head(DmType.capabilitiesResponse, capabilitiesResponse.size, report.transId),
        flags: { isAccepted: 1, hotRemove: 1 },
      }),
    )
    if (options.maxPages !== undefined && state.version >= DmVersion.v1_0) {
      const info = maxPageCountInfo.toBytes({ type: 0, dataSize: 8, pages: options.maxPages })
      post(infoMessage.toBytes({ ...head(DmType.infoMessage, infoMessage.size + info.length, state.transaction), infoSize: info.length, info }))
    }
    enter('settling')
    state.settledAt = deps.clock.now() + settle
    deps.timers.set('settled', state.settledAt)
    deps.event('capabilities', { ...state.caps })
  }

  const onStatus = (bytes: Uint8Array): void => {
    const { available, committed } = statusReport.parse(bytes)
    state.pressure = { available, committed }
    state.reports++
    deps.event('pressure', state.pressure)
  }

  /** Only pages that the guest has can be given up, each once. */
  const owned = ({ start, count }: PageRun): boolean => start + count <= state.bootPages || (start >= state.hotAddStart && start + count <= state.hotAddStart + state.hotAdded)

  const onBallooned = (bytes: Uint8Array): void => {
    if (state.phase !== 'balloon') return drop('balloon response that was not asked for')
    const { flags } = balloonResponse.parse(bytes)
    const runs = unpackRuns(bytes, balloonResponse.size, flags.rangeCount)
    if (runs === undefined) return drop('balloon response shorter than its ranges')
    for (const run of runs) {
      if (!owned(run)) {
        drop('balloon response names pages that the guest does not have')
        continue
      }
      const added = ballooned.add(run)
      if (added !== run.count) drop('balloon response names pages twice')
      state.done += added
      options.reclaimed?.(run)
    }
    if (state.done > state.asked) drop('more pages than were asked for')
    // A guest at its minimum answers with no range; that ends the operation whatever `more` says.
    if (flags.more === 0 || flags.rangeCount === 0) finish('balloon')
  }

  const onUnballooned = (): void => {
    if (state.phase !== 'unballoon') return drop('unballoon response that was not asked for')
    finish('unballoon')
  }

  const onHotAdded = (bytes: Uint8Array): void => {
    if (state.phase !== 'hot-add') return drop('hot add response that was not asked for')
    const { pages, result } = hotAddResponse.parse(bytes)
    if (pages > state.asked) return finish('hot-add', 'the guest claims more pages than were offered')
    state.done = pages
    state.hotAdded += pages
    // No pages with result 1 is final; fewer than asked for is taken as the guest's ceiling (Hyper-V's rule, wire/07 §6).
    if (pages < state.asked && (pages > 0 || result === 1)) state.hotAddEnded = true
    finish('hot-add', pages === 0 ? 'the guest added nothing' : undefined)
  }

  const HANDLERS: Readonly<Record<number, { minimum: number; handle(bytes: Uint8Array): void }>> = {
    [DmType.versionRequest]: { minimum: versionRequest.size, handle: onVersion },
    [DmType.capabilitiesReport]: { minimum: capabilities.size, handle: onCapabilities },
    [DmType.statusReport]: { minimum: statusReport.size, handle: onStatus },
    [DmType.balloonResponse]: { minimum: balloonResponse.size, handle: onBallooned },
    [DmType.unballoonResponse]: { minimum: dmHeader.size, handle: onUnballooned },
    [DmType.hotAddResponse]: { minimum: hotAddResponse.size, handle: onHotAdded },
  }

  const receive = (payload: Uint8Array): void => {
    if (payload.length < dmHeader.size) return drop('message shorter than its header')
    const { type, size } = dmHeader.parse(payload)
    const handler = HANDLERS[type]
    if (handler === undefined) return drop(`message of type ${type}`)
    if (size < handler.minimum || size > payload.length) return drop(`message of type ${type} with size ${size}`)
    handler.handle(payload.subarray(0, size))
  }

  const refusal = (supported: boolean): BalloonRefusal | undefined => {
    if (state.phase === 'closed' || state.phase === 'version' || state.phase === 'capabilities' || state.phase === 'settling') return 'not-ready'
    if (state.phase !== 'idle') return 'busy'
    return supported ? undefined : 'not-supported'
  }

  return {
    get ready() {
      return state.phase === 'idle'
    },
    get assignedPages() {
      return state.bootPages + state.hotAdded - ballooned.pages
    },
    get balloonedPages() {
      return ballooned.pages
    },
    get hotAddedPages() {
      return state.hotAdded
    },
    get pressure() {
      return state.pressure
    },
    balloon(pages) {
      const refused = refusal(state.caps.balloon)
      if (refused !== undefined) return refused
      const asked = Math.min(pages, MAX_REQUEST_PAGES)
      if (!(asked > 0)) return 'nothing-to-do'
      begin('balloon', asked)
      post(balloonRequest.toBytes({ ...head(DmType.balloonRequest, balloonRequest.size, state.transaction), pages: asked }))
      return 'begun'
    },
    unballoon(pages) {
      const refused = refusal(state.caps.balloon)
      if (refused !== undefined) return refused
      const runs = ballooned.take(pages, COUNT_LIMIT)
      if (runs.length === 0) return 'nothing-to-do'
      const total = runs.reduce((sum, run) => sum + run.count, 0)
      begin('unballoon', total)
      // The pages are the guest's from the moment it is told.
      state.done = total
      for (const run of runs) options.returned?.(run)
      const perMessage = Math.min(RANGES_PER_MESSAGE, MAX_RANGES)
      for (let at = 0; at < runs.length; at += perMessage) {
        const part = runs.slice(at, at + perMessage)
        const ranges = packRuns(part)
        const more = at + perMessage < runs.length ? 1 : 0
        post(unballoonRequest.toBytes({ ...head(DmType.unballoonRequest, unballoonRequest.size + ranges.length, state.transaction), flags: { more }, rangeCount: part.length, ranges }))
      }
      return 'begun'
    },
    hotAdd(run) {
      const refused = refusal(state.caps.hotAdd && !state.hotAddEnded)
      if (refused !== undefined) return refused
      const { alignmentPages } = state.caps
      if (run.start % alignmentPages !== 0 || run.start < state.bootPages) return 'misaligned'
      if (!(run.count > 0) || run.count > COUNT_LIMIT) return 'nothing-to-do'
      if (state.hotAdded > 0 && run.start !== state.hotAddStart + state.hotAdded) return 'misaligned'
      if (state.hotAdded === 0) state.hotAddStart = run.start
      begin('hot-add', run.count)
      const region = { start: run.start, count: Math.ceil(run.count / alignmentPages) * alignmentPages }
      post(hotAddRequest.toBytes({ ...head(DmType.hotAddRequest, hotAddRequest.size, state.transaction), range: packRun(run), region: packRun(region) }))
      return 'begun'
    },
    open(opened) {
      channel = opened
      // Ballooned and added pages outlive the channel: the guest keeps them so until it is told otherwise.
      state = { ...fresh(bootPages), phase: 'version', hotAdded: state.hotAdded, hotAddStart: state.hotAddStart }
      return 0
    },
    readable(from) {
      for (let packet = from.receive(); packet !== undefined && channel === from; packet = from.receive())
        receive(packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength))
    },
    writable: flush,
    close() {
      const busy = state.deadline !== Infinity ? (state.phase as Operation) : undefined
      channel = undefined
      deps.timers.clear('settled')
      deps.timers.clear('operation')
      state.outbox = []
      if (busy !== undefined) finish(busy, 'the channel closed')
      enter('closed')
    },
    timer(name) {
      if (name === 'settled' && state.phase === 'settling') {
        state.settledAt = Infinity
        enter('idle')
        deps.event('ready')
      }
      if (name === 'operation' && state.deadline <= deps.clock.now()) finish(state.phase as Operation, 'the guest did not answer in time')
    },
    save: () => ({ ...state, outbox: state.outbox.map((bytes) => bytes.slice()), ballooned: ballooned.runs.map((run) => ({ ...run })) }),
    restore(saved, channels) {
      const { ballooned: runs, ...rest } = saved as State & { ballooned: PageRun[] }
      state = { ...rest, outbox: rest.outbox.map((bytes) => bytes.slice()) }
      ballooned.clear()
      for (const run of runs) ballooned.add(run)
      channel = channels[0]
      if (state.settledAt !== Infinity) deps.timers.set('settled', state.settledAt)
      if (state.deadline !== Infinity) deps.timers.set('operation', state.deadline)
    },
    inspect() {
      return {
        phase: state.phase,
        version: `${state.version >>> 16}.${state.version & 0xffff}`,
        assignedPages: this.assignedPages,
        balloonedPages: ballooned.pages,
        hotAddedPages: state.hotAdded,
        pressure: { ...state.pressure },
        reports: state.reports,
      }
    },
  }
}
