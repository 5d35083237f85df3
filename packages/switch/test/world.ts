import { seeded, timerQueue, virtualClock, type Seed, type TimerQueue, type VirtualClock } from '@vmbus/world'
import type { SwitchOptions } from '@vmbus/switch'

/** A clock and timers that tests run by hand; `owner` names who is called: `switch/deliver` calls `owners.switch`. */
export interface TestWorld {
  readonly clock: VirtualClock
  readonly timers: TimerQueue
  readonly seed: Seed
  readonly owners: Map<string, (name: string) => void>
  readonly deps: SwitchOptions
  /** Runs timers until there is none before `until`, and moves the clock there. */
  runTo(until: number): void
  /** Runs timers until `done`, or throws at `limit`. */
  runUntil(done: () => boolean, limit: number): void
}

export function testWorld(seedValue = 1, start = 0): TestWorld {
  const clock = virtualClock({ now: start })
  const owners = new Map<string, (name: string) => void>()
  const timers = timerQueue((name) => {
    const slash = name.indexOf('/')
    owners.get(name.slice(0, slash))?.(name.slice(slash + 1))
  })
  const seed = seeded(seedValue)
  const step = (until: number): boolean => {
    const at = timers.next()
    if (at > until) return false
    clock.advanceTo(Math.max(at, clock.now()))
    timers.run(clock.now())
    return true
  }
  return {
    clock,
    timers,
    seed,
    owners,
    deps: {
      clock,
      seed,
      timers: { set: (name, at) => timers.set(`switch/${name}`, at), clear: (name) => timers.clear(`switch/${name}`) },
    },
    runTo(until) {
      while (step(until));
      clock.advanceTo(until)
    },
    runUntil(done, limit) {
      while (!done()) if (!step(limit)) throw new Error(`not done at ${clock.now()}, next timer at ${timers.next()}`)
    },
  }
}

/** Bytes of hand-typed hex: blanks are free, `#` begins a comment. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/#.*$/gm, '').replace(/\s+/g, '')
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}
