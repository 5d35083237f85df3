import {
  Version,
  createGuestBus,
  createHostBus,
  pageAllocator,
  type GuestDriver,
  type GuestDriverSpec,
  type HostDevice,
  type HostDeviceSpec,
  type SavablePageAllocator,
} from '@vmbus/core'
import { createPartition, guestMemory, type GuestMemory } from '@vmbus/hypervisor'
import { seeded, timerQueue, virtualClock, type Clock } from '@vmbus/world'

/** One device and its driver over both real buses. */
export interface BareWorld<D extends HostDevice = HostDevice> {
  readonly memory: GuestMemory
  readonly allocator: SavablePageAllocator
  readonly clock: Clock
  readonly device: D
  readonly driver: GuestDriver
  /** Lets time pass (100 ns units, default one), then takes all interrupts and timers that are due. */
  pass(ticks?: number): void
}

export interface BareWorldOptions {
  /** RAM, default 64. */
  readonly memoryMB?: number
  /** Ticks that set-up may take, default none. */
  readonly setUp?: number
  readonly clock?: ReturnType<typeof virtualClock>
}

const PAGE = 4096
const PAGES_PER_MB = 256
const FIRST_PAGE = 1
const STEP = 10_000

/**
 * A world that nobody watches: no trace, no record, one processor whose interrupts are taken by `pass`. It is what a benchmark
 * times and a count of allocations counts; everything else wants a `deviceWorld`.
 */
export function bareWorld<D extends HostDevice>(
  device: HostDeviceSpec<unknown, D>,
  driver: GuestDriverSpec,
  options: BareWorldOptions = {},
): BareWorld<D> {
  const { memoryMB = 64, setUp = 0, clock = virtualClock() } = options
  const memory = guestMemory(memoryMB * PAGES_PER_MB * PAGE)
  let raised = -1
  const partitionTimers = timerQueue((name) => partition.timer(name))
  const hostTimers = timerQueue((name) => host.timer(name))
  const guestTimers = timerQueue((name) => guest.timer(name))
  const partition = createPartition({
    memory,
    clock,
    timers: partitionTimers,
    vps: 1,
    interrupt: (_vp, vector) => void (raised = vector),
  })
  const common = { partition, clock, seed: seeded(1), versions: [Version.v5_2] }
  const host = createHostBus({ ...common, timers: hostTimers })
  const allocator = pageAllocator(memory, FIRST_PAGE, memory.size / PAGE)
  const guest = createGuestBus({ ...common, timers: guestTimers, drivers: [driver], pages: allocator })

  /** An interrupt if there is one, else the timers of this instant; false when there is neither. */
  const step = (): boolean => {
    if (raised >= 0) {
      const vector = raised
      raised = -1
      guest.interrupt(0, vector)
      return true
    }
    const now = clock.now()
    return partitionTimers.run(now) + hostTimers.run(now) + guestTimers.run(now) > 0
  }
  const pass = (ticks = 1): void => {
    clock.advanceTo(clock.now() + ticks)
    while (step());
  }

  const handle = host.offer(device, undefined)
  guest.start()
  pass()
  for (let ticks = 0; ticks < setUp; ticks += STEP) pass(STEP)
  const found = guest.devices[0]?.driver
  if (found === undefined) throw new Error(`no driver took ${device.kind}`)
  return { memory, allocator, clock, device: handle.device, driver: found, pass }
}
