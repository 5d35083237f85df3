import type { GuestChannel, GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { balloonFloor } from './floor.ts'
import { giveUp } from './guest/give-up.ts'
import { addedRegion, bringIn, coveredPages, covering } from './guest/regions.ts'
import { fresh, type BalloonGuestOptions, type State } from './guest/state.ts'
import { pageSet } from './page-set.ts'
import type { BalloonGuestReject } from './rejects.ts'
import {
  BALLOON_RING_PAGES,
  DM_VERSIONS,
  DmType,
  LINUX_HOT_ADD_ALIGNMENT,
  balloonRequest,
  balloonResponse,
  capabilities,
  capabilitiesResponse,
  dmHeader,
  hotAddRequest,
  hotAddRequestShort,
  hotAddResponse,
  packRuns,
  statusReport,
  unballoonRequest,
  unballoonResponse,
  unpackRun,
  unpackRuns,
  versionRequest,
  versionResponse,
  type PageRun,
} from './protocol.ts'

export type { BalloonGuestOptions, BalloonQuirk, GuestMemoryManager } from './guest/state.ts'

/** The whole negotiation must end in so long: Linux drivers/hv/hv_balloon.c, 5·HZ for each of its two waits. */
const NEGOTIATION_SECONDS = 5
const MIB_PAGES = 256
const TICK = TICKS_PER_SECOND

/** Reports pressure each second, gives pages up down to its floor, takes them back, adds new ones. */
export function balloonGuest(options: BalloonGuestOptions, deps: GuestDriverDeps): GuestDriver {
  const { memory } = options
  const versions = options.versions ?? [...DM_VERSIONS].reverse()
  const reportDelay = options.reportDelay ?? 45
  const alignment = options.hotAddAlignment ?? LINUX_HOT_ADD_ALIGNMENT
  const quirks = new Set(options.quirks)
  const hotAdd = memory.add !== undefined || quirks.has('claims-hot-add') ? 1 : 0
  const reportsFrom = (options.reportsFrom ?? 0) * TICK
  const given = pageSet()
  let state = fresh()
  let handle: GuestChannel | undefined

  const drop = (branch: BalloonGuestReject | undefined, message: string): void =>
    deps.diagnose({
      code: 'VMBUS_BALLOON_DROPPED',
      source: 'balloon',
      message,
      ...(branch !== undefined && { detail: { branch } }),
    })

  const flush = (): void => {
    for (let next = state.outbox[0]; next !== undefined; next = state.outbox[0]) {
      const channel = handle?.channel
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
  /** Every message that the guest sends, answers included, is numbered by one counter from 1. */
  const head = (type: number, size: number): { type: number; size: number; transId: number } => ({
    type,
    size,
    transId: (state.transaction = (state.transaction + 1) >>> 0),
  })

  const askVersion = (): void => {
    const version = versions[state.attempt]
    if (version === undefined) return fail('version-none', 'the host accepts no version')
    const isLastAttempt = state.attempt === versions.length - 1 ? 1 : 0
    post(
      versionRequest.toBytes({
        ...head(DmType.versionRequest, versionRequest.size),
        version,
        flags: { isLastAttempt },
      }),
    )
  }

  const fail = (branch: BalloonGuestReject, message: string): void => {
    state.phase = 'failed'
    deps.timers.clear('negotiation')
    drop(branch, message)
    deps.event('failed', { message })
    handle?.close()
  }

  const wait = (): void => {
    state.deadline = deps.clock.now() + NEGOTIATION_SECONDS * TICKS_PER_SECOND
    deps.timers.set('negotiation', state.deadline)
  }

  const onVersion = (bytes: Uint8Array): void => {
    if (state.phase !== 'version') return drop('version-order', 'version response out of order')
    if (versionResponse.parse(bytes).flags.isAccepted === 0) {
      state.attempt++
      return askVersion()
    }
    state.phase = 'capabilities'
    deps.event('negotiated', { version: versions[state.attempt] })
    wait()
    post(
      capabilities
        .toBytes({
          ...head(DmType.capabilitiesReport, capabilities.size),
          caps: { balloon: 1, hotAdd, hotAddAlignment: alignment },
          // All ones: no highest page (Linux balloon_connect_vsp).
          minPageCount: 0,
          maxPageNumber: 0,
        })
        .fill(0xff, capabilities.offsets.maxPageNumber),
    )
  }

  const onCapabilities = (bytes: Uint8Array): void => {
    if (state.phase !== 'capabilities') return drop('capabilities-order', 'capabilities response out of order')
    if (capabilitiesResponse.parse(bytes).flags.isAccepted === 0)
      return fail('capabilities-refused', 'the host refused the capabilities')
    state.phase = 'ready'
    state.deadline = null
    deps.timers.clear('negotiation')
    state.nextTick = deps.clock.now() + TICK
    deps.timers.set('tick', state.nextTick)
  }

  const report = (): void => {
    // A host that does not listen gets no more of them: they would pile up.
    if (state.outbox.length > 0) return
    const committed = memory.committed() + given.pages + balloonFloor(memory.total())
    post(
      statusReport.toBytes({
        ...head(DmType.statusReport, statusReport.size),
        available: memory.available(),
        committed,
      }),
    )
  }

  const respond = (runs: readonly PageRun[], more: 0 | 1): void => {
    const ranges = packRuns(runs)
    post(
      balloonResponse.toBytes({
        ...head(DmType.balloonResponse, balloonResponse.size + ranges.length),
        flags: { more, rangeCount: runs.length },
        ranges,
      }),
    )
  }

  /** Never below the floor. */
  const onBalloon = (bytes: Uint8Array): void => {
    const asked = balloonRequest.parse(bytes).pages
    const floor = balloonFloor(memory.total())
    const available = memory.available()
    const want = available - asked < floor ? Math.max(0, Math.min(asked, available - floor)) : asked
    giveUp(want, quirks.has('answers-each-size'), {
      take(count) {
        const run = memory.take(count)
        if (run !== undefined) given.add(run)
        return run
      },
      respond,
    })
    deps.event('ballooned', { pages: given.pages })
  }

  const onUnballoon = (bytes: Uint8Array): void => {
    const { flags, rangeCount } = unballoonRequest.parse(bytes)
    const runs = unpackRuns(bytes, unballoonRequest.size, rangeCount)
    if (runs === undefined) return drop('unballoon-ranges', 'unballoon request shorter than its ranges')
    for (const run of runs) {
      // Only what was given up comes back: a range of pages in use would be freed under their owner.
      for (const part of given.within(run)) {
        given.remove(part)
        memory.release(part)
      }
    }
    if (flags.more === 0) post(unballoonResponse.toBytes(head(DmType.unballoonResponse, unballoonResponse.size)))
    deps.event('unballooned', { pages: given.pages })
  }

  const onHotAdd = (bytes: Uint8Array): void => {
    const isLong = bytes.length >= hotAddRequest.size
    const run = unpackRun(isLong ? hotAddRequest.parse(bytes).range : hotAddRequestShort.parse(bytes).range)
    const named = isLong ? unpackRun(hotAddRequest.parse(bytes).region) : undefined
    const region = addedRegion(run, named, 2 ** alignment * MIB_PAGES, state.regions)
    if (region === undefined)
      drop('hot-add-region', 'hot add off the alignment that was declared, or off the region before')
    const pages = region === undefined ? 0 : bringIn(run, region, memory)
    if (region !== undefined && pages > 0) state.regions = covering(state.regions, region, pages)
    // Without pages, result 1 would tell the host never to try again.
    post(
      hotAddResponse.toBytes({
        ...head(DmType.hotAddResponse, hotAddResponse.size),
        pages,
        result: pages > 0 || memory.add === undefined ? 1 : 0,
      }),
    )
    deps.event('hot-added', { pages })
  }

  const HANDLERS: Readonly<Record<number, { minimum: number; handle(bytes: Uint8Array): void; ready: boolean }>> = {
    [DmType.versionResponse]: { minimum: versionResponse.size, handle: onVersion, ready: false },
    [DmType.capabilitiesResponse]: { minimum: capabilitiesResponse.size, handle: onCapabilities, ready: false },
    [DmType.balloonRequest]: { minimum: 12, handle: onBalloon, ready: true },
    [DmType.unballoonRequest]: { minimum: unballoonRequest.size, handle: onUnballoon, ready: true },
    [DmType.hotAddRequest]: { minimum: hotAddRequestShort.size, handle: onHotAdd, ready: true },
    [DmType.infoMessage]: { minimum: dmHeader.size, handle: () => {}, ready: false },
  }

  const receive = (payload: Uint8Array): void => {
    if (payload.length < dmHeader.size) return drop('message-short', 'message shorter than its header')
    const { type, size } = dmHeader.parse(payload)
    const handler = HANDLERS[type]
    if (handler === undefined) return drop('message-type', `message of type ${type}`)
    if (size < handler.minimum || size > payload.length)
      return drop('message-size', `message of type ${type} with size ${size}`)
    if (handler.ready && state.phase !== 'ready')
      return drop('message-early', `message of type ${type} before the capabilities`)
    const whole = new Uint8Array(Math.max(size, balloonRequest.size))
    whole.set(payload.subarray(0, size))
    handler.handle(size < balloonRequest.size && type === DmType.balloonRequest ? whole : payload.subarray(0, size))
  }

  /** Requests wait while answers do: a host that asks and never listens fills its own ring. */
  const pump = (channel: GuestChannel): void => {
    const open = channel.channel
    while (open !== undefined && channel.channel === open && state.outbox.length === 0) {
      const packet = open.receive()
      if (packet === undefined) return
      receive(packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength))
    }
  }

  /** What outlives a channel: the pages, and the numbers of messages, which count on (Linux's trans_id is the module's). */
  const lasting = (): Pick<State, 'regions' | 'transaction'> => ({
    regions: state.regions,
    transaction: state.transaction,
  })

  const leave = (): void => {
    for (const name of ['tick', 'negotiation']) deps.timers.clear(name)
    // Ballooned pages stay ballooned: only a host that is asked again may give them back.
    state = { ...fresh(), ...lasting() }
  }

  return {
    offered(channel) {
      handle = channel
      channel.open({ outPages: BALLOON_RING_PAGES, inPages: BALLOON_RING_PAGES })
    },
    opened(channel, status) {
      if (status !== 0) return drop(undefined, `host refused to open the channel: 0x${status.toString(16)}`)
      state = { ...fresh(), ...lasting(), phase: 'version' }
      wait()
      askVersion()
      pump(channel)
    },
    readable: pump,
    writable(channel) {
      flush()
      pump(channel)
    },
    closed() {
      // Why it was given up stays to be seen.
      if (state.phase !== 'failed') leave()
    },
    rescinded: leave,
    timer(name) {
      if (name === 'negotiation' && (state.phase === 'version' || state.phase === 'capabilities'))
        return fail('silence', 'the host did not answer in time')
      if (name !== 'tick' || state.phase !== 'ready') return
      state.ticks++
      if (state.ticks > reportDelay && deps.clock.now() >= reportsFrom) report()
      state.nextTick = deps.clock.now() + TICK
      deps.timers.set('tick', state.nextTick)
    },
    save: () => ({
      ...state,
      outbox: state.outbox.map((bytes) => bytes.slice()),
      given: given.runs.map((run) => ({ ...run })),
    }),
    restore(saved, channels) {
      const { given: runs, ...rest } = saved as State & { given: PageRun[] }
      state = { ...rest, outbox: rest.outbox.map((bytes) => bytes.slice()) }
      given.clear()
      for (const run of runs) given.add(run)
      handle = channels[0]
      if (state.nextTick !== null) deps.timers.set('tick', state.nextTick)
      if (state.deadline !== null) deps.timers.set('negotiation', state.deadline)
    },
    inspect: () => ({ phase: state.phase, ballooned: given.pages, added: coveredPages(state.regions) }),
  }
}
