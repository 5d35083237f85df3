/**
 * Named one-shot timers. A timer is data (a name and a time), never a closure: the owner keeps the time in its
 * own state, is called back by name, and sets its timers again after a restore. Setting a name again moves it.
 */
export interface Timers {
  /** Asks for a call of the owner's `timer(name)` at reference time `at` (100 ns units), or at once if it has passed. */
  set(name: string, at: number): void
  clear(name: string): void
}

/** The deterministic version: a queue that its owner runs. Equal times fire in order of name. */
export interface TimerQueue extends Timers {
  /** The time of the next timer, Infinity when there is none. */
  next(): number
  /** Fires, in order, every timer due at or before `now`, including those set meanwhile. Returns how many fired. */
  run(now: number): number
}

export function timerQueue(fire: (name: string, at: number) => void): TimerQueue {
  const due = new Map<string, number>()
  let nextAt = Infinity
  const refresh = (): void => {
    nextAt = Infinity
    for (const at of due.values()) if (at < nextAt) nextAt = at
  }
  return {
    set(name, at) {
      const old = due.get(name)
      due.set(name, at)
      if (at <= nextAt) nextAt = at
      else if (old === nextAt) refresh()
    },
    clear(name) {
      const old = due.get(name)
      if (due.delete(name) && old === nextAt) refresh()
    },
    next: () => nextAt,
    run(now) {
      let fired = 0
      while (nextAt <= now) {
        const at = nextAt
        let first: string | undefined
        for (const [name, time] of due) if (time === at && (first === undefined || name < first)) first = name
        if (first === undefined) break
        due.delete(first)
        refresh()
        fire(first, at)
        fired++
      }
      return fired
    },
  }
}

/** A view of `timers` whose names are prefixed, so that owners cannot touch each other's. */
export function scopedTimers(timers: Timers, scope: string): Timers {
  return {
    set: (name, at) => timers.set(`${scope}/${name}`, at),
    clear: (name) => timers.clear(`${scope}/${name}`),
  }
}
