import type { HostDevice, HostDeviceHandle, HostDeviceSpec, HostPort, HostSystem } from '@vmbus/core'
import { createHost, type Host, type HostProfile } from '@vmbus/host'
import { SimulationError } from './errors.ts'

/** A Hyper-V host of a profile, which offers the same devices to every guest that is attached to it. */
export interface WorldHost extends HostSystem<Host> {
  readonly profile: HostProfile
  readonly specs: readonly HostDeviceSpec[]
  /** The guest's own device of a spec; `guest.attach(host)` returned `attached`. */
  device<Settings, D extends HostDevice>(attached: Host, spec: HostDeviceSpec<Settings, D>): D
}

export function worldHost(profile: HostProfile, specs: readonly HostDeviceSpec[]): WorldHost {
  const handles = new WeakMap<Host, Map<HostDeviceSpec<unknown>, HostDeviceHandle>>()
  return {
    name: profile.id,
    profile,
    specs,
    attach(port: HostPort) {
      const host = createHost(profile, {
        memory: port.memory,
        clock: port.clock,
        timers: port.timers,
        seed: port.seed,
        vps: port.vps,
        interrupt: (vp, vector) => port.interrupt(vp, vector),
        crashed: (report) => port.crashed(report),
        ...(port.trace === undefined ? {} : { trace: port.trace }),
        ...(port.diagnose === undefined ? {} : { diagnose: port.diagnose }),
      })
      host.bus.on((event) => {
        if (event.kind === 'device') port.event(`${event.device}:${event.name}`, event.detail)
        else port.event(event.kind, event)
      })
      const offered = new Map<HostDeviceSpec<unknown>, HostDeviceHandle>()
      // A device that this version of the host does not have is not offered.
      for (const spec of specs) {
        const handle = host.offer(spec)
        if (handle !== undefined) offered.set(spec, handle)
      }
      handles.set(host, offered)
      return host
    },
    device<Settings, D extends HostDevice>(attached: Host, spec: HostDeviceSpec<Settings, D>): D {
      const handle = handles.get(attached)?.get(spec as HostDeviceSpec<unknown>)
      if (handle === undefined) {
        throw new SimulationError('VMBUS_SIMULATION_OPTION', `${profile.id} does not offer this ${spec.kind}`)
      }
      // The handle was made from this very spec.
      return handle.device as D
    },
  }
}
