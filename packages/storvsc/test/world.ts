import {
  Version,
  createGuestBus,
  createHostBus,
  pageAllocator,
  type GuestBus,
  type HostBus,
  type HostDeviceHandle,
  type PageRange,
  type VmbusVersion,
} from '@vmbus/core'
import { createPartition, guestMemory, type GuestMemory } from '@vmbus/hypervisor'
import { seeded, timerQueue, virtualClock, type Diagnostic, type TraceEvent } from '@vmbus/world'
import {
  storvsc,
  type Disk,
  type RequestResult,
  type StorvscGuest,
  type StorvscGuestOptions,
  type StorvscHost,
  type StorvscHostOptions,
  type StorvscSettings,
} from '../src/index.ts'

export interface WorldOptions {
  readonly host: StorvscHostOptions
  readonly settings?: StorvscSettings
  readonly guest?: Omit<StorvscGuestOptions, 'onComplete' | 'onDisk' | 'onDiskGone'>
  readonly vps?: number
  readonly pages?: number
  readonly vmbus?: readonly VmbusVersion[]
  /** Records no trace. */
  readonly quiet?: boolean
}

export interface World {
  readonly memory: GuestMemory
  readonly hostBus: HostBus
  readonly guestBus: GuestBus
  readonly handle: HostDeviceHandle<StorvscHost>
  readonly host: StorvscHost
  readonly driver: StorvscGuest
  /** How each request ended, in order: a second end of one id is an entry of its own. */
  readonly ends: { id: number; result: RequestResult }[]
  readonly disks: Disk[]
  readonly gone: Disk[]
  readonly diagnostics: Diagnostic[]
  readonly trace: TraceEvent[]
  readonly wrote: { gpa: number; length: number }[]
  readonly events: { name: string; detail: unknown }[]
  readonly available: number
  /** Offers the controller again, after it was withdrawn. */
  offer(): void
  now(): number
  settle(steps?: number): void
  step(): boolean
  /** A buffer of `bytes` that begins `offset` into fresh pages, not adjacent ones. */
  allocate(bytes: number, offset?: number): PageRange
  free(range: PageRange): void
  put(range: PageRange, data: Uint8Array): void
  get(range: PageRange): Uint8Array
  /** How a request ended, after the world has settled. */
  result(id: number): RequestResult
  save(): SavedWorld
  restore(state: SavedWorld): void
}

interface SavedWorld {
  readonly now: number
  readonly memory: Uint8Array
  readonly partition: unknown
  readonly pages: unknown
  readonly host: unknown
  readonly guest: unknown
  readonly interrupts: readonly (readonly [number, number])[]
  readonly due: readonly (readonly [string, number])[]
}

