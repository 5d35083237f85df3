import { checkOptions, flag, oneOf, plainCopy, restoreState, u32 } from '@vmbus/world'
import type { GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { formatMac, readMac, type Frame } from '@vmbus/switch'
import { DataPath } from '../protocol/nvsp.ts'
import { granted } from './buffers.ts'
import { createContext } from './context.ts'
import { moveTraffic } from './data-path.ts'
import { readable } from './incoming.ts'
import { closed, offered, opened, reopen, rescinded, start, timedOut, writable } from './lifecycle.ts'
import { checkChannels, checkMtu, type NetvscGuestOptions, type RssChange } from './options.ts'
import { flushBatch } from './outgoing.ts'
import { setFilter } from './ready.ts'
import { setCoalescing } from './rndis-setup.ts'
import { GUEST_FORM, inspect, restore, save } from './saved.ts'
import { sendFrame, type SendOptions } from './send.ts'
import { statisticsOf } from './state.ts'
import { changeScale } from './subchannels.ts'
import { restart, stop, ungranted } from './teardown.ts'
import type { GuestOffloads, GuestPhase, GuestRss, GuestStatistics, QueueStatistics } from './types.ts'

export type { NetvscGuestOptions, ReceivedInfo, RssChange } from './options.ts'
export type { SendOptions } from './send.ts'
export type { GuestOffloads, GuestPhase, GuestRss, GuestStatistics, QueueStatistics } from './types.ts'

const NO_OPTIONS: SendOptions = {}

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
  const ctx = createContext(options, deps)
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
      return formatMac(readMac(ctx.state.mac, 0))
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
    get offloads() {
      return { ...ctx.state.offload }
    },
    get channels() {
      return { most: ctx.state.hostChannels, limit: ctx.state.channelLimit }
    },
    get rss() {
      return ctx.state.subchannels === 0 ? null : plainCopy(ctx.state.rss)
    },
    send: (frame, sendOptions = NO_OPTIONS) => sendFrame(ctx, frame, sendOptions),
    flush: () => ctx.state.queues.forEach((_, index) => flushBatch(ctx, index)),
    setFilter: (filter) => setFilter(ctx, checkOptions('netvsc.setFilter', u32, filter)),
    switchDataPath: (path) => moveTraffic(ctx, checkOptions('netvsc.switchDataPath', oneOf('synthetic', 'vf'), path)),
    setMtu(mtu) {
      ctx.state.mtu = checkMtu(mtu)
      restart(ctx)
    },
    setCoalescing: (on) => setCoalescing(ctx, checkOptions('netvsc.setCoalescing', flag, on)),
    setChannels(count) {
      ctx.state.channelLimit = checkChannels(count)
      restart(ctx)
    },
    setRss: (change) => changeScale(ctx, change),
    queueStatistics: () => ctx.state.queues.map(statisticsOf),
    stop() {
      ctx.state.restart = false
      stop(ctx)
    },
    start: () => start(ctx),
    statistics: () => ({ ...ctx.state.statistics }),
    offered: (channel) => offered(ctx, channel),
    opened: (channel, status) => opened(ctx, channel, status),
    readable: (channel) => readable(ctx, channel),
    writable: (channel) => writable(ctx, channel),
    gpadlCreated(_channel, gpadl, status) {
      granted(ctx, gpadl, status)
      reopen(ctx)
    },
    gpadlTorndown(_channel, gpadl) {
      ungranted(ctx, gpadl)
      reopen(ctx)
    },
    closed: (channel) => closed(ctx, channel),
    rescinded: (channel) => rescinded(ctx, channel),
    timer: (name) => timedOut(ctx, name),
    save: () => save(ctx),
    checkState: (saved) => void restoreState(saved, GUEST_FORM),
    restore: (saved, channels) => restore(ctx, saved, channels),
    inspect: () => inspect(ctx),
  }
}
