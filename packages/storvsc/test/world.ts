import {
  Version,
  type GuestBus,
  type HostBus,
  type HostDeviceHandle,
  type PageRange,
  type VmbusVersion,
} from '@vmbus/core'
import type { GuestMemory } from '@vmbus/hypervisor'
import { deviceWorld, type InterruptMode, type SaveMode } from '@vmbus/testbench'
import { TICKS_PER_SECOND, type Diagnostic, type TraceEvent } from '@vmbus/world'
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
  /** Hears of each end of a request, after `ends` has it. */
  readonly onComplete?: (id: number, result: RequestResult) => void
  readonly vps?: number
  readonly pages?: number
  readonly vmbus?: readonly VmbusVersion[]
  /** Records no trace. */
  readonly quiet?: boolean
  readonly interrupts?: InterruptMode
  readonly saves?: SaveMode
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
  readonly diagnostics: readonly Diagnostic[]
  readonly trace: TraceEvent[]
  readonly wrote: { gpa: number; length: number }[]
  readonly events: readonly { name: string; detail: unknown }[]
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
  readonly memory: Uint8Array
}

const PAGE = 4096
const PAGES_PER_MB = 256
/** Timeouts of minutes are not waited for. */
const PATIENCE_SECONDS = 6

/** Worlds with another way of interrupts, unless they say themselves. */
export const worldsOf =
  (interrupts: InterruptMode) =>
  (options: WorldOptions): World =>
    world({ interrupts, ...options })

/** Where byte `index` of a range is in RAM. */
const gpaOf = ({ byteOffset, pfns }: PageRange, index: number): number => {
  const at = byteOffset + index
  return (pfns[Math.floor(at / PAGE)] ?? 0) * PAGE + (at % PAGE)
}

/** Both ends over one real partition and both real buses. Time and interrupts move only by `step` and `settle`. */
export function world(options: WorldOptions): World {
  const ends: World['ends'] = []
  const disks: Disk[] = []
  const gone: Disk[] = []
  const trace: TraceEvent[] = []
  const wrote: World['wrote'] = []
  const driver = storvsc.driver({
    ...options.guest,
    onComplete(id, result) {
      ends.push({ id, result })
      options.onComplete?.(id, result)
    },
    onDisk: (disk) => void disks.push(disk),
    onDiskGone: (disk) => void gone.push(disk),
  })
  const made = deviceWorld(storvsc(options.host), driver, {
    interrupts: options.interrupts ?? 'deferred',
    save: options.saves ?? 'never',
    settings: options.settings,
    vps: options.vps ?? 4,
    memoryMB: (options.pages ?? 1024) / PAGES_PER_MB,
    firstPage: 1,
    versions: options.vmbus ?? [Version.v5_2],
    seed: 7,
    keepsEvents: false,
    see: (event) => void trace.push(event),
    ...(options.quiet === true && { host: { trace: () => undefined } }),
    wrote: (gpa, length) => void wrote.push({ gpa, length }),
  })
  const { bench, allocator, memory, hostBus, guestBus } = made

  /** Calls `each` for the parts of a range that lie in one page. */
  const parts = (range: PageRange, length: number, each: (gpa: number, from: number, to: number) => void): void => {
    for (let done = 0; done < length;) {
      const gpa = gpaOf(range, done)
      const to = Math.min(length, done + PAGE - (gpa % PAGE))
      each(gpa, done, to)
      done = to
    }
  }

  const result: World = {
    memory,
    hostBus,
    guestBus,
    get handle() {
      return made.handle
    },
    offer: () => void made.offer(),
    get host() {
      return made.handle.device
    },
    get driver() {
      const found = guestBus.devices[0]?.driver
      if (found === undefined) throw new Error('no driver')
      return found as StorvscGuest
    },
    ends,
    disks,
    gone,
    diagnostics: made.diagnostics,
    trace,
    wrote,
    get events() {
      return made.happened.filter(({ end }) => end === 'host').map(({ name, detail }) => ({ name, detail }))
    },
    get available() {
      return made.pages
    },
    now: () => made.now,
    step: () => bench.step(made.now + PATIENCE_SECONDS * TICKS_PER_SECOND),
    settle: (steps = 200_000) => bench.settle(PATIENCE_SECONDS, steps),
    allocate(bytes, offset = 0) {
      const count = Math.ceil((offset + bytes) / PAGE)
      const taken = allocator.allocate(count * 2)
      const pfns = taken.filter((_, index) => index % 2 === 0)
      allocator.free(taken.filter((_, index) => index % 2 === 1))
      return { byteOffset: offset, byteCount: bytes, pfns }
    },
    free: (range) => allocator.free(range.pfns),
    put: (range, data) => parts(range, data.length, (gpa, from, to) => memory.bytes.set(data.subarray(from, to), gpa)),
    get(range) {
      const data = new Uint8Array(range.byteCount)
      parts(range, data.length, (gpa, from, to) => data.set(memory.bytes.subarray(gpa, gpa + to - from), from))
      return data
    },
    result(id) {
      result.settle()
      const found = ends.filter((end) => end.id === id)
      const [end] = found
      if (end === undefined || found.length > 1) throw new Error(`request ${id} ended ${found.length} times`)
      return end.result
    },
    save: () => bench.save() as SavedWorld,
    restore: (saved) => bench.restore(saved),
  }
  result.settle()
  return result
}
