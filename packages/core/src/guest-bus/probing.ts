import { channelsOf, driverOf, type GuestContext } from './context.ts'
import { bind } from './drivers.ts'
import type { GuestChannelState } from './state.ts'

/** The loaded driver that takes devices of a class, by its kind. */
export function driverFor(ctx: GuestContext, interfaceId: string): string | null {
  const { loaded } = ctx.state
  return (
    ctx.options.drivers.find(({ kind, interfaceIds }) => loaded.includes(kind) && interfaceIds.includes(interfaceId))
      ?.kind ?? null
  )
}

/** Shows a channel to its driver: at once, or as a task of its own. */
export function probe(ctx: GuestContext, channel: GuestChannelState): void {
  const driver = driverOf(ctx, channel)
  if (driver === undefined) return
  if (ctx.behaviour.probing === 'at-once') return driver.offered(ctx.handleOf(channel))
  ctx.state.probes.push(channel.key)
  ctx.options.timers.set('probe', ctx.options.clock.now())
}

/** One probe; what it makes the host answer may be served before the next. */
export function continueProbing(ctx: GuestContext): void {
  const { state, options } = ctx
  const key = state.probes.shift()
  if (state.probes.length > 0) options.timers.set('probe', options.clock.now())
  const channel = key === undefined ? undefined : state.channels.get(key)
  if (channel !== undefined && !channel.stale) driverOf(ctx, channel)?.offered(ctx.handleOf(channel))
}

/** Was the channel's driver shown it? Forgets a probe that is still to come. */
export function wasProbed(ctx: GuestContext, channel: GuestChannelState): boolean {
  const at = ctx.state.probes.indexOf(channel.key)
  if (at >= 0) ctx.state.probes.splice(at, 1)
  return at < 0
}

/** Loads drivers: the devices of their classes that have none are probed, in the order of their offers. */
export function load(ctx: GuestContext, kinds: readonly string[]): void {
  const { state } = ctx
  state.loaded.push(...kinds.filter((kind) => !state.loaded.includes(kind)))
  for (const device of state.devices.values()) {
    if (device.kind !== null) continue
    device.kind = driverFor(ctx, device.interfaceId)
    if (device.kind === null) continue
    bind(ctx, device)
    for (const channel of channelsOf(ctx, device.key)) if (!channel.stale) probe(ctx, channel)
  }
}
