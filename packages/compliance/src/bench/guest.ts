import { ALL_VERSIONS, createGuestBus, pageAllocator, type GuestDriverSpec } from '@vmbus/core'
import type { GuestOptions, GuestUnderTest } from './types.ts'

/** A correct guest that loads these drivers. */
export function guestWith(drivers: readonly GuestDriverSpec[], options: GuestOptions = {}): GuestUnderTest {
  return {
    name: drivers.map(({ kind }) => kind).join(', ') || 'bare guest',
    interfaces: drivers.map(({ interfaceIds }) => interfaceIds),
    boot({ partition, clock, timers, seed, diagnose }) {
      const { memory } = partition
      const bus = createGuestBus({
        partition,
        clock,
        timers,
        seed,
        diagnose,
        drivers,
        versions: options.versions ?? ALL_VERSIONS.toReversed(),
        pages: pageAllocator(memory, 1, memory.size / 4096),
        ...(options.behaviour === undefined ? {} : { behaviour: options.behaviour }),
      })
      bus.start()
      return {
        interrupt: (vp, vector) => bus.interrupt(vp, vector),
        timer: (name) => bus.timer(name),
        stop: () => bus.unload(),
        get drivers() {
          return bus.devices.flatMap(({ driver }) => (driver === undefined ? [] : [driver]))
        },
      }
    },
  }
}
