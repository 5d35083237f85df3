import {
  createPartition,
  guestMemory,
  type GuestMemory,
  type Partition,
  type PartitionOptions,
} from '@vmbus/hypervisor'
import {
  TICKS_PER_SECOND,
  plainCopy,
  scopedTimers,
  timerQueue,
  virtualClock,
  type Clock,
  type TimerQueue,
  type Timers,
} from '@vmbus/world'

/**
 * When the guest takes an interrupt. `deferred`: at the next step, so that whoever raised it has returned. `immediate`:
 * before the call that raised it returns, as `PartitionOptions.interrupt` allows.
 */
export type InterruptMode = 'deferred' | 'immediate'

/** Both, for `test.each`: what holds in one mode alone is a race. */
export const INTERRUPT_MODES: readonly InterruptMode[] = ['deferred', 'immediate']

/** `each step`: after every step everything is saved, copied as plain data and restored; no later byte may change. */
export type SaveMode = 'never' | 'each step'

export interface BenchOptions {
  /** RAM in pages of 4096 bytes, default 1024. */
  readonly pages?: number
  /** Virtual processors, default 1. */
  readonly vps?: number
  /** Default `deferred`. */
  readonly interrupts?: InterruptMode
  /** Default `never`. */
  readonly save?: SaveMode
  /** Hears of each bulk write of the host into RAM. */
  readonly wrote?: (gpa: number, length: number) => void
  /** Further options of the partition: features, crash and reset hooks. */
  readonly partition?: Partial<Omit<PartitionOptions, 'memory' | 'clock' | 'timers' | 'vps' | 'interrupt'>>
}

/** Who has timers or a state beside the partition: a bus, a page allocator, a switch. */
export interface BenchPart {
  timer?(name: string): void
  save?(): unknown
  restore?(state: unknown): void
}

/** A partition in virtual time. Time and deferred interrupts move only when told to. */
export interface Bench {
  readonly memory: GuestMemory
  readonly clock: Clock
  readonly partition: Partition
  /** Timers that are set, as `owner/name`, sorted. */
  readonly timers: readonly string[]
  /** Timers of a part: their names come back to its `timer`. */
  scope(owner: string): Timers
  /** Parts are saved under their names and restored in the order in which they were added, after RAM and partition. */
  add(owner: string, part: BenchPart): void
  /** Who takes interrupts: a guest bus. */
  interrupted(take: (vp: number, vector: number) => void): void
  /** One interrupt, or else the next timer that is due by `until` (default: now); false when there is neither. */
  step(until?: number): boolean
  /** At most `count` steps within the next second; returns how many there were. */
  steps(count: number): number
  /** Lets time pass. @throws Error when more than `limit` (default 100,000) events come of it. */
  run(seconds: number, limit?: number): void
  /** Steps until nothing is left to do within `seconds` (default 1) of the last event. @throws Error as `run`. */
  settle(seconds?: number, limit?: number): void
  /** RAM, partition, parts and pending interrupts as one plain value. */
  save(): unknown
  /** Takes a value of `save` of this or a like bench. Time never goes back. */
  restore(state: unknown): void
}

interface Saved {
  readonly now: number
  readonly memory: Uint8Array
  readonly partition: unknown
  readonly interrupts: readonly Interrupt[]
  readonly parts: Readonly<Record<string, unknown>>
}

type Interrupt = readonly [vp: number, vector: number]

const PAGE = 4096
const DEFAULT_PAGES = 1024
const EVENT_LIMIT = 100_000

/** The timers of every part: when one fires, its part is called with the name that it gave. */
function partTimers(parts: ReadonlyMap<string, BenchPart>): TimerQueue & { readonly names: readonly string[] } {
  const due = new Set<string>()
  const queue = timerQueue((name) => {
    due.delete(name)
    const cut = name.indexOf('/')
    parts.get(name.slice(0, cut))?.timer?.(name.slice(cut + 1))
  })
  return {
    ...queue,
    get names() {
      return [...due].toSorted()
    },
    set(name, at) {
      due.add(name)
      queue.set(name, at)
    },
    clear(name) {
      due.delete(name)
      queue.clear(name)
    },
  }
}

export function bench(options: BenchOptions = {}): Bench {
  const { pages = DEFAULT_PAGES, vps = 1, interrupts: mode = 'deferred', save: saves = 'never', wrote } = options
  const clock = virtualClock()
  const memory = guestMemory({ size: pages * PAGE, ...(wrote && { wrote }) })
  const parts = new Map<string, BenchPart>()
  let pending: Interrupt[] = []
  let take: (vp: number, vector: number) => void = () => {}
  let restoring = false

  const queue = partTimers(parts)
  const partition = createPartition({
    ...options.partition,
    memory,
    clock,
    vps,
    timers: scopedTimers(queue, 'partition'),
    interrupt(vp, vector) {
      if (mode === 'immediate' && !restoring) return take(vp, vector)
      // A local APIC has one request bit for each vector.
      if (!pending.some((each) => each[0] === vp && each[1] === vector)) pending.push([vp, vector])
    },
  })
  parts.set('partition', { timer: (name) => partition.timer(name) })

  const save = (): Saved => ({
    now: clock.now(),
    memory: memory.bytes.slice(),
    partition: partition.save(),
    interrupts: [...pending],
    parts: Object.fromEntries([...parts].map(([name, part]) => [name, part.save?.()])),
  })

  const restore = (state: unknown): void => {
    const saved = state as Saved
    restoring = true
    for (const name of queue.names) queue.clear(name)
    clock.advanceTo(Math.max(saved.now, clock.now()))
    memory.bytes.set(saved.memory)
    partition.restore(saved.partition)
    pending = [...saved.interrupts]
    for (const [name, part] of parts) part.restore?.(saved.parts[name])
    restoring = false
  }

  const advance = (until: number): boolean => {
    const next = pending.shift()
    if (next !== undefined) {
      take(...next)
      return true
    }
    const at = queue.next()
    if (at > until) return false
    clock.advanceTo(Math.max(clock.now(), at))
    return queue.run(clock.now()) > 0
  }

  const step = (until = clock.now()): boolean => {
    if (!advance(until)) return false
    if (saves === 'each step') restore(plainCopy(save()))
    return true
  }

  const bounded = (more: () => boolean, limit: number): void => {
    for (let count = 0; more(); count++) if (count >= limit) throw new Error(`more than ${limit} events`)
  }

  return {
    memory,
    clock,
    partition,
    get timers() {
      return queue.names
    },
    scope: (owner) => scopedTimers(queue, owner),
    add: (owner, part) => void parts.set(owner, part),
    interrupted: (taker) => void (take = taker),
    step,
    steps(count) {
      const until = clock.now() + TICKS_PER_SECOND
      let done = 0
      while (done < count && step(until)) done++
      return done
    },
    run(seconds, limit = EVENT_LIMIT) {
      const until = clock.now() + seconds * TICKS_PER_SECOND
      bounded(() => step(until), limit)
      clock.advanceTo(Math.max(until, clock.now()))
    },
    settle: (seconds = 1, limit = EVENT_LIMIT) => bounded(() => step(clock.now() + seconds * TICKS_PER_SECOND), limit),
    save,
    restore,
  }
}
