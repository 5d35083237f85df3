import { guestMemory } from '@vmbus/hypervisor'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { createHost, type Host, type HostOptions, type HostProfile } from '../src/index.ts'

/** A host of a profile over 1 MiB of RAM, whose interrupts nobody takes. */
export function makeHost(profile: HostProfile, options: Partial<HostOptions> = {}): Host {
  const timers = timerQueue((name) => host.timer(name))
  const host = createHost(profile, {
    memory: guestMemory(1 << 20),
    clock: virtualClock(),
    timers,
    seed: seeded(1),
    interrupt: () => {},
    ...options,
  })
  return host
}
