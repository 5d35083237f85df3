import {
  Version,
  createGuestBus,
  createHostBus,
  pageAllocator,
  type GuestBus,
  type GuestDriverSpec,
  type HostBus,
  type HostDeviceSpec,
} from '@vmbus/core'
import { createPartition, guestMemory, type GuestMemory } from '@vmbus/hypervisor'
import { TICKS_PER_SECOND, seeded, timerQueue, virtualClock, type Diagnostic, type TraceEvent } from '@vmbus/world'

export interface World {
  readonly memory: GuestMemory
  readonly hostBus: HostBus
  readonly guestBus: GuestBus
  readonly diagnostics: Diagnostic[]
  /** Messages of dynamic memory, without the packet around them. */
  readonly messages: { readonly to: 'host' | 'guest'; readonly bytes: Uint8Array }[]
  readonly now: number
  /** One interrupt, or the next timer if it is due by `until`; false when there is neither. */
  step(until: number): boolean
  advance(seconds: number): void
  save(): unknown
  restore(state: unknown): void
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

/** All messages are in-band packets: a descriptor of 16 bytes before them. */
const DESCRIPTOR = 16

/** One device and one driver over a real partition and both real buses. Time and interrupts move only when told to. */
export function world(spec: HostDeviceSpec, driver: GuestDriverSpec, settings?: unknown): World {
  const diagnostics: Diagnostic[] = []
  const messages: World['messages'] = []
  const clock = virtualClock()
  const due = new Set<string>()
  const timers = timerQueue((name) => {
    due.delete(name)
    const [owner, ...rest] = name.split('/')
    if (owner === 'host') hostBus.timer(rest.join('/'))
    else if (owner === 'guest') guestBus.timer(rest.join('/'))
    else partition.timer(rest.join('/'))
  })
  const scope = (owner: string) => ({
    set(name: string, at: number) {
      due.add(`${owner}/${name}`)
      timers.set(`${owner}/${name}`, at)
    },
    clear(name: string) {
      due.delete(`${owner}/${name}`)
      timers.clear(`${owner}/${name}`)
    },
  })
  const pageCount = 256
  const memory = guestMemory(pageCount * 4096)
  let interrupts: (readonly [number, number])[] = []
  const partition = createPartition({
    memory,
    clock,
    timers: scope('partition'),
    vps: 1,
    interrupt: (vp, vector) => void interrupts.push([vp, vector]),
  })
  const common = {
    partition,
    clock,
    seed: seeded(7),
    versions: [Version.v5_2],
    diagnose: (each: Diagnostic) => void (diagnostics.length < 1000 && diagnostics.push(each)),
  }
  const trace = (event: TraceEvent): void => {
    if (event.kind === 'packet' && messages.length < 10_000)
      messages.push({ to: event.to, bytes: event.bytes.slice(DESCRIPTOR) })
  }
  const hostBus = createHostBus({ ...common, timers: scope('host'), trace })
  hostBus.offer(spec, settings)
  const pages = pageAllocator(memory, 1, pageCount)
  const guestBus = createGuestBus({ ...common, timers: scope('guest'), pages, drivers: [driver] })
  guestBus.start()

  function step(until: number): boolean {
    const next = interrupts.shift()
    if (next !== undefined) {
      guestBus.interrupt(...next)
      return true
    }
    const at = timers.next()
    if (at > until) return false
    clock.advanceTo(Math.max(clock.now(), at))
    return timers.run(clock.now()) > 0
  }

  return {
    memory,
    hostBus,
    guestBus,
    diagnostics,
    messages,
    get now() {
      return clock.now()
    },
    step,
    advance(seconds) {
      const until = clock.now() + seconds * TICKS_PER_SECOND
      while (step(until));
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
      for (const name of due) timers.clear(name)
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
