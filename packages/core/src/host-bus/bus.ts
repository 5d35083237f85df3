import { HV_STATUS, MESSAGE_TYPE } from '@vmbus/hypervisor'
import { TICKS_PER_MS } from '@vmbus/world'
import { Due } from '../channel/index.ts'
import { CoreError } from '../errors.ts'
import { MAX_MESSAGE_BYTES } from '../messages/index.ts'
import type { HostDevice, HostDeviceSpec } from '../types.ts'
import { ConnectionId, Feature, Version } from '../versions.ts'
import { disconnect } from './contact.ts'
import { isRescinded, reject, retire, setTimer, type HostContext, type HostEnd } from './context.ts'
import { createDevice, handleOf } from './devices.ts'
import { dispatch, isUrgent } from './dispatch.ts'
import { inspect } from './inspect.ts'
import { newChannel } from './new-channel.ts'
import { publishPending, revoke } from './offers.ts'
import { OUTGOING_LIMIT, dropOutgoing, flush } from './outbox.ts'
import { disconnectEvents, legacySignal, pollMonitor, signalGuest } from './signals.ts'
import { planDevices } from './restore-devices.ts'
import { checkState, restoreState, saveState } from './snapshot.ts'
import { emptyState, isRevoked, type HostTimer } from './state.ts'
import type { HostBus, HostBusEvent, HostBusOptions, HostDeviceHandle, OfferOptions } from './types.ts'

/** As many messages of the guest wait while the bus is busy or paused as QEMU's queue holds (hw/hyperv/vmbus.c). */
const INCOMING_LIMIT = 16
const DEFAULT_FEATURES =
  Feature.guestSpecifiedSignalParameters | Feature.modifyConnection | Feature.clientId | Feature.pauseResume
const POLL_TICKS = TICKS_PER_MS