/** Both ends over one real partition and both real buses. Time and interrupts move only by `step` and `settle`. */
export function world(options: WorldOptions): World {
  const ends: World['ends'] = []
  const disks: Disk[] = []
  const gone: Disk[] = []
  const diagnostics: Diagnostic[] = []
  const trace: TraceEvent[] = []
  const wrote: World['wrote'] = []
  const events: World['events'] = []
  const clock = virtualClock()
  const due = new Map<string, number>()
  const timers = timerQueue((name) => {
    due.delete(name)
    const [owner, ...rest] = name.split('/')
    if (owner === 'host') hostBus.timer(rest.join('/'))
    else if (owner === 'guest') guestBus.timer(rest.join('/'))
    else partition.timer(rest.join('/'))
  })
  const scope = (owner: string) => ({
    set(name: string, at: number) {
      due.set(`${owner}/${name}`, at)
      timers.set(`${owner}/${name}`, at)
    },
    clear(name: string) {
      due.delete(`${owner}/${name}`)
      timers.clear(`${owner}/${name}`)
    },
  })
  const pageCount = options.pages ?? 1024
  const plain = guestMemory(pageCount * 4096)
  const memory: GuestMemory = {
    size: plain.size,
    bytes: plain.bytes,
    view: plain.view,
    words: plain.words,
    wrote(gpa, length) {
      wrote.push({ gpa, length })
      plain.wrote(gpa, length)
    },
  }
  let interrupts: (readonly [number, number])[] = []
  const vps = options.vps ?? 4
  const partition = createPartition({
    memory,
    clock,
    timers: scope('partition'),
    vps,
    interrupt: (vp, vector) => void interrupts.push([vp, vector]),
  })
  const common = {
    partition,
    clock,
    seed: seeded(7),
    diagnose: (diagnostic: Diagnostic) => void diagnostics.push(diagnostic),
  }
  const record = (event: TraceEvent): void =>
    void trace.push('bytes' in event ? { ...event, bytes: event.bytes.slice() } : event)
  const versions = options.vmbus ?? [Version.v5_2]
  const hostBus = createHostBus({
    ...common,
    timers: scope('host'),
    versions,
    ...(options.quiet === true ? {} : { trace: record }),
  })
  const spec = storvsc(options.host)
  const offer = (): HostDeviceHandle<StorvscHost> => {
    const offered = hostBus.offer(spec, options.settings)
    offered.on((name, detail) => void events.push({ name, detail }))
    return offered
  }
  let handle = offer()
  const pages = pageAllocator(memory, 1, pageCount)
  const guestBus = createGuestBus({
    ...common,
    timers: scope('guest'),
    versions,
    pages,
    drivers: [
      storvsc.driver({
        ...options.guest,
        onComplete: (id, result) => void ends.push({ id, result }),
        onDisk: (disk) => void disks.push(disk),
        onDiskGone: (disk) => void gone.push(disk),
      }),
    ],
  })
  guestBus.start()

  function step(): boolean {
    const next = interrupts.shift()
    if (next !== undefined) {
      guestBus.interrupt(...next)
      return true
    }
    const at = timers.next()
    if (at === Infinity) return false
    // Timeouts of minutes are not waited for.
    if (at - clock.now() > 60_000_000) return false
    clock.advanceTo(Math.max(clock.now(), at))
    return timers.run(clock.now()) > 0
  }

  const driver = (): StorvscGuest => {
    const found = guestBus.devices[0]?.driver
    if (found === undefined) throw new Error('no driver')
    return found as StorvscGuest
  }

  const result: World = {
    memory,
    hostBus,
    guestBus,
    get handle() {
      return handle
    },
    offer: () => void (handle = offer()),
    get host() {
      return handle.device
    },
    get driver() {
      return driver()
    },
    ends,
    disks,
    gone,
    diagnostics,
    trace,
    wrote,
    events,
    get available() {
      return pages.available
    },
    now: () => clock.now(),
    step,
    settle(steps = 200_000) {
      for (let count = 0; step(); count++) if (count > steps) throw new Error('does not settle')
    },
    allocate(bytes, offset = 0) {
      const count = Math.ceil((offset + bytes) / 4096)
      const taken = pages.allocate(count * 2)
      const pfns = taken.filter((_, index) => index % 2 === 0)
      pages.free(taken.filter((_, index) => index % 2 === 1))
      return { byteOffset: offset, byteCount: bytes, pfns }
    },
    free: (range) => pages.free(range.pfns),
    put(range, data) {
      for (let done = 0; done < data.length;) {
        const at = range.byteOffset + done
        const count = Math.min(4096 - (at % 4096), data.length - done)
        memory.bytes.set(
          data.subarray(done, done + count),
          (range.pfns[Math.floor(at / 4096)] ?? 0) * 4096 + (at % 4096),
        )
        done += count
      }
    },
    get(range) {
      const data = new Uint8Array(range.byteCount)
      for (let done = 0; done < data.length;) {
        const at = range.byteOffset + done
        const count = Math.min(4096 - (at % 4096), data.length - done)
        const gpa = (range.pfns[Math.floor(at / 4096)] ?? 0) * 4096 + (at % 4096)
        data.set(memory.bytes.subarray(gpa, gpa + count), done)
        done += count
      }
      return data
    },
    result(id) {
      result.settle()
      const found = ends.filter((end) => end.id === id)
      const [end] = found
      if (end === undefined || found.length > 1) throw new Error(`request ${id} ended ${found.length} times`)
      return end.result
    },
    save: (): SavedWorld => ({
      now: clock.now(),
      memory: memory.bytes.slice(),
      partition: partition.save(),
      pages: pages.save(),
      host: hostBus.save(),
      guest: guestBus.save(),
      interrupts: [...interrupts],
      due: [...due],
    }),
    restore(saved) {
      for (const name of due.keys()) timers.clear(name)
      due.clear()
      clock.advanceTo(Math.max(saved.now, clock.now()))
      memory.bytes.set(saved.memory)
      partition.restore(saved.partition)
      pages.restore(saved.pages)
      interrupts = [...saved.interrupts]
      hostBus.restore(saved.host)
      guestBus.restore(saved.guest)
      for (const [name, at] of saved.due) {
        due.set(name, at)
        timers.set(name, at)
      }
    },
  }
  result.settle()
  return result
}
