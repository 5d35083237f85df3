import { HV_STATUS, MESSAGE_TYPE } from '@vmbus/hypervisor'
import { CoreError } from '../errors.ts'
import { MAX_MESSAGE_BYTES } from '../messages/index.ts'
import type { HostDevice, HostDeviceSpec } from '../types.ts'
import { ConnectionId, Feature, Version } from '../versions.ts'
import { disconnect } from './contact.ts'
import { isRescinded, reject, type HostContext } from './context.ts'
import { createDevice, handleOf } from './devices.ts'
import { isHeldOff } from './dispatch.ts'
import { inspect } from './inspect.ts'
import { newChannel } from './new-channel.ts'
import { publishPending } from './offers.ts'
import { flush, flushVp } from './outbox.ts'
import { planDevices } from './restore-devices.ts'
import { rescind, settle } from './scheduler.ts'
import { disconnectEvents, legacySignal, pollMonitor, signalHeld } from './signals.ts'
import { checkState, restoreState, saveState } from './snapshot.ts'
import { refuseTlConnect } from './sockets.ts'
import { emptyState, isRevoked, type HostTimer } from './state.ts'
import type { FindDevice, HostBus, HostBusEvent, HostBusOptions, HostDeviceHandle, OfferOptions } from './types.ts'

/** As many messages of the guest wait while the bus is busy or paused as QEMU's queue holds (hw/hyperv/vmbus.c). */
const INCOMING_LIMIT = 16
const DEFAULT_FEATURES =
  Feature.guestSpecifiedSignalParameters | Feature.modifyConnection | Feature.clientId | Feature.pauseResume

/** The host's end of a VMBus: what a Windows Server of some versions does for one partition. */
export function createHostBus(options: HostBusOptions): HostBus {
  const listeners = new Set<(event: HostBusEvent) => void>()
  const messagePorts = messagePortsOf(options)
  const ctx = createContext(options, messagePorts, (event) => {
    for (const listener of listeners) listener(event)
  })
  const disconnectPorts = connectPorts(ctx, messagePorts)

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
    offer: (spec, settings, extra) => offer(ctx, spec, settings, extra),
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
      signalHeld(ctx)
      settle(ctx)
    },
    timer: (name) => {
      if (isOwnTimer(name)) delete ctx.state.timers[name]
      ctx.state.dueTimers.push(name)
      settle(ctx)
    },
    monitor: () => pollMonitor(ctx),
    refuseTlConnect: (request) => refuseTlConnect(ctx, request),
    reset: () => {
      ctx.state.incoming.length = 0
      disconnect(ctx, 'reset')
    },
    dispose: () => {
      disconnect(ctx, 'reset')
      silence(ctx)
      disconnectPorts()
    },
    save: () => saveState(ctx),
    checkState: (state, find) => checked(ctx, state, find),
    restore: (state, find) => checked(ctx, state, find)(),
    inspect: () => inspect(ctx),
  }
}

/** Looks at a saved state, and gives what takes it over. */
function checked(ctx: HostContext, from: unknown, find: FindDevice | undefined): () => void {
  const saved = checkState(ctx, from)
  const plan = planDevices(ctx, saved, find)
  return () => {
    silence(ctx)
    ctx.devices.clear()
    ctx.handles.clear()
    for (const name of Object.keys(ctx.state.timers)) ctx.options.timers.clear(name)
    restoreState(ctx, saved, plan)
  }
}

function messagePortsOf({ versions, messageConnection }: HostBusOptions): ReadonlySet<number> {
  const ports = new Set<number>([ConnectionId.messages])
  if (versions.some((version) => version >= Version.v5_0)) {
    ports.add(ConnectionId.multiclient)
    ports.add(messageConnection ?? ConnectionId.multiclient)
  }
  return ports
}

function createContext(
  options: HostBusOptions,
  messagePorts: ReadonlySet<number>,
  emit: HostContext['emit'],
): HostContext {
  const ctx: HostContext = {
    options,
    versions: new Set(options.versions),
    features:
      (options.features ?? DEFAULT_FEATURES) |
      (options.serverMonitorPages === undefined ? 0 : Feature.serverSpecifiedMonitorPages),
    state: emptyState(),
    busy: false,
    devices: new Map(),
    handles: new Map(),
    ends: new Map(),
    grants: new Map(),
    reservedPorts: new Set([...messagePorts, ConnectionId.events]),
    ports: new Map(),
    emit,
    settle: () => settle(ctx),
    rescind: (key) => rescind(ctx, key),
  }
  return ctx
}

/** Connects the bus to its partition; returns the way back. */
function connectPorts(ctx: HostContext, messagePorts: ReadonlySet<number>): () => void {
  const { partition } = ctx.options
  for (const connection of messagePorts)
    partition.connectMessagePort(connection, (vp, type, payload) => onMessage(ctx, connection, vp, type, payload))
  partition.connectEventPort(ConnectionId.events, () => {
    legacySignal(ctx)
    return HV_STATUS.success
  })
  const stop = partition.onSynicReady((vp) => {
    flushVp(ctx, vp)
    if (ctx.state.signals.size > 0 && !ctx.state.paused) signalHeld(ctx, vp)
  })
  return () => {
    stop()
    for (const connection of messagePorts) partition.disconnectPort(connection)
    partition.disconnectPort(ConnectionId.events)
  }
}

function onMessage(ctx: HostContext, connection: number, vp: number, type: number, payload: Uint8Array): number {
  const { incoming } = ctx.state
  if (type !== MESSAGE_TYPE.vmbus || payload.length > MAX_MESSAGE_BYTES) {
    reject(ctx, 'message-type', { type })
    return HV_STATUS.invalidParameter
  }
  if (incoming.length >= INCOMING_LIMIT || isHeldOff(ctx, payload)) return HV_STATUS.insufficientBuffers
  incoming.push({ vp, connection, payload: payload.slice() })
  settle(ctx)
  return HV_STATUS.success
}

function offer<Settings, D extends HostDevice>(
  ctx: HostContext,
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

/** Lets go of every ring, grant and port, without a word to anybody. */
function silence(ctx: HostContext): void {
  for (const end of ctx.ends.values()) end.ring.close()
  ctx.ends.clear()
  for (const { revoke: withdraw } of ctx.grants.values()) withdraw()
  ctx.grants.clear()
  for (const connection of ctx.ports.keys()) disconnectEvents(ctx, connection)
}

function isOwnTimer(name: string): name is HostTimer {
  return name === 'flush' || name === 'monitor' || name === 'doorbells' || name === 'poll'
}
