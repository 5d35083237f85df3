import { plainCopy, restoreState as parseState } from '@vmbus/world'
import type { ChannelEnd } from '../channel-end.ts'
import { checkChannelState } from '../channel/index.ts'
import { ringPagesFault } from '../ring/index.ts'
import { stateError } from '../saved.ts'
import { Version, versionName } from '../versions.ts'
import { setTimer, type HostContext } from './context.ts'
import { FORM, type SavedHostBus } from './form.ts'
import { grant } from './gpadls.ts'
import { createEnd } from './open.ts'
import { bringBack, reconcile, type DevicePlan } from './restore-devices.ts'
import { connectEvents } from './signals.ts'
import { emptyState, gpadlKey, isOpen, type Connection, type HostTimer } from './state.ts'

/** A private copy of everything. */
export function saveState(ctx: HostContext): unknown {
  const { state } = ctx
  const saved: SavedHostBus = {
    paused: state.paused,
    connection: state.connection,
    contacts: state.contacts,
    nextKey: state.nextKey,
    channels: [...state.channels.values()],
    gpadls: [...state.gpadls.values()],
    outgoing: [...state.outgoing].map(([target, messages]) => ({ target, messages })),
    timers: state.timers,
    incoming: state.incoming,
    doorbells: state.doorbells.save(),
    signals: [...state.signals],
    dueTimers: state.dueTimers,
    rescinds: state.rescinds,
    rings: [...ctx.ends].map(([key, end]) => ({ key, state: end.ring.save() })),
    devices: [...ctx.devices.values()].map((live) => ({ record: live.record, state: live.device.save() })),
  }
  return plainCopy({ ...FORM.head, ...saved })
}

/** A private copy of a saved state that this bus can take. Touches nothing; throws StateError (VMBUS_STATE_INVALID). */
export function checkState(ctx: HostContext, from: unknown): SavedHostBus {
  const saved = parseState(from, FORM)
  if (saved.connection !== null) checkConnection(ctx, saved.connection)
  checkKeys(saved)
  const channels = new Map(saved.channels.map((channel) => [channel.key, channel]))
  const gpadls = new Map(saved.gpadls.map((gpadl) => [gpadlKey(gpadl.relid, gpadl.id), gpadl]))
  const devices = new Set(saved.devices.map(({ record }) => record.key))
  for (const { key, state } of saved.rings) {
    const channel = channels.get(key)
    const request = channel?.request ?? null
    const pfns = gpadls.get(gpadlKey(channel?.relid ?? 0, request?.ringGpadl ?? 0))?.ranges[0]?.pfns
    if (channel === undefined || request === null || pfns === undefined || !devices.has(channel.device))
      throw stateError('host-bus.rings', key, 'the key of an open channel of a device, with a GPADL')
    checkRings(ctx, pfns, request.downstreamOffset)
    checkChannelState(state, 'host', { pages: pfns.length, downstreamOffset: request.downstreamOffset })
  }
  return saved
}

/** A guest does not hear of a host that can do less: it has to be moved to one that can do the same. */
function checkConnection(ctx: HostContext, { version, features }: Connection): void {
  if (!ctx.versions.has(version))
    throw stateError('host-bus.connection.version', versionName(version), 'a version that this host has')
  const known = version >= Version.v6_0 ? ctx.features : 0
  if ((features & ~known) !== 0)
    throw stateError('host-bus.connection.features', features, `those of ${known}, which this host has in that version`)
}

/** Each channel has a key of its own, below the next that is given; the open ones, and no other, were asked for. */
function checkKeys({ channels, devices, nextKey }: SavedHostBus): void {
  if (new Set(channels.map(({ key }) => key)).size !== channels.length)
    throw stateError('host-bus.channels', channels.length, 'channels of different keys')
  for (const key of [...channels.map((channel) => channel.key), ...devices.map(({ record }) => record.key)])
    if (key >= nextKey) throw stateError('host-bus.nextKey', nextKey, `a key above ${key}`)
  for (const channel of channels)
    if (isOpen(channel) !== (channel.request !== null))
      throw stateError('host-bus.channels.phase', channel.phase, 'open with a request, or closed without')
}

function checkRings({ options }: HostContext, pfns: readonly number[], downstreamOffset: number): void {
  for (const pages of [pfns.slice(0, downstreamOffset), pfns.slice(downstreamOffset)]) {
    const fault = ringPagesFault(options.partition.memory, pages)
    if (fault !== undefined) throw stateError('host-bus.gpadls', fault, 'pages that can be rings')
  }
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
    if (channel === undefined || channel.request === null) continue
    connectEvents(ctx, channel, channel.request.connectionId)
    createEnd(ctx, channel, channel.request, ring)
  }
  for (const back of plan.returns) bringBack(ctx, back).device.restore(back.state, openEnds(ctx, back.record.key))
  for (const name of TIMERS) {
    const at = saved.timers[name]
    if (at !== undefined) setTimer(ctx, name, at)
  }
  reconcile(ctx, plan)
}

const TIMERS: readonly HostTimer[] = ['flush', 'monitor', 'doorbells', 'poll']

function openEnds(ctx: HostContext, device: number): ChannelEnd[] {
  const channels = [...ctx.state.channels.values()].filter((channel) => channel.device === device && isOpen(channel))
  channels.sort((a, b) => a.subchannelIndex - b.subchannelIndex)
  return channels.flatMap((channel) => ctx.ends.get(channel.key)?.ring ?? [])
}
