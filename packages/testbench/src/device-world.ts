import {
  ALL_VERSIONS,
  createGuestBus,
  createHostBus,
  pageAllocator,
  type Channel,
  type GuestBus,
  type GuestBusOptions,
  type GuestDriverSpec,
  type HostBus,
  type HostBusOptions,
  type HostDevice,
  type HostDeviceHandle,
  type HostDeviceSpec,
  type SavablePageAllocator,
  type VmbusVersion,
} from '@vmbus/core'
import { seeded, type Diagnostic, type TraceEvent } from '@vmbus/world'
import { bench as createBench, type Bench, type BenchOptions } from './bench.ts'

/** Which end. */
type End = 'host' | 'guest'

/** The payload of an in-band packet, without descriptor, padded to 8 bytes as it crossed. */
export interface Said {
  readonly to: End
  readonly bytes: Uint8Array
}

/** What a device or driver told its owner. */
export interface Happened {
  readonly end: End
  readonly name: string
  readonly detail: unknown
}

export interface DeviceWorldOptions extends Omit<BenchOptions, 'pages'> {
  /** A bench that stands already, for a device that needs its clock and timers; the options of a bench are not read then. */
  readonly bench?: Bench
  /** Settings of the host version. */
  readonly settings?: unknown
  /** What both ends speak, default all; the guest asks for the newest first. */
  readonly versions?: readonly VmbusVersion[]
  readonly seed?: number
  /** RAM, default 4; a quarter is 64 pages. */
  readonly memoryMB?: number
  /** Pages at the start of RAM that nobody allocates, default 16. */
  readonly firstPage?: number
  /** Pages at the end of RAM that nobody allocates, default 0. */
  readonly unownedPages?: number
  /** The guest makes contact at once, default true; otherwise when its bus is told to. */
  readonly starts?: boolean
  /** Keep `events` and `messages`, default true: a long attack or a benchmark has no use for them. */
  readonly keepsEvents?: boolean
  readonly see?: (event: TraceEvent) => void
  /** What an end has to say of its peer; `diagnostics` keeps the first thousand. */
  readonly diagnose?: (end: End, diagnostic: Diagnostic) => void
  /** Further options of each bus. */
  readonly host?: Partial<HostBusOptions>
  readonly guest?: Partial<GuestBusOptions>
}

/** One device and its driver over a bench and both real buses. */
export interface DeviceWorld<D extends HostDevice = HostDevice> extends Pick<
  Bench,
  'memory' | 'partition' | 'step' | 'steps' | 'run' | 'settle' | 'save' | 'restore' | 'timers'
> {
  readonly bench: Bench
  readonly hostBus: HostBus
  readonly guestBus: GuestBus
  /** The device that was offered last. */
  readonly handle: HostDeviceHandle<D>
  /** The host's end of the channel that was opened last. */
  readonly hostChannel: Channel | undefined
  readonly allocator: SavablePageAllocator
  /** Pages that the guest's allocator has left. */
  readonly pages: number
  readonly events: readonly TraceEvent[]
  /** Packets that crossed, both ways, from what the host traces. */
  readonly messages: readonly Said[]
  readonly happened: readonly Happened[]
  readonly diagnostics: readonly Diagnostic[]
  readonly now: number
  /** Offers the device again, after it was withdrawn. */
  offer(): HostDeviceHandle<D>
  /** Details of an end's events of a name. */
  heard(name: string, end?: End): readonly unknown[]
}

const PAGE = 4096
const PAGES_PER_MB = 256
const DEFAULT_MEMORY_MB = 4
const FIRST_PAGE = 16
/** Descriptor of an in-band packet. */
const DESCRIPTOR = 16
const KEPT_DIAGNOSTICS = 1000

export function deviceWorld<Settings, D extends HostDevice>(
  device: HostDeviceSpec<Settings, D>,
  driver: GuestDriverSpec,
  options: DeviceWorldOptions = {},
): DeviceWorld<D> {
  const { memoryMB = DEFAULT_MEMORY_MB, firstPage = FIRST_PAGE, unownedPages = 0, keepsEvents = true } = options
  const bench = options.bench ?? createBench({ vps: 2, ...options, pages: memoryMB * PAGES_PER_MB })
  const { memory, partition, clock } = bench
  const events: TraceEvent[] = []
  const messages: Said[] = []
  const happened: Happened[] = []
  const diagnostics: Diagnostic[] = []
  const versions = options.versions ?? ALL_VERSIONS
  const common = { partition, clock, seed: seeded(options.seed ?? 1) }
  const diagnose = (end: End) => (diagnostic: Diagnostic) => {
    if (diagnostics.length < KEPT_DIAGNOSTICS) diagnostics.push(diagnostic)
    options.diagnose?.(end, diagnostic)
  }
  const trace = (event: TraceEvent): void => {
    const copy = 'bytes' in event ? { ...event, bytes: event.bytes.slice() } : event
    options.see?.(copy)
    if (!keepsEvents) return
    events.push(copy)
    if (copy.kind === 'packet') messages.push({ to: copy.to, bytes: copy.bytes.slice(DESCRIPTOR) })
  }
  const hostBus = createHostBus({
    ...common,
    timers: bench.scope('host'),
    versions,
    trace,
    diagnose: diagnose('host'),
    ...options.host,
  })
  let hostChannel: Channel | undefined
  const spec = watched(device, (channel) => (hostChannel = channel))
  const offer = (): HostDeviceHandle<D> => hostBus.offer(spec, options.settings as Settings)
  let handle = offer()
  const allocator = pageAllocator(memory, firstPage, memory.size / PAGE - unownedPages)
  const guestBus = createGuestBus({
    ...common,
    timers: bench.scope('guest'),
    versions: versions.toReversed(),
    pages: allocator,
    drivers: [driver],
    diagnose: diagnose('guest'),
    ...options.guest,
  })
  hostBus.on((event) => {
    if (event.kind === 'device') happened.push({ end: 'host', name: event.name, detail: event.detail })
  })
  guestBus.on((event) => {
    if (event.kind === 'driver') happened.push({ end: 'guest', name: event.name, detail: event.detail })
  })
  bench.add('pages', allocator)
  bench.add('host', hostBus)
  bench.add('guest', guestBus)
  bench.interrupted((vp, vector) => guestBus.interrupt(vp, vector))
  if (options.starts ?? true) guestBus.start()

  return {
    bench,
    memory,
    partition,
    hostBus,
    guestBus,
    allocator,
    events,
    messages,
    happened,
    diagnostics,
    get handle() {
      return handle
    },
    get hostChannel() {
      return hostChannel
    },
    get pages() {
      return allocator.available
    },
    get now() {
      return clock.now()
    },
    get timers() {
      return bench.timers
    },
    offer: () => (handle = offer()),
    heard: (name, end = 'host') =>
      happened.filter((event) => event.end === end && event.name === name).map(({ detail }) => detail),
    step: bench.step,
    steps: bench.steps,
    run: bench.run,
    settle: bench.settle,
    save: bench.save,
    restore: bench.restore,
  }
}

/** The same device; `opened` hears of its channels. */
function watched<Settings, D extends HostDevice>(
  spec: HostDeviceSpec<Settings, D>,
  opened: (channel: Channel) => void,
): HostDeviceSpec<Settings, D> {
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
      return Object.assign(Object.create(device) as D, { open, restore })
    },
  }
}
