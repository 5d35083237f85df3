import { checkOptions, flag, oneOf, plainCopy, restoreState, u32, type StateHead } from '@vmbus/world'
import { requestTable, type GuestDriver, type GuestDriverDeps } from '@vmbus/core'
import { formatMac, type Frame } from '@vmbus/switch'
import { setCoalescing } from './guest/adapter.ts'
import { granted } from './guest/buffers.ts'
import { moveTraffic } from './guest/data-path.ts'
import { endQueue, readable } from './guest/incoming.ts'
import {
  DEFAULT_CHANNELS,
  DEFAULT_FILTER,
  DEFAULT_MTU,
  DEFAULT_RING_PAGES,
  MAX_PACKET,
  MOST_CHANNELS,
  checkChannels,
  checkMtu,
  checkRss,
  guestOptions,
  type NetvscGuestOptions,
  type RssChange,
} from './guest/options.ts'
import { createReceiver, giveOwed } from './guest/receive.ts'
import { setFilter } from './guest/ready.ts'
import { drainOutgoing, flushBatch } from './guest/outgoing.ts'
import { sendFrame, type SendOptions } from './guest/send.ts'
import { createSendBuffers } from './guest/sending.ts'
import { GUEST_FORM } from './guest/saved.ts'
import { start } from './guest/setup.ts'
import {
  newGuestQueue,
  noGuestState,
  orNoMemory,
  statisticsOf,
  type GuestContext,
  type GuestOffloads,
  type GuestPhase,
  type GuestRss,
  type GuestStatistics,
  type QueueStatistics,
  type SavedNetvscGuest,
  type SentPacket,
  underWay,
} from './guest/state.ts'
import { setScale, subchannelOffered, subchannelOpened } from './guest/subchannels.ts'
import { abandon, advance, fail, giveUp, restart, stop, ungranted } from './guest/teardown.ts'
import { macAt } from './host/filter.ts'
import { DataPath, NVSP_VERSIONS, nvspVersionName } from './protocol/nvsp.ts'

export type { NetvscGuestOptions, ReceivedInfo, RssChange } from './guest/options.ts'
export type { SendOptions } from './guest/send.ts'
export type { GuestOffloads, GuestPhase, GuestRss, GuestStatistics, QueueStatistics } from './guest/state.ts'

const NO_OPTIONS: SendOptions = {}
/** Ids that there are before more are needed. */
const FIRST_PACKETS = 64

/** A network adapter as its driver sees it. */
export interface NetvscGuest extends GuestDriver {
  readonly phase: GuestPhase
  /** Why setup failed, or ''. */
  readonly failure: string
  /** NVSP word, 0 before it is agreed on. */
  readonly version: number
  readonly mac: string
  readonly mtu: number
  /** Frames may be sent. */
  readonly up: boolean
  readonly linkUp: boolean
  readonly queues: number
  readonly dataPath: 'synthetic' | 'vf'
  /** The VF that the host told of. */
  readonly vf: { readonly serial: number } | null
  /** False: no room, nothing was taken; `onWritable` says when to try again. */
  send(frame: Frame, options?: SendOptions): boolean
  /** Sends what `more` kept waiting. */
  flush(): void
  /** The packet filter; 0 takes the interface down. */
  setFilter(filter: number): void
  /** Moves the traffic, as far as the host has a VF. */
  switchDataPath(path: 'synthetic' | 'vf'): void
  /** Closes the adapter and opens it again with another largest packet. */
  setMtu(mtu: number): void
  /** What the host does for the driver. */
  readonly offloads: GuestOffloads
  /** Turns receive coalescing on or off, where the host has it. */
  setCoalescing(on: boolean): void
  /** Channels: most that the host has, and most that the driver asks for. */
  readonly channels: { readonly most: number; readonly limit: number }
  /** Closes the adapter and opens it again with as many channels, or as many as the host has. Throws OptionsError. */
  setChannels(count: number): void
  /** Receive side scaling; null with one channel. */
  readonly rss: GuestRss | null
  /** Another hash key or table, where there is more than one channel: event `rss`. Throws OptionsError. */
  setRss(change: RssChange): void
  /** What passed each channel since it opened, the primary first. */
  queueStatistics(): QueueStatistics[]
  /** Closes the adapter; `start` opens it again. */
  stop(): void
  start(): void
  statistics(): GuestStatistics
}

