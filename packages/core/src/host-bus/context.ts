import type { HostDevice, HostDeviceSpec, VmbusVersion } from '../types.ts'
import type { RevocableGrant } from './revocable-grant.ts'
import type { HostBusEvent, HostBusOptions, HostDeviceHandle } from './types.ts'
import {
  isOpen,
  isRevoked,
  type ChannelState,
  type Connection,
  type DeviceRecord,
  type HostState,
  type HostTimer,
} from './state.ts'
import type { ChannelEnd } from '../channel-end.ts'
import { HOST_REJECTS, type HostReject } from './rejects.ts'

/** A device of this bus: what a saved state cannot hold. */
export interface LiveDevice {
  readonly record: DeviceRecord
  readonly spec: HostDeviceSpec
  readonly settings: unknown
  readonly device: HostDevice
  readonly listeners: Set<(name: string, detail: unknown) => void>
  /** What took its place at a restore: a handle from before follows it, also when it has left the bus since. */
  successor?: LiveDevice
}

export interface HostEnd {
  readonly ring: ChannelEnd
  /** Before OPENCHANNEL_RESULT is sent the guest is not signalled, only owed a signal. */
  opening: boolean
  signalOwed: boolean
}

/** What the parts of the host bus share. `state` is all that is saved; the rest is made from it. */
export interface HostContext {
  readonly options: HostBusOptions
  readonly versions: ReadonlySet<VmbusVersion>
  readonly features: number
  state: HostState
  /** Something is running: what it causes waits for its turn. Only set within a call, so it is no state. */
  busy: boolean
  readonly devices: Map<number, LiveDevice>
  /** What the owner holds of the devices, by device key; made when first asked for. */
  readonly handles: Map<number, HostDeviceHandle>
  /** Ends of the open channels, by channel key. */
  readonly ends: Map<number, HostEnd>
  /** Access to the complete GPADLs, by `gpadlKey`. */
  readonly grants: Map<number, RevocableGrant>
  /** Connection ids of the bus itself. */
  readonly reservedPorts: ReadonlySet<number>
  /** Event ports of open channels: connection id → channel key. */
  readonly ports: Map<number, number>
  emit(event: HostBusEvent): void
  /** Lets waiting work run, unless it is running already or the bus is paused. */
  settle(): void
  /** Takes the device off the bus, now or after what is running. */
  rescind(key: number): void
}

export function reject(
  ctx: HostContext,
  branch: HostReject,
  detail: Readonly<Record<string, string | number | boolean>> = {},
): void {
  ctx.options.diagnose?.({
    code: 'VMBUS_GUEST_REJECTED',
    source: 'host-bus',
    message: HOST_REJECTS[branch],
    detail: { branch, ...detail },
  })
}

/** The channel that the guest knows by this relid. Relids of one bus are few, and messages rare. */
export function channelOf(ctx: HostContext, relid: number): ChannelState | undefined {
  if (relid === 0) return undefined
  for (const channel of ctx.state.channels.values()) if (channel.relid === relid) return channel
  return undefined
}

/** The device's primary carries its key; once that is revoked or gone, so is the device to its owner. */
export function isRescinded(ctx: HostContext, device: number): boolean {
  const primary = ctx.state.channels.get(device)
  return !ctx.devices.has(device) || primary === undefined || isRevoked(primary)
}

/** Lets go of a rescinded device of which no channel is open any more. */
export function retire(ctx: HostContext, device: number): void {
  if (!isRescinded(ctx, device)) return
  for (const channel of ctx.state.channels.values()) if (channel.device === device && isOpen(channel)) return
  ctx.devices.delete(device)
  ctx.handles.delete(device)
}

export function subchannelsOf(ctx: HostContext, device: number): ChannelState[] {
  return [...ctx.state.channels.values()].filter((channel) => channel.device === device && channel.subchannelIndex > 0)
}

export function channelEvent(
  ctx: HostContext,
  kind: 'opened' | 'closed' | 'rescinded' | 'released',
  channel: ChannelState,
): void {
  const device = ctx.devices.get(channel.device)?.record.kind ?? ''
  ctx.emit({
    kind,
    device,
    instanceId: channel.instanceId,
    subchannelIndex: channel.subchannelIndex,
    relid: channel.relid,
  })
}

/** True when the guest can hear of offers. */
export function offersWanted(connection: Connection | null): connection is Connection {
  return connection !== null && connection.offersRequested
}

/** The channel's device is to be called, though not from within this call. */
export function callLater(ctx: HostContext, key: number): void {
  ctx.state.doorbells.add(key)
  if (!ctx.busy) setTimer(ctx, 'doorbells', ctx.options.clock.now())
}

export function setTimer(ctx: HostContext, name: HostTimer, at: number): void {
  ctx.state.timers[name] = at
  ctx.options.timers.set(name, at)
}

export function clearTimer(ctx: HostContext, name: HostTimer): void {
  if (ctx.state.timers[name] === undefined) return
  delete ctx.state.timers[name]
  ctx.options.timers.clear(name)
}
