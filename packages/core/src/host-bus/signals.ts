import { HV_STATUS, VMBUS_SINT, hvMonitorPage, type GuestMemory } from '@vmbus/hypervisor'
import { MAX_RELID_COMPAT, NO_MONITOR, NO_VP, Version } from '../versions.ts'
import { clearTimer, setTimer, type HostContext } from './context.ts'
import { isOpen, isOpenReserved, type ChannelState } from './state.ts'

/** The guest→host half of the interrupt page. */
const SEND_HALF = 2048
/** Words of `pending` in the monitor page, one for each group of 32 ids; an `armed` word follows each. */
const TRIGGER_GROUPS = hvMonitorPage.offsets.triggerGroup
const GROUPS = 4
/** Connection ids have 24 significant bits. */
const MAX_CONNECTION_ID = 0xff_ffff

/** Tells the guest to look at a channel: its event flag, or below 2.4 its bit of the interrupt page and flag 0. */
export function signalGuest(ctx: HostContext, key: number): void {
  const { state, options } = ctx
  if (state.paused) {
    state.signals.add(key)
    return
  }
  const channel = state.channels.get(key)
  const request = channel?.request
  if (channel === undefined || request === null || request === undefined || request.targetVp === NO_VP) return
  options.trace?.({ kind: 'signal', to: 'guest', relid: channel.relid })
  const { connection } = state
  if (connection !== null && connection.version < Version.v2_4) {
    if (connection.interruptPage === 0) return
    setBit(options.partition.memory, connection.interruptPage, channel.relid)
    // Guests of these versions look at the page when flag 0 is set (Linux before 5.10 vmbus_on_event; FreeBSD
    // vmbus_event_proc_compat).
    deliver(ctx, key, connection.vp, 0)
  } else deliver(ctx, key, request.targetVp, request.eventFlag)
}

/** A SINT that is masked takes no signal: it waits here until the guest unmasks it. */
function deliver({ state, options }: HostContext, key: number, vp: number, flag: number): void {
  if (options.partition.signalEvent(vp, VMBUS_SINT, flag) === HV_STATUS.invalidSynicState) state.signals.add(key)
}

/** Signals again what a pause, or a SINT of the VP, has held back; all of it without a VP. */
export function signalHeld(ctx: HostContext, vp?: number): void {
  const { signals, channels, connection } = ctx.state
  for (const key of [...signals]) {
    const target =
      connection !== null && connection.version < Version.v2_4 ? connection.vp : channels.get(key)?.request?.targetVp
    if (vp !== undefined && target !== vp) continue
    signals.delete(key)
    signalGuest(ctx, key)
  }
}

/** Registers the connection through which the guest signals the channel. False when the id is taken. */
export function connectEvents(ctx: HostContext, channel: ChannelState, connectionId: number): boolean {
  if (ctx.reservedPorts.has(connectionId) || ctx.ports.has(connectionId) || connectionId > MAX_CONNECTION_ID)
    return false
  const { key } = channel
  ctx.options.partition.connectEventPort(connectionId, () => {
    guestSignalled(ctx, key)
    return 0
  })
  ctx.ports.set(connectionId, key)
  return true
}

export function disconnectEvents(ctx: HostContext, connectionId: number): void {
  if (ctx.ports.delete(connectionId)) ctx.options.partition.disconnectPort(connectionId)
}

function guestSignalled(ctx: HostContext, key: number): void {
  const channel = ctx.state.channels.get(key)
  if (channel === undefined || !isOpen(channel)) return
  ctx.options.trace?.({ kind: 'signal', to: 'host', relid: channel.relid })
  ctx.state.doorbells.add(key)
  ctx.settle()
}

/** Connection 2: the guest set bits in its half of the interrupt page. */
export function legacySignal(ctx: HostContext): void {
  const { connection, channels } = ctx.state
  if (connection === null || connection.interruptPage === 0) return
  const bits = ctx.options.partition.memory.words
  const first = (connection.interruptPage + SEND_HALF) / 4
  const relids = new Map([...channels.values()].map((channel) => [channel.relid, channel.key]))
  for (let word = 0; word <= MAX_RELID_COMPAT >>> 5; word++) {
    const pending = Atomics.exchange(bits, first + word, 0)
    for (let bit = 0; bit < 32; bit++) {
      const key = pending & (1 << bit) ? relids.get(word * 32 + bit) : undefined
      if (key !== undefined) guestSignalled(ctx, key)
    }
  }
}

/** Takes the pending bits of the child→parent monitor page and rings their channels. */
export function pollMonitor(ctx: HostContext): void {
  const { state, options } = ctx
  const page = state.connection?.childToParentMonitor ?? 0
  if (page === 0 || state.paused) return
  const monitors = new Map(
    [...state.channels.values()].filter(isMonitored).map((channel) => [channel.monitorId, channel.key]),
  )
  for (let group = 0; group < GROUPS; group++) {
    const pending = Atomics.exchange(options.partition.memory.words, (page + TRIGGER_GROUPS + group * 8) / 4, 0)
    for (let bit = 0; bit < 32; bit++) {
      const key = pending & (1 << bit) ? monitors.get(group * 32 + bit) : undefined
      if (key !== undefined) guestSignalled(ctx, key)
    }
  }
  scheduleMonitor(ctx)
}

/** Reserved channels are signalled by hypercall alone (OpenVMM handled_monitor_info). */
function isMonitored(channel: ChannelState): boolean {
  return isOpen(channel) && !isOpenReserved(channel) && channel.monitorId !== NO_MONITOR
}

/** Polls as often as the shortest latency of an open monitored channel asks, and not at all without one. */
export function scheduleMonitor(ctx: HostContext): void {
  const { state, options } = ctx
  let latency = Infinity
  if ((state.connection?.childToParentMonitor ?? 0) !== 0) {
    for (const channel of state.channels.values()) {
      if (isMonitored(channel)) latency = Math.min(latency, channel.monitorLatency)
    }
  }
  if (latency === Infinity) clearTimer(ctx, 'monitor')
  else setTimer(ctx, 'monitor', options.clock.now() + latency)
}

function setBit(memory: GuestMemory, page: number, bit: number): void {
  Atomics.or(memory.words, page / 4 + (bit >>> 5), 1 << (bit & 31))
  memory.wrote(page + (bit >>> 3), 1)
}

/** A page that the host may use as the guest says: page-aligned and in RAM. */
export function isRamPage(memory: GuestMemory, gpa: number): boolean {
  return gpa % 4096 === 0 && gpa >= 0 && gpa + 4096 <= memory.size
}