/** The host's end of a VMBus: what a Windows Server of some versions does for one partition. */
export function createHostBus(options: HostBusOptions): HostBus {
  const { partition, timers } = options
  const listeners = new Set<(event: HostBusEvent) => void>()
  let busy = false

  const messagePorts = new Set<number>([ConnectionId.messages])
  if (options.versions.some((version) => version >= Version.v5_0)) {
    messagePorts.add(ConnectionId.multiclient)
    messagePorts.add(options.messageConnection ?? ConnectionId.multiclient)
  }

  const ctx: HostContext = {
    options,
    versions: new Set(options.versions),
    features:
      (options.features ?? DEFAULT_FEATURES) |
      (options.serverMonitorPages === undefined ? 0 : Feature.serverSpecifiedMonitorPages),
    state: emptyState(),
    devices: new Map(),
    handles: new Map(),
    ends: new Map(),
    grants: new Map(),
    reservedPorts: new Set([...messagePorts, ConnectionId.events]),
    ports: new Map(),
    emit: (event) => {
      for (const listener of listeners) listener(event)
    },
    due: (key) => {
      ctx.state.doorbells.add(key)
      if (!busy) setTimer(ctx, 'doorbells', options.clock.now())
    },
    settle,
    rescind,
  }

  /**
   * Runs what waits, in the order guest messages, removals, doorbells. Whatever runs here may cause more: the guest may
   * answer from within an interrupt. That only adds to the queues.
   */
  function settle(): void {
    exclusively(() => {
      while (step());
    })
  }

  function exclusively(work: () => void): void {
    if (busy) return
    busy = true
    try {
      work()
    } finally {
      busy = false
    }
  }

  function step(): boolean {
    const { state } = ctx
    if (state.paused) return false
    const message = state.incoming.shift()
    if (message !== undefined) {
      const { vp, connection, payload } = message
      options.trace?.({ kind: 'message', to: 'host', vp, connection, bytes: payload })
      dispatch(ctx, message)
      return true
    }
    if (takeRescinds()) return true
    for (const key of state.doorbells) {
      state.doorbells.delete(key)
      ring(key)
      return true
    }
    const name = state.dueTimers.shift()
    if (name === undefined) return false
    fire(name)
    return true
  }

  function ring(key: number): void {
    const channel = ctx.state.channels.get(key)
    const end = ctx.ends.get(key)
    const live = channel && ctx.devices.get(channel.device)
    if (end === undefined || live === undefined) return
    const due = end.ring.interrupted()
    if ((due & Due.writable) !== 0) live.device.writable?.(end.ring)
    if ((due & Due.readable) !== 0 && end.ring.isOpen) live.device.readable(end.ring)
    pollIfNeeded(end)
  }

  /** A guest that does not know pending_send_size does not say when there is room: the host looks. */
  function pollIfNeeded(end: HostEnd): void {
    if (end.ring.mustPoll && ctx.state.timers.poll === undefined)
      setTimer(ctx, 'poll', options.clock.now() + POLL_TICKS)
  }

  function onMessage(connection: number, vp: number, type: number, payload: Uint8Array): number {
    const { state } = ctx
    if (type !== MESSAGE_TYPE.vmbus || payload.length > MAX_MESSAGE_BYTES) {
      reject(ctx, 'message-type', { type })
      return HV_STATUS.invalidParameter
    }
    if (state.outgoing.length > 0) flush(ctx)
    if (state.incoming.length >= INCOMING_LIMIT || (state.outgoing.length >= OUTGOING_LIMIT && !isUrgent(payload)))
      return HV_STATUS.insufficientBuffers
    state.incoming.push({ vp, connection, payload: payload.slice() })
    settle()
    return HV_STATUS.success
  }

  for (const connection of messagePorts)
    partition.connectMessagePort(connection, (vp, type, payload) => onMessage(connection, vp, type, payload))
  partition.connectEventPort(ConnectionId.events, () => {
    legacySignal(ctx)
    return HV_STATUS.success
  })

  function fire(name: string): void {
    if (name === 'flush') return flush(ctx)
    if (name === 'monitor') return pollMonitor(ctx)
    if (name === 'doorbells') return
    if (name === 'poll') {
      for (const [key, end] of ctx.ends) if (end.ring.mustPoll) ctx.state.doorbells.add(key)
      return
    }
    const [, key, rest] = /^device\/(\d+)\/(.*)$/s.exec(name) ?? []
    if (key === undefined || rest === undefined) return
    ctx.devices.get(Number(key))?.device.timer?.(rest)
    for (const [channel, end] of ctx.ends)
      if (ctx.state.channels.get(channel)?.device === Number(key)) pollIfNeeded(end)
  }

  function remove(key: number): void {
    const { state } = ctx
    const channels = [...state.channels.values()]
      .filter((channel) => channel.device === key)
      .toSorted((a, b) => b.subchannelIndex - a.subchannelIndex)
    // What the guest sent before, and what the device ends now, is answered before the guest hears of the removal:
    // Linux looks at no ring any more once it has (drivers/hv/channel_mgmt.c, vmbus_onoffer_rescind).
    if (!state.paused) for (const channel of channels) ring(channel.key)
    ctx.devices.get(key)?.device.rescinded?.()
    for (const channel of channels) revoke(ctx, channel)
    retire(ctx, key)
  }

  /** Rescinds now, or after what is running: a device may ask from within its own callback. */
  function rescind(key: number): void {
    if (isRescinded(ctx, key) || ctx.state.rescinds.includes(key)) return
    ctx.state.rescinds.push(key)
    exclusively(takeRescinds)
    settle()
  }

  /** A removal is the owner's own doing: it does not wait for the end of a pause, only its message does. */
  function takeRescinds(): boolean {
    const removal = ctx.state.rescinds.shift()
    if (removal === undefined) return false
    remove(removal)
    return true
  }

  function offer<Settings, D extends HostDevice>(
    spec: HostDeviceSpec<Settings, D>,
    settings?: Settings,
    extra: OfferOptions = {},
  ): HostDeviceHandle<D> {
    const { state } = ctx
    const channel = newChannel(state.nextKey, spec, extra)
    const taken = [...state.channels.values()].some(
      (other) =>
        !isRevoked(other) &&
        (other.instanceId === channel.instanceId || (channel.reserved && other.relid === channel.relid)),
    )
    if (taken)
      throw new CoreError('VMBUS_OFFER_INVALID', {
        field: 'instanceId',
        value: channel.instanceId,
        allowed: 'an instance that is not offered yet',
      })
    state.nextKey++
    const live = createDevice(ctx, channel.key, spec as HostDeviceSpec, settings)
    ctx.devices.set(channel.key, live)
    state.channels.set(channel.key, channel)
    publishPending(ctx)
    return handleOf<D>(ctx, live)
  }

  const save = (): unknown => saveState(ctx)
  const silence = (): void => {
    for (const end of ctx.ends.values()) end.ring.close()
    ctx.ends.clear()
    for (const { revoke: withdraw } of ctx.grants.values()) withdraw()
    ctx.grants.clear()
    for (const connection of ctx.ports.keys()) disconnectEvents(ctx, connection)
  }

  return {
    get version() {
      return ctx.state.connection?.version ?? 0
    },
    get features() {
      return ctx.state.connection?.features ?? 0
    },
    get devices() {
      return [...ctx.devices.values()]
        .filter((live) => !isRescinded(ctx, live.record.key))
        .map((live) => handleOf(ctx, live))
    },
    offer,
    on: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    pause: () => {
      ctx.state.paused = true
    },
    resume: () => {
      ctx.state.paused = false
      flush(ctx)
      for (const key of ctx.state.signals) signalGuest(ctx, key)
      ctx.state.signals.clear()
      settle()
    },
    timer: (name) => {
      if (isOwnTimer(name)) delete ctx.state.timers[name]
      ctx.state.dueTimers.push(name)
      settle()
    },
    monitor: () => pollMonitor(ctx),
    reset: () => {
      ctx.state.incoming.length = 0
      disconnect(ctx, 'reset')
      // What waits for a guest that never connected is for the guest that is gone, too.
      dropOutgoing(ctx)
    },
    dispose: () => {
      disconnect(ctx, 'reset')
      silence()
      for (const connection of messagePorts) partition.disconnectPort(connection)
      partition.disconnectPort(ConnectionId.events)
    },
    save,
    restore: (state, find) => {
      const saved = checkState(ctx, state)
      const plan = planDevices(ctx, saved, find)
      silence()
      ctx.devices.clear()
      ctx.handles.clear()
      for (const name of Object.keys(ctx.state.timers)) timers.clear(name)
      restoreState(ctx, saved, plan)
    },
    inspect: () => inspect(ctx),
  }
}

function isOwnTimer(name: string): name is HostTimer {
  return name === 'flush' || name === 'monitor' || name === 'doorbells' || name === 'poll'
}
