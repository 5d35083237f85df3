import { scopedTimers, seeded } from '@vmbus/world'
import type { GuestDriver } from '../types.ts'
import type { GuestContext } from './context.ts'
import type { GuestDeviceState } from './state.ts'

/** A driver for a device, if one is loaded for its class; it is not bound yet. */
export function makeDriver(ctx: GuestContext, device: GuestDeviceState | undefined): GuestDriver | undefined {
  const { options, behaviour } = ctx
  const spec = options.drivers.find(
    ({ kind, interfaceIds }) => kind === device?.kind && interfaceIds.includes(device.interfaceId),
  )
  if (device === undefined || spec === undefined) return undefined
  const { key, instanceId } = device
  return spec.create({
    clock: options.clock,
    timers: scopedTimers(options.timers, `device/${key}`),
    seed: seeded(options.seed.u32('driver', spec.kind, instanceId)),
    diagnose: (diagnostic) => options.diagnose?.(diagnostic),
    memory: options.partition.memory,
    pages: options.pages,
    vps: ctx.vps,
    version: () => ctx.state.version,
    referenceTime: () => ctx.processors[behaviour.connectVp]?.referenceTime() ?? 0,
    event: (name, detail) => ctx.emit({ kind: 'driver', driver: spec.kind, instanceId, name, detail }),
  })
}

/** Makes and binds the driver of a new device. */
export function bind(ctx: GuestContext, device: GuestDeviceState): void {
  const driver = makeDriver(ctx, device)
  if (driver !== undefined) ctx.drivers.set(device.key, driver)
}
