import { plainCopy } from '@vmbus/world'
import type { ChannelEnd } from '../channel-end.ts'
import { CoreError } from '../errors.ts'
import { Version, versionName } from '../versions.ts'
import { createEnd } from './open.ts'
import { setTimer, type HostContext } from './context.ts'
import { grant } from './gpadls.ts'
import { bringBack, reconcile, type DevicePlan } from './restore-devices.ts'
import { connectEvents } from './signals.ts'
import {
  emptyState,
  gpadlKey,
  isOpen,
  type ChannelState,
  type Connection,
  type DeviceRecord,
  type GpadlState,
  type HostState,
  type HostTimer,
  type IncomingMessage,
  type OutgoingMessage,
} from './state.ts'

const FORMAT = 'vmbus-host-bus/2'

export interface SavedHostBus {
  readonly format: typeof FORMAT
  readonly paused: boolean
  readonly connection: Connection | null
  readonly contacts: number
  readonly nextKey: number
  readonly channels: readonly ChannelState[]
  readonly gpadls: readonly GpadlState[]
  readonly outgoing: readonly { readonly target: number; readonly messages: readonly OutgoingMessage[] }[]
  readonly timers: HostState['timers']
  readonly incoming: readonly IncomingMessage[]
  readonly doorbells: readonly number[]
  readonly signals: readonly number[]
  readonly dueTimers: readonly string[]
  readonly rescinds: readonly number[]
  readonly rings: readonly { readonly key: number; readonly state: unknown }[]
  readonly devices: readonly { readonly record: DeviceRecord; readonly state: unknown }[]
}

/** A private copy of everything, of JSON kinds and Uint8Array. */
export function saveState(ctx: HostContext): unknown {
  const { state } = ctx
  const saved: SavedHostBus = {
    format: FORMAT,
    paused: state.paused,
    connection: state.connection,
    contacts: state.contacts,
    nextKey: state.nextKey,
    channels: [...state.channels.values()],
    gpadls: [...state.gpadls.values()],
    outgoing: [...state.outgoing].map(([target, messages]) => ({ target, messages })),
    timers: state.timers,
    incoming: state.incoming,
    doorbells: [...state.doorbells],
    signals: [...state.signals],
    dueTimers: state.dueTimers,
    rescinds: state.rescinds,
    rings: [...ctx.ends].map(([key, end]) => ({ key, state: end.ring.save() })),
    devices: [...ctx.devices.values()].map((live) => ({ record: live.record, state: live.device.save() })),
  }
  return plainCopy(saved)
}

/** A private copy of a saved state that this bus can take. Touches nothing; throws VMBUS_STATE_INVALID. */
export function checkState(ctx: HostContext, from: unknown): SavedHostBus {
  const saved = plainCopy(from) as SavedHostBus
  if (typeof saved !== 'object' || saved === null || saved.format !== FORMAT) {
    throw new CoreError('VMBUS_STATE_INVALID', {
      field: 'format',
      value: String((saved as { format?: unknown } | null)?.format),
      allowed: FORMAT,
    })
  }
  const { connection } = saved
  // A guest does not hear of a host that can do less: it has to be moved to one that can do the same.
  const features = connection !== null && connection.version >= Version.v6_0 ? ctx.features : 0
  if (connection !== null && (!ctx.versions.has(connection.version) || (connection.features & ~features) !== 0)) {
    throw new CoreError('VMBUS_STATE_INVALID', {
      field: 'version',
      value: versionName(connection.version),
      allowed: 'a version and features that this host has',
    })
  }
  return saved
}

/** Takes over a state that was checked; each device that is known here is made anew and given its state and open channels. */
export function restoreState(ctx: HostContext, saved: SavedHostBus, plan: DevicePlan): void {
  const state = emptyState()
  ctx.state = state
  ctx.grants.clear()
  state.paused = saved.paused
  state.connection = saved.connection
  state.contacts = saved.contacts
  state.nextKey = saved.nextKey
  for (const channel of saved.channels) state.channels.set(channel.key, channel)
  for (const gpadl of saved.gpadls) {
    state.gpadls.set(gpadlKey(gpadl.relid, gpadl.id), gpadl)
    if (gpadl.phase === 'partial') state.partials.set(gpadl.id, gpadl)
    else grant(ctx, gpadl)
    state.gpadlPages += gpadl.rangeBytes / 8 - gpadl.rangeCount
  }
  for (const { target, messages } of saved.outgoing) state.outgoing.set(target, [...messages])
  state.incoming.push(...saved.incoming)
  state.dueTimers.push(...saved.dueTimers)
  state.rescinds.push(...saved.rescinds)
  for (const key of saved.doorbells) state.doorbells.add(key)
  for (const key of saved.signals) state.signals.add(key)
  // In the order in which they were opened: the poll of rings goes by it.
  for (const { key, state: ring } of saved.rings) {
    const channel = state.channels.get(key)
    if (channel === undefined || !isOpen(channel) || channel.request === null) continue
    connectEvents(ctx, channel, channel.request.connectionId)
    createEnd(ctx, channel, channel.request, ring)
  }
  for (const back of plan.returns) bringBack(ctx, back).device.restore(back.state, openEnds(ctx, back.record.key))
  for (const [name, at] of Object.entries(saved.timers)) setTimer(ctx, name as HostTimer, at)
  reconcile(ctx, plan)
}

function openEnds(ctx: HostContext, device: number): ChannelEnd[] {
  const channels = [...ctx.state.channels.values()].filter((channel) => channel.device === device && isOpen(channel))
  channels.sort((a, b) => a.subchannelIndex - b.subchannelIndex)
  return channels.flatMap((channel) => ctx.ends.get(channel.key)?.ring ?? [])
}
