import { scopedTimers, seeded } from '@vmbus/world'
import type { HostDevice, HostDeviceDeps, HostDeviceSpec } from '../types.ts'
import { isRescinded, type HostContext, type LiveDevice } from './context.ts'
import { offerSubchannels } from './offers.ts'
import type { HostDeviceHandle } from './types.ts'

/** Makes a device that is not on the bus yet; its timers carry its key. */
export function createDevice(ctx: HostContext, key: number, spec: HostDeviceSpec, settings: unknown): LiveDevice {
  const { options } = ctx
  const instanceId = spec.offer.instanceId.toLowerCase()
  const record = { key, kind: spec.kind, instanceId }
  const listening = new Set<(name: string, detail: unknown) => void>()
  const deps: HostDeviceDeps = {
    clock: options.clock,
    timers: scopedTimers(options.timers, `device/${key}`),
    seed: seeded(options.seed.u32('device', spec.kind, instanceId)),
    diagnose: (diagnostic) => options.diagnose?.(diagnostic),
    memory: options.partition.memory,
    version: () => ctx.state.connection?.version ?? 0,
    offerSubchannels: (count) => offerSubchannels(ctx, key, count),
    rescind: () => ctx.rescind(key),
    ...(options.trace === undefined ? {} : { trace: options.trace }),
    event: (name, detail) => {
      for (const listener of listening) listener(name, detail)
      ctx.emit({ kind: 'device', device: spec.kind, instanceId, name, detail })
    },
  }
  return { record, spec, settings, device: spec.create(deps, settings), listeners: listening }
}

/** What the owner holds of a device: it follows the device over a restore. */
export function handleOf<D extends HostDevice>(ctx: HostContext, live: LiveDevice): HostDeviceHandle<D> {
  const { kind, instanceId } = live.record
  const existing = ctx.handles.get(live.record.key)
  if (existing !== undefined) return existing as HostDeviceHandle<D>
  let last = live
  const current = (): LiveDevice => {
    while (last.successor !== undefined) last = last.successor
    return last
  }
  const handle: HostDeviceHandle<D> = {
    kind,
    instanceId,
    get device() {
      return current().device as D
    },
    get rescinded() {
      return isRescinded(ctx, current().record.key)
    },
    rescind: () => ctx.rescind(current().record.key),
    on: (listener) => {
      const { listeners: set } = current()
      set.add(listener)
      return () => void set.delete(listener)
    },
  }
  ctx.handles.set(live.record.key, handle)
  return handle
}
