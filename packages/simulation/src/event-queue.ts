import {
  integer,
  list,
  number,
  object,
  oneOf,
  pair,
  restoreState,
  stateForm,
  text,
  u32,
  u8,
  type Clock,
  type Seed,
  type Timers,
} from '@vmbus/world'

/** Something that is going to happen. */
export type Due =
  | {
      readonly kind: 'interrupt'
      readonly owner: string
      readonly at: number
      readonly vp: number
      readonly vector: number
    }
  | { readonly kind: 'timer'; readonly owner: string; readonly at: number; readonly name: string }

type PendingInterrupt = Extract<Due, { kind: 'interrupt' }>

/** 100 ns units, drawn evenly from `min` to `max` (both included) for each event. */
export interface Delay {
  readonly min: number
  readonly max: number
}

interface Saved {
  readonly now: number
  readonly interrupts: readonly PendingInterrupt[]
  readonly timers: readonly (readonly [key: string, at: number])[]
  readonly drawn: readonly (readonly [owner: string, count: number])[]
  readonly held: readonly string[]
}

const FORM = stateForm<Saved>('event-queue', 1, {
  now: number(0),
  interrupts: list(
    object<PendingInterrupt>({ kind: oneOf('interrupt'), owner: text, at: number(0), vp: u32, vector: u8 }),
  ),
  timers: list(pair(text, number())),
  drawn: list(pair(text, integer())),
  held: list(text),
})

/**
 * What a world is going to do, as data: interrupts on their way and timers. At equal times interrupts come first, in the
 * order in which they were raised, then timers by name. An edge that is raised while it is pending is one interrupt, as
 * in an APIC's request register; interrupts to different processors overtake each other when their delays say so.
 */
export interface EventQueue {
  readonly clock: Clock
  /**
   * Timers of one owner; `name` reaches the owner as it was set. One that is due at once is a task, which begins after
   * `late`: a processor gets to its work when it can.
   */
  timers(owner: string, late?: Delay): Timers
  raise(owner: string, vp: number, vector: number): void
  /** Nothing of this owner happens until `release`; then at once what was due. */
  hold(owner: string): void
  release(owner: string): void
  /** Forgets everything of an owner. */
  drop(owner: string): void
  /** Takes the next thing that is due at or before `until` and moves the clock to it. */
  take(until: number): Due | undefined
  /** Moves the clock forward when nothing is due before. */
  advanceTo(time: number): void
  readonly size: number
  save(): unknown
  /** Throws StateError (VMBUS_STATE_INVALID) for what `save` cannot have given. */
  checkState(state: unknown): void
  restore(state: unknown): void
}

const SEPARATOR = '\n'
const AT_ONCE: Delay = { min: 0, max: 0 }

export function createEventQueue(seed: Seed, epoch: bigint, delay: Delay): EventQueue {
  let now = 0
  let interrupts: PendingInterrupt[] = []
  let timers = new Map<string, number>()
  let drawn = new Map<string, number>()
  let held = new Set<string>()

  /** The next draw of an owner. */
  function draw({ min, max }: Delay, kind: 'interrupt' | 'task', owner: string): number {
    if (min === max) return min
    const count = drawn.get(owner) ?? 0
    drawn.set(owner, count + 1)
    return min + seed.below(max - min + 1, kind, owner, count)
  }

  const ownerOf = (key: string): string => key.slice(0, key.indexOf(SEPARATOR))

  function nextTimer(): (Due & { kind: 'timer' }) | undefined {
    let first: string | undefined
    let firstAt = Infinity
    for (const [key, at] of timers) {
      const due = Math.max(at, now)
      if (held.has(ownerOf(key))) continue
      if (due < firstAt || (due === firstAt && (first === undefined || key < first))) {
        first = key
        firstAt = due
      }
    }
    if (first === undefined) return undefined
    return { kind: 'timer', owner: ownerOf(first), at: firstAt, name: first.slice(first.indexOf(SEPARATOR) + 1) }
  }

  function nextInterrupt(): PendingInterrupt | undefined {
    let first: PendingInterrupt | undefined
    for (const pending of interrupts) {
      if (held.has(pending.owner)) continue
      if (first === undefined || Math.max(pending.at, now) < Math.max(first.at, now)) first = pending
    }
    return first
  }

  return {
    clock: { now: () => now, fileTime: () => epoch + BigInt(now) },
    timers: (owner, late = AT_ONCE) => ({
      set: (name, at) =>
        void timers.set(`${owner}${SEPARATOR}${name}`, at > now ? at : now + draw(late, 'task', owner)),
      clear: (name) => void timers.delete(`${owner}${SEPARATOR}${name}`),
    }),
    raise(owner, vp, vector) {
      const isPending = interrupts.some((each) => each.owner === owner && each.vp === vp && each.vector === vector)
      if (isPending) return
      interrupts.push({ kind: 'interrupt', owner, vp, vector, at: now + draw(delay, 'interrupt', owner) })
    },
    hold: (owner) => void held.add(owner),
    release: (owner) => void held.delete(owner),
    drop(owner) {
      interrupts = interrupts.filter((each) => each.owner !== owner)
      for (const key of timers.keys()) if (ownerOf(key) === owner) timers.delete(key)
      held.delete(owner)
    },
    take(until) {
      const interrupt = nextInterrupt()
      const timer = nextTimer()
      const interruptAt = interrupt === undefined ? Infinity : Math.max(interrupt.at, now)
      const timerAt = timer?.at ?? Infinity
      const at = Math.min(interruptAt, timerAt)
      if (at === Infinity || at > until) return undefined
      now = at
      if (interrupt !== undefined && interruptAt <= timerAt) {
        interrupts.splice(interrupts.indexOf(interrupt), 1)
        return { ...interrupt, at }
      }
      if (timer !== undefined) timers.delete(`${timer.owner}${SEPARATOR}${timer.name}`)
      return timer
    },
    advanceTo(time) {
      if (time > now) now = time
    },
    get size() {
      return interrupts.length + timers.size
    },
    save: () => ({
      ...FORM.head,
      now,
      interrupts: interrupts.map((each) => ({ ...each })),
      timers: [...timers],
      drawn: [...drawn],
      held: [...held],
    }),
    checkState: (state) => void restoreState(state, FORM),
    restore(state) {
      const saved = restoreState(state, FORM)
      now = saved.now
      interrupts = saved.interrupts.map((each) => ({ ...each }))
      timers = new Map(saved.timers)
      drawn = new Map(saved.drawn)
      held = new Set(saved.held)
    },
  }
}
