import {
  ALL_VERSIONS,
  type Channel,
  createGuestBus,
  createHostBus,
  pageAllocator,
  type GuestBus,
  type GuestDriverSpec,
  type HostBus,
  type HostDeviceSpec,
} from '@vmbus/core'
import { createPartition, guestMemory, type GuestMemory } from '@vmbus/hypervisor'
import {
  TICKS_PER_SECOND,
  scopedTimers,
  seeded,
  timerQueue,
  virtualClock,
  type Diagnostic,
  type TraceEvent,
} from '@vmbus/world'

export interface DeviceWorld {
  readonly memory: GuestMemory
  readonly hostBus: HostBus
  readonly guestBus: GuestBus
  /** The host's end of the channel that was opened last. */
  readonly hostChannel: Channel | undefined
  /** Pages that the guest's allocator has left. */
  readonly pages: number
  readonly events: readonly TraceEvent[]
  readonly now: number
  /** Timers of devices and drivers that are set, by name. */
  readonly timers: readonly string[]
  steps(count: number): number
  run(seconds: number): void
  save(): unknown
  restore(state: unknown): void
}

export interface DeviceWorldOptions {
  readonly settings?: unknown
  readonly see?: (event: TraceEvent) => void
  /** RAM, default 4. */
  readonly memoryMB?: number
  /** What an end has to say of its peer. */
  readonly diagnose?: (end: 'host' | 'guest', diagnostic: Diagnostic) => void
  /** Keep `events`, default true: a long attack has no use for them. */
  readonly keepsEvents?: boolean
  /** The guest makes contact at once, default true; otherwise when its bus is told to. */
  readonly starts?: boolean
  /** Pages at the end of RAM that nobody allocates, default 0. */
  readonly sparePages?: number
}

interface Saved {
  readonly now: number
  readonly memory: Uint8Array
  readonly partition: unknown
  readonly pages: unknown
  readonly host: unknown
  readonly guest: unknown
  readonly interrupts: readonly (readonly [number, number])[]
}

const DEFAULT_MEMORY_MB = 4
const STEP_LIMIT = 20_000

/** One device and its driver over a real partition and both buses, in virtual time. */
export function deviceWorld(
  device: HostDeviceSpec,
  driver: GuestDriverSpec,
  options: DeviceWorldOptions = {},
): DeviceWorld {
  const { settings, see, diagnose, memoryMB = DEFAULT_MEMORY_MB } = options
  const { keepsEvents = true, starts = true, sparePages = 0 } = options
  const bytes = memoryMB << 20
  const clock = virtualClock()
  const memory = guestMemory(bytes)
  const events: TraceEvent[] = []
  const due = new Set<string>()
  const queue = timerQueue((name) => {
    due.delete(name)
    const [owner = '', ...rest] = name.split('/')
    const timer = rest.join('/')
    if (owner === 'host') hostBus.timer(timer)
    else if (owner === 'guest') guestBus.timer(timer)
    else partition.timer(timer)
  })
  const tracked = {
    set(name: string, at: number) {
      due.add(name)
      queue.set(name, at)
    },
    clear(name: string) {
      due.delete(name)
      queue.clear(name)
    },
  }
  let interrupts: (readonly [vp: number, vector: number])[] = []
  const partition = createPartition({
    memory,
    clock,
    timers: scopedTimers(tracked, 'partition'),
    vps: 2,
    interrupt: (vp, vector) =>
      void (interrupts.some((each) => each[0] === vp && each[1] === vector) || interrupts.push([vp, vector])),
  })
  const common = { partition, clock, seed: seeded(1), versions: ALL_VERSIONS.toReversed() }
  const trace = (event: TraceEvent): void => {
    const copy = 'bytes' in event ? { ...event, bytes: event.bytes.slice() } : event
    see?.(copy)
    if (keepsEvents) events.push(copy)
  }
  const hostBus = createHostBus({
    ...common,
    timers: scopedTimers(tracked, 'host'),
    trace,
    diagnose: (diagnostic) => diagnose?.('host', diagnostic),
  })
  let hostChannel: Channel | undefined
  hostBus.offer(
    watched(device, (channel) => (hostChannel = channel)),
    settings,
  )
  const pages = pageAllocator(memory, 16, bytes / 4096 - sparePages)
  const guestBus = createGuestBus({
    ...common,
    timers: scopedTimers(tracked, 'guest'),
    pages,
    drivers: [driver],
    diagnose: (diagnostic) => diagnose?.('guest', diagnostic),
  })
  if (starts) guestBus.start()

  function step(until: number): boolean {
    const next = interrupts.shift()
    if (next !== undefined) {
      guestBus.interrupt(...next)
      return true
    }
    const at = queue.next()
    if (at > until) return false
    clock.advanceTo(Math.max(clock.now(), at))
    return queue.run(clock.now()) > 0
  }

  return {
    memory,
    hostBus,
    guestBus,
    events,
    get hostChannel() {
      return hostChannel
    },
    get pages() {
      return pages.available
    },
    get now() {
      return clock.now()
    },
    get timers() {
      return [...due].toSorted()
    },
    steps(count) {
      const until = clock.now() + TICKS_PER_SECOND
      let done = 0
      while (done < count && step(until)) done++
      return done
    },
    run(seconds) {
      const until = clock.now() + seconds * TICKS_PER_SECOND
      for (let done = 0; step(until); done++)
        if (done > STEP_LIMIT) throw new Error(`more than ${STEP_LIMIT} events in ${seconds} s`)
      clock.advanceTo(until)
    },
    save: (): Saved => ({
      now: clock.now(),
      memory: memory.bytes.slice(),
      partition: partition.save(),
      pages: pages.save(),
      host: hostBus.save(),
      guest: guestBus.save(),
      interrupts: [...interrupts],
    }),
    restore(state) {
      const saved = state as Saved
      for (const name of due) queue.clear(name)
      due.clear()
      clock.advanceTo(Math.max(saved.now, clock.now()))
      memory.bytes.set(saved.memory)
      partition.restore(saved.partition)
      pages.restore(saved.pages)
      interrupts = [...saved.interrupts]
      hostBus.restore(saved.host)
      guestBus.restore(saved.guest)
    },
  }
}

/** The same device; `opened` hears of its channels. */
function watched(spec: HostDeviceSpec, opened: (channel: Channel) => void): HostDeviceSpec {
  return {
    ...spec,
    create(deps, settings) {
      const device = spec.create(deps, settings)
      const open = (channel: Channel): number => {
        opened(channel)
        return device.open(channel)
      }
      const restore = (state: unknown, channels: readonly Channel[]): void => {
        const [first] = channels
        if (first !== undefined) opened(first)
        device.restore(state, channels)
      }
      return Object.assign(Object.create(device) as typeof device, { open, restore })
    },
  }
}
