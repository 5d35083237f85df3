import { guestMemory, type GuestMemory } from '@vmbus/hypervisor'
import type { InterruptMode } from '@vmbus/testbench'
import {
  TICKS_PER_SECOND,
  scopedTimers,
  seeded,
  timerQueue,
  virtualClock,
  type Diagnostic,
  type TraceEvent,
} from '@vmbus/world'
import type { GuestUnderTest, HostUnderTest, RunningGuest, ServingHost } from './types.ts'
import { useDrivers, useHost } from './use.ts'

export interface BenchOptions {
  readonly seed: number
  readonly memoryMB?: number
  readonly vps?: number
  /** When the guest takes an interrupt; default `deferred`. */
  readonly interrupts?: InterruptMode
  /** Called with each event, its bytes a copy. */
  readonly trace: (event: TraceEvent) => void
  /** What an end says of the other. */
  readonly diagnose: (by: 'guest' | 'host', diagnostic: Diagnostic) => void
}

/** One guest on one host, in virtual time. What either end throws is kept, not passed on. */
export interface Bench {
  readonly host: ServingHost
  readonly drivers: readonly object[]
  readonly memory: GuestMemory
  readonly now: number
  readonly thrown: readonly { readonly by: 'guest' | 'host'; readonly error: unknown }[]
  /** Up to `count` events that are due within a second; false when fewer were. */
  steps(count: number): boolean
  run(seconds: number): void
  rescind(): boolean
  stop(): boolean
  /** Asks the devices for their services, and the drivers. */
  use(round: number, last: boolean): void
}

/** Enough for a network driver, which alone takes 17 MiB for its buffers. */
const DEFAULT_MEMORY_MB = 32

/** Events in one `run` after which a world is taken not to come to rest. */
const STEP_LIMIT = 50_000

export function bench(
  host: HostUnderTest,
  guest: GuestUnderTest,
  { seed: number, memoryMB = DEFAULT_MEMORY_MB, vps = 2, interrupts: mode = 'deferred', trace, diagnose }: BenchOptions,
): Bench {
  const clock = virtualClock()
  const memory = guestMemory(memoryMB * 1024 * 1024)
  const seed = seeded(number)
  const thrown: { by: 'guest' | 'host'; error: unknown }[] = []
  const interrupts: (readonly [vp: number, vector: number])[] = []
  const attempt = (by: 'guest' | 'host', act: () => void): void => {
    try {
      act()
    } catch (error) {
      thrown.push({ by, error })
    }
  }
  const timers = timerQueue((name) => {
    const cut = name.indexOf('/')
    const rest = name.slice(cut + 1)
    if (name.slice(0, cut) === 'host') attempt('host', () => serving.timer(rest))
    else attempt('guest', () => running?.timer(rest))
  })
  let running: RunningGuest | undefined
  const serving: ServingHost = host.attach({
    memory,
    clock,
    timers: scopedTimers(timers, 'host'),
    seed: seeded(seed.u32('host')),
    vps,
    diagnose: (diagnostic) => diagnose('host', diagnostic),
    interrupt(vp, vector) {
      // A guest that boots is none yet: what comes meanwhile waits.
      if (mode === 'immediate' && running !== undefined) return attempt('guest', () => running?.interrupt(vp, vector))
      if (!interrupts.some((each) => each[0] === vp && each[1] === vector)) interrupts.push([vp, vector])
    },
    trace: (event) => trace('bytes' in event ? { ...event, bytes: event.bytes.slice() } : event),
    event() {},
    crashed() {},
  })
  attempt('guest', () => {
    running = guest.boot({
      partition: serving.partition,
      clock,
      timers: scopedTimers(timers, 'guest'),
      seed: seeded(seed.u32('guest')),
      diagnose: (diagnostic) => diagnose('guest', diagnostic),
    })
  })

  function step(until: number): boolean {
    const next = interrupts.shift()
    if (next !== undefined) {
      attempt('guest', () => running?.interrupt(...next))
      return true
    }
    const at = timers.next()
    if (at > until) return false
    clock.advanceTo(Math.max(clock.now(), at))
    return timers.run(clock.now()) > 0
  }

  return {
    host: serving,
    get drivers() {
      return running?.drivers ?? []
    },
    memory,
    get now() {
      return clock.now()
    },
    thrown,
    steps(count) {
      const until = clock.now() + TICKS_PER_SECOND
      for (let done = 0; done < count; done++) if (!step(until)) return false
      return true
    },
    run(seconds) {
      const until = clock.now() + seconds * TICKS_PER_SECOND
      for (let done = 0; done < STEP_LIMIT && step(until); done++);
      clock.advanceTo(Math.max(until, clock.now()))
    },
    rescind() {
      const devices = serving.bus?.devices.filter((device) => !device.rescinded) ?? []
      for (const device of devices) attempt('host', () => device.rescind())
      return devices.length > 0
    },
    use(round, last) {
      attempt('host', () => useHost(serving.bus?.devices ?? [], round, last))
      attempt('guest', () => useDrivers(running?.drivers ?? []))
    },
    stop() {
      const stop = running?.stop
      if (stop === undefined) return false
      attempt('guest', () => stop.call(running))
      return true
    },
  }
}
