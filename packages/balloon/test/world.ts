import { Version, type GuestDriverSpec, type HostDeviceSpec } from '@vmbus/core'
import { deviceWorld, type DeviceWorld, type InterruptMode } from '@vmbus/testbench'

export interface World extends Pick<
  DeviceWorld,
  'memory' | 'hostBus' | 'guestBus' | 'diagnostics' | 'messages' | 'now' | 'save' | 'restore'
> {
  /** What the device told its owner. */
  readonly events: readonly { readonly name: string; readonly detail: unknown }[]
  /** One interrupt, or the next timer if it is due by `until`; false when there is neither. */
  step(until: number): boolean
  advance(seconds: number): void
}

/** One device and one driver over a real partition and both real buses. Time and interrupts move only when told to. */
export function world(
  spec: HostDeviceSpec,
  driver: GuestDriverSpec,
  interrupts: InterruptMode,
  settings?: unknown,
): World {
  const made = deviceWorld(spec, driver, {
    interrupts,
    settings,
    vps: 1,
    memoryMB: 1,
    firstPage: 1,
    versions: [Version.v5_2],
    seed: 7,
    starts: false,
  })
  const { memory, hostBus, guestBus, diagnostics, messages, bench } = made
  const events: { name: string; detail: unknown }[] = []
  hostBus.on((event) => {
    if (event.kind === 'device') events.push({ name: event.name, detail: event.detail })
  })
  guestBus.start()
  return {
    memory,
    hostBus,
    guestBus,
    diagnostics,
    messages,
    events,
    get now() {
      return made.now
    },
    step: bench.step,
    advance: (seconds) => bench.run(seconds, Infinity),
    save: bench.save,
    restore: bench.restore,
  }
}
