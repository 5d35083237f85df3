import { plainCopy, restoreState as parseState } from '@vmbus/world'
import { checkChannelState } from '../channel/index.ts'
import { ringPagesFault } from '../ring/index.ts'
import { stateError } from '../saved.ts'
import type { GuestDriver } from '../types.ts'
import { channelsOf, type GuestContext } from './context.ts'
import { makeDriver } from './drivers.ts'
import { FORM, type SavedGuestBus } from './form.ts'
import { makeEnd } from './rings.ts'
import { initialState } from './state.ts'

/** A private copy of everything. */
export function saveState(ctx: GuestContext): unknown {
  const { state } = ctx
  const saved: SavedGuestBus = {
    ...state,
    devices: [...state.devices.values()],
    channels: [...state.channels.values()],
    gpadls: [...state.gpadls.values()],
    interrupts: state.interrupts.save(),
    due: state.due.save(),
    rings: [...ctx.ends].map(([key, end]) => ({ key, state: end.save() })),
    drivers: [...ctx.drivers].map(([key, driver]) => ({ key, state: driver.save() })),
  }
  return plainCopy({ ...FORM.head, ...saved })
}

/** A private copy of a saved state that this bus can take. Touches nothing; throws StateError (VMBUS_STATE_INVALID). */
function checkState(ctx: GuestContext, from: unknown): SavedGuestBus {
  const saved = parseState(from, FORM)
  const { partition } = ctx.options
  const channels = new Map(saved.channels.map((channel) => [channel.key, channel]))
  for (const vp of saved.interrupts)
    if (vp >= ctx.vps) throw stateError('guest-bus.interrupts', vp, `processors below ${ctx.vps}`)
  for (const { key, state } of saved.rings) {
    const rings = channels.get(key)?.rings ?? null
    if (rings === null) throw stateError('guest-bus.rings', key, 'the key of a channel with rings')
    const { pfns, downstreamOffset } = rings
    for (const pages of [pfns.slice(0, downstreamOffset), pfns.slice(downstreamOffset)]) {
      const fault = ringPagesFault(partition.memory, pages)
      if (fault !== undefined) throw stateError('guest-bus.channels', fault, 'pages that can be rings')
    }
    checkChannelState(state, 'guest', { pages: pfns.length, downstreamOffset })
  }
  return saved
}

export function restoreState(ctx: GuestContext, from: unknown): void {
  const { timers, clock } = ctx.options
  const { devices, channels, gpadls, interrupts, due, rings, drivers, ...head } = checkState(ctx, from)
  const { kind: _kind, v: _v, ...scalars } = { kind: '', v: 0, ...head }
  const made = makeDrivers(ctx, devices, drivers)
  const state = Object.assign(initialState(0), scalars)
  for (const end of ctx.ends.values()) end.close()
  ctx.ends.clear()
  ctx.handles.clear()
  ctx.drivers.clear()
  ctx.state = state
  for (const device of devices) state.devices.set(device.key, device)
  for (const channel of channels) state.channels.set(channel.key, channel)
  for (const gpadl of gpadls) state.gpadls.set(gpadl.id, gpadl)
  for (const vp of interrupts) state.interrupts.add(vp)
  for (const key of due) state.due.add(key)
  for (const { key, state: ring } of rings) {
    const channel = state.channels.get(key)
    if (channel !== undefined && channel.rings !== null) makeEnd(ctx, channel, channel.rings, ring)
  }
  for (const [key, driver] of made) ctx.drivers.set(key, driver)
  for (const { key, state: saved } of drivers) {
    const handles = channelsOf(ctx, key).map((channel) => ctx.handleOf(channel))
    made.get(key)?.restore(saved, handles)
  }
  for (const name of ['post', 'unload', 'due', 'probe']) timers.clear(name)
  if (state.postAt !== 0) timers.set('post', state.postAt)
  if (state.unloadAt !== 0) timers.set('unload', state.unloadAt)
  if (state.dueAt !== null) timers.set('due', state.dueAt)
  if (state.probes.length > 0) timers.set('probe', clock.now())
}

/** Drivers of the saved devices, each of which takes its state. */
function makeDrivers(
  ctx: GuestContext,
  devices: SavedGuestBus['devices'],
  drivers: SavedGuestBus['drivers'],
): Map<number, GuestDriver> {
  const made = new Map<number, GuestDriver>()
  for (const { key, state } of drivers) {
    const driver = makeDriver(
      ctx,
      devices.find((device) => device.key === key),
    )
    if (driver === undefined) throw stateError('guest-bus.drivers', key, 'a device that a driver of this guest takes')
    driver.checkState?.(state)
    made.set(key, driver)
  }
  return made
}
