import { plainCopy } from '@vmbus/world'
import { CoreError } from '../errors.ts'
import { makeEnd } from './rings.ts'
import { channelsOf, type GuestContext } from './context.ts'
import type { GuestDriver } from '../types.ts'
import {
  initialState,
  type GuestChannelState,
  type GuestDeviceState,
  type GuestGpadlState,
  type GuestState,
} from './state.ts'

const FORMAT = 'vmbus-guest-bus/1'

type Scalars = Omit<GuestState, 'devices' | 'channels' | 'gpadls' | 'interrupts' | 'due'>

interface Saved extends Scalars {
  readonly format: typeof FORMAT
  readonly devices: readonly GuestDeviceState[]
  readonly channels: readonly GuestChannelState[]
  readonly gpadls: readonly GuestGpadlState[]
  readonly interrupts: readonly number[]
  readonly due: readonly number[]
  readonly rings: readonly { readonly key: number; readonly state: unknown }[]
  readonly drivers: readonly { readonly key: number; readonly state: unknown }[]
}

/** A private copy of everything, of JSON kinds and Uint8Array. */
export function saveState(ctx: GuestContext): unknown {
  const { state } = ctx
  const saved: Saved = {
    ...state,
    format: FORMAT,
    devices: [...state.devices.values()],
    channels: [...state.channels.values()],
    gpadls: [...state.gpadls.values()],
    interrupts: [...state.interrupts],
    due: [...state.due],
    rings: [...ctx.ends].map(([key, end]) => ({ key, state: end.save() })),
    drivers: [...ctx.drivers].map(([key, driver]) => ({ key, state: driver.save() })),
  }
  return plainCopy(saved)
}

export function restoreState(ctx: GuestContext, from: unknown): void {
  const { timers } = ctx.options
  const given = from as Partial<Saved> | null
  if (typeof given !== 'object' || given === null || given.format !== FORMAT) {
    throw new CoreError('VMBUS_STATE_INVALID', { field: 'format', value: String(given?.format), allowed: FORMAT })
  }
  const { format: _, devices, channels, gpadls, interrupts, due, rings, drivers, ...scalars } = plainCopy(from) as Saved
  const state = Object.assign(initialState(0), scalars)
  const fresh = new Map<number, GuestDriver>()
  for (const { key, state: saved } of drivers) {
    const driver = ctx.makeDriver(devices.find((device) => device.key === key))
    driver?.checkState?.(saved)
    if (driver !== undefined) fresh.set(key, driver)
  }
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
  for (const { key, state: saved } of drivers) {
    const driver = fresh.get(key)
    if (driver === undefined) continue
    ctx.drivers.set(key, driver)
    driver.restore(
      saved,
      channelsOf(ctx, key).map((channel) => ctx.handleOf(channel)),
    )
  }
  for (const name of ['post', 'unload', 'due', 'probe']) timers.clear(name)
  if (state.postAt !== 0) timers.set('post', state.postAt)
  if (state.unloadAt !== 0) timers.set('unload', state.unloadAt)
  if (state.dueAt !== 0) timers.set('due', state.dueAt)
  if (state.probes.length > 0) timers.set('probe', ctx.options.clock.now())
}