/** The guest end of a synthetic network adapter (VSC). Throws OptionsError. */
export function netvscGuest(options: NetvscGuestOptions, deps: GuestDriverDeps): NetvscGuest {
  checkOptions('netvsc.driver', guestOptions, options)
  const ringPages = options.ringPages ?? DEFAULT_RING_PAGES
  const channelLimit = Math.min(options.channels ?? Math.min(DEFAULT_CHANNELS, deps.vps), MOST_CHANNELS)
  const ctx: GuestContext = {
    deps,
    options,
    versions: [...(options.versions ?? NVSP_VERSIONS)].toSorted((a, b) => b - a),
    receive: createReceiver(),
    sending: createSendBuffers(),
    sent: requestTable<SentPacket>(FIRST_PACKETS, { newestFirst: true, grows: true }),
    spare: [],
    state: {
      ...noGuestState(options.mtu ?? DEFAULT_MTU, options.filter ?? DEFAULT_FILTER, channelLimit),
      coalesces: options.coalesces !== false,
    },
    receiving: false,
    channels: [],
  }

  const open = (): void => {
    const [primary] = ctx.channels
    if (primary?.state !== 'offered') return
    ctx.state.phase = 'opening'
    ctx.state.failure = ''
    const rings = { outPages: ringPages, inPages: ringPages, maxPacket: MAX_PACKET }
    if (orNoMemory(() => primary.open(rings) === undefined) !== true) notOpened('the guest has no memory for its rings')
  }

  const notOpened = (why: string): void => {
    ctx.state.phase = 'failed'
    ctx.state.failure = why
    deps.event('failed', why)
  }

  const reopen = (): void => {
    const { state } = ctx
    if (state.phase !== 'stopped' || !state.restart) return
    state.restart = false
    open()
  }

  return {
    get phase() {
      return ctx.state.phase
    },
    get failure() {
      return ctx.state.failure
    },
    get version() {
      return ctx.state.version
    },
    get mac() {
      return formatMac(macAt(ctx.state.mac, 0))
    },
    get mtu() {
      return ctx.state.mtu
    },
    get up() {
      return ctx.state.phase === 'ready' && ctx.state.filter !== 0
    },
    get linkUp() {
      return ctx.state.linkUp
    },
    get queues() {
      return ctx.state.queues.filter((queue) => queue?.open).length
    },
    get dataPath() {
      return ctx.state.dataPath === DataPath.vf ? 'vf' : 'synthetic'
    },
    get vf() {
      return ctx.state.vf
    },
    send: (frame, sendOptions = NO_OPTIONS) => sendFrame(ctx, frame, sendOptions),
    flush() {
      for (const index of ctx.state.queues.keys()) flushBatch(ctx, index)
    },
    setFilter: (filter) => setFilter(ctx, checkOptions('netvsc.setFilter', u32, filter)),
    switchDataPath: (path) => moveTraffic(ctx, checkOptions('netvsc.switchDataPath', oneOf('synthetic', 'vf'), path)),
    setMtu(mtu) {
      ctx.state.mtu = checkMtu(mtu)
      restart(ctx)
    },
    get offloads() {
      return { ...ctx.state.offload }
    },
    setCoalescing: (on) => setCoalescing(ctx, checkOptions('netvsc.setCoalescing', flag, on)),
    get channels() {
      return { most: ctx.state.hostChannels, limit: ctx.state.channelLimit }
    },
    setChannels(count) {
      ctx.state.channelLimit = checkChannels(count)
      restart(ctx)
    },
    get rss() {
      return ctx.state.subchannels === 0 ? null : plainCopy(ctx.state.rss)
    },
    setRss(change) {
      const { phase, subchannels } = ctx.state
      const checked = checkRss(change, subchannels + 1)
      if (phase === 'ready' && subchannels > 0) setScale(ctx, checked)
    },
    queueStatistics: () => ctx.state.queues.map(statisticsOf),
    stop() {
      ctx.state.restart = false
      stop(ctx)
    },
    start() {
      if (ctx.state.phase === 'stopped' || ctx.state.phase === 'failed') open()
    },
    statistics: () => ({ ...ctx.state.statistics }),

    offered(channel) {
      if (channel.offer.subchannelIndex > 0) return subchannelOffered(ctx, channel, ringPages, MAX_PACKET)
      ctx.channels = [channel]
      open()
    },
    opened(channel, status) {
      const index = channel.offer.subchannelIndex
      if (index > 0) {
        if (status === 0) ctx.state.queues[index] = newGuestQueue()
        else fail(ctx, `subchannel ${index} does not open: status ${status}`)
        if (ctx.state.phase === 'stopping') advance(ctx)
        return subchannelOpened(ctx)
      }
      if (status !== 0) return notOpened(`the channel does not open: status ${status}`)
      ctx.state.queues[0] = newGuestQueue()
      if (ctx.state.phase === 'stopping') advance(ctx)
      else start(ctx)
    },
    readable: (channel) => readable(ctx, channel),
    writable(channel) {
      const index = channel.offer.subchannelIndex
      const queue = ctx.state.queues[index]
      if (!queue) return
      if (giveOwed(ctx, channel)) drainOutgoing(ctx, index)
      readable(ctx, channel)
      advance(ctx)
    },
    gpadlCreated(_channel, gpadl, status) {
      granted(ctx, gpadl, status)
      reopen()
    },
    gpadlTorndown(_channel, gpadl) {
      ungranted(ctx, gpadl)
      reopen()
    },
    closed(channel) {
      const index = channel.offer.subchannelIndex
      if (ctx.state.queues[index]) ctx.state.queues[index] = null
      // A suspend closes without being asked, also while a teardown waits; the adapter comes back with the next offer.
      if (index === 0 && (ctx.state.phase !== 'stopping' || ctx.state.step !== 'close')) {
        ctx.state.restart = false
        abandon(ctx)
      }
      advance(ctx)
      reopen()
    },
    rescinded(channel) {
      const index = channel.offer.subchannelIndex
      ctx.channels[index] = undefined
      if (index > 0) {
        endQueue(ctx, index)
        advance(ctx)
        return
      }
      abandon(ctx)
      ctx.channels = []
      deps.event('removed')
    },
    timer(name) {
      if (name !== 'answer') return
      ctx.state.answerAt = Infinity
      if (ctx.state.phase === 'stopping') giveUp(ctx)
      else fail(ctx, `the host does not answer: ${ctx.state.step}`)
    },
    save: (): SavedNetvscGuest & StateHead => ({
      ...GUEST_FORM.head,
      ...plainCopy({
        ...ctx.state,
        sent: ctx.sent.save(),
        queues: Array.from(ctx.state.queues, (queue) => queue ?? null),
      }),
    }),
    checkState: (saved) => void restoreState(saved, GUEST_FORM),
    restore(saved, channels) {
      const { kind: _kind, v: _v, sent, ...state } = restoreState(saved, GUEST_FORM)
      ctx.sent.restore(sent)
      ctx.state = state
      ctx.channels = []
      for (const channel of channels) ctx.channels[channel.offer.subchannelIndex] = channel
      if (state.answerAt !== Infinity) deps.timers.set('answer', state.answerAt)
    },
    inspect() {
      const { state } = ctx
      return {
        phase: state.phase,
        step: state.step,
        version: state.version === 0 ? null : nvspVersionName(state.version),
        queues: this.queues,
        mtu: state.mtu,
        linkUp: state.linkUp,
        filter: state.filter,
        sendSections: state.sections.length,
        underWay: underWay(ctx),
        ...state.statistics,
      }
    },
  }
}
