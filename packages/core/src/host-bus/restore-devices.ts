import type { HostDeviceSpec } from '../types.ts'
import { isRescinded, type HostContext, type LiveDevice } from './context.ts'
import { createDevice } from './devices.ts'
import { newChannel } from './new-channel.ts'
import { publishPending, revoke } from './offers.ts'
import { leave } from './close.ts'
import type { SavedHostBus } from './form.ts'
import { isOpen, isRevoked, type DeviceRecord } from './state.ts'
import { setTimer } from './context.ts'
import type { FindDevice } from './types.ts'

/** How a device comes back that a saved state knows. */
interface Return {
  readonly record: DeviceRecord
  readonly state: unknown
  readonly spec: HostDeviceSpec
  readonly settings: unknown
  /** The device that is offered here and that it replaces. */
  readonly before: LiveDevice | undefined
  /** Made already, because nobody else could be asked about its state. */
  readonly made: LiveDevice | undefined
}

/** What becomes of the devices of a saved state, and of those that are offered here. */
export interface DevicePlan {
  readonly returns: readonly Return[]
  /** Keys of devices that the state knows and nobody here does. */
  readonly gone: readonly number[]
  /** Offered here, and unknown to the state; a relid belongs to a reserved channel. */
  readonly added: readonly { readonly live: LiveDevice; readonly reservedRelid: number | undefined }[]
}

/**
 * Finds the devices of a saved state among those offered here, or by `find`, and asks each whether it takes its state.
 * Touches nothing; throws what `checkState` of a device throws.
 */
export function planDevices(ctx: HostContext, saved: SavedHostBus, find: FindDevice | undefined): DevicePlan {
  const offered = [...ctx.devices.values()]
  const returns: Return[] = []
  const gone: number[] = []
  for (const { record, state } of saved.devices) {
    const { key, kind, instanceId } = record
    const same = offered.filter((live) => live.record.kind === kind && live.record.instanceId === instanceId)
    // A rescinded device may still be there beside its successor.
    const before = same.find((live) => live.record.key === key) ?? same.at(-1)
    const found = find?.(kind, instanceId)
    const { spec, settings } = found ?? before ?? {}
    if (spec === undefined) {
      gone.push(key)
      continue
    }
    const made = found && createDevice(ctx, key, spec, settings)
    const asked = made ?? before
    asked?.device.checkState?.(state)
    returns.push({ record, state, spec, settings, before, made })
  }
  const added = offered
    .filter((live) => !isRescinded(ctx, live.record.key) && !returns.some(({ before }) => before === live))
    .map((live) => {
      const primary = ctx.state.channels.get(live.record.key)
      return { live, reservedRelid: primary?.reserved === true ? primary.relid : undefined }
    })
  return { returns, gone, added }
}

/** Puts a device back on the bus, without its state. */
export function bringBack(ctx: HostContext, { record, spec, settings, before, made }: Return): LiveDevice {
  const { key } = record
  const live = made ?? createDevice(ctx, key, spec, settings)
  ctx.devices.set(key, live)
  // A handle follows to the device that is offered, not to one that is only waiting for its guest to let go.
  if (before !== undefined && (before.successor === undefined || !isRescinded(ctx, key))) before.successor = live
  return live
}

/** The guest learns the difference: what is gone is rescinded, what is new is offered. */
export function reconcile(ctx: HostContext, { gone, added }: DevicePlan): void {
  if (gone.length + added.length === 0) return
  const { state } = ctx
  const { paused } = state
  // Its messages wait for the bus's timer: a restore calls nobody.
  state.paused = true
  const channels = [...state.channels.values()].filter(({ device }) => gone.includes(device))
  for (const channel of channels.toSorted((a, b) => b.subchannelIndex - a.subchannelIndex)) {
    if (isOpen(channel)) leave(ctx, channel)
    if (!isRevoked(channel)) revoke(ctx, channel)
  }
  for (const { live, reservedRelid } of added) {
    const key = state.nextKey++
    live.successor = createDevice(ctx, key, live.spec, live.settings)
    ctx.devices.set(key, live.successor)
    state.channels.set(key, newChannel(key, live.spec, reservedRelid === undefined ? {} : { reservedRelid }))
  }
  publishPending(ctx)
  state.paused = paused
  if (state.outgoing.size > 0) setTimer(ctx, 'flush', ctx.options.clock.now())
}
