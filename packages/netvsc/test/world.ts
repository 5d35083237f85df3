import {
  createGuestBus,
  createHostBus,
  pageAllocator,
  Version,
  type GuestBus,
  type HostBus,
  type HostDeviceHandle,
  type VmbusVersion,
} from '@vmbus/core'
import { createPartition, guestMemory, type GuestMemory } from '@vmbus/hypervisor'
import { createSwitch, type Frame, type Port, type Switch } from '@vmbus/switch'
import { seeded, timerQueue, virtualClock, type Diagnostic, type TraceEvent } from '@vmbus/world'
import {
  netvsc,
  type NetvscGuest,
  type NetvscGuestOptions,
  type NetvscHost,
  type NetvscHostOptions,
  type NetvscSettings,
} from '../src/index.ts'

export const GUEST_MAC = '00:15:5d:00:00:01'
export const PEER_MAC = '02:00:00:00:00:01'

export interface WorldOptions {
  readonly host?: Partial<NetvscHostOptions>
  readonly guest?: NetvscGuestOptions
  readonly settings?: NetvscSettings
  readonly vmbus?: readonly VmbusVersion[]
  readonly vps?: number
  readonly pages?: number
}

/** A frame as the guest's owner saw it. */
interface Seen {
  readonly bytes: Uint8Array
  readonly vlan: Frame['vlan']
  readonly queue: number
  readonly hash: number
  readonly checksum: number
  readonly fragments: number
}

export interface World {
  readonly memory: GuestMemory
  readonly lan: Switch
  /** A port without an owner: what reaches it is in `out`. */
  readonly peer: Port
  readonly out: Frame[]
  readonly seen: Seen[]
  readonly host: HostBus
  readonly guest: GuestBus
  readonly handle: HostDeviceHandle<NetvscHost>
  readonly nic: NetvscHost
  readonly driver: NetvscGuest
  readonly diagnostics: Diagnostic[]
  readonly events: string[]
  readonly trace: TraceEvent[]
  /** Packets and what they named. */
  readonly said: TraceEvent[]
  readonly available: number
  /** How often `onWritable` was called. */
  readonly writable: number
  readonly now: number
  offer(): HostDeviceHandle<NetvscHost>
  step(): boolean
  settle(): void
  save(): unknown
  /** Into this world; what both ends' owners saw stays. */
  restore(state: unknown): void
}

/** Small buffers, so that their ends are reached. */
export const SMALL: NetvscGuestOptions = {
  receiveBufferBytes: 64 * 4096,
  sendBufferBytes: 16 * 4096,
  ringPages: 4,
  sendPages: 24,
}

/** Both ends over one partition, with a switch behind the host. */
export function world(options: WorldOptions = {}): World {
  const clock = virtualClock()
  const pageCount = options.pages ?? 512
  const due = new Map<string, number>()
  const fire = (name: string): void => {
    due.delete(name)
    const cut = name.indexOf('/')
    const owner = name.slice(0, cut)
    const rest = name.slice(cut + 1)
    if (owner === 'host') host.timer(rest)
    else if (owner === 'guest') guest.timer(rest)
    else if (owner === 'lan') lan.timer(rest)
    else partition.timer(rest)
  }
  const timers = timerQueue(fire)
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
  const memory = guestMemory(pageCount * 4096)
  let interrupts: (readonly [number, number])[] = []
  const diagnostics: Diagnostic[] = []
  const diagnose = (diagnostic: Diagnostic): void => void (diagnostics.length < 1000 && diagnostics.push(diagnostic))
  const events: string[] = []
  const trace: TraceEvent[] = []
  const said: TraceEvent[] = []
  const partition = createPartition({
    memory,
    clock,
    timers: scope('partition'),
    vps: options.vps ?? 4,
    interrupt: (vp, vector) => void interrupts.push([vp, vector]),
  })
  const versions = options.vmbus ?? Object.values(Version)
  const common = { partition, clock, seed: seeded(1), diagnose }
  const host = createHostBus({
    ...common,
    timers: scope('host'),
    versions,
    trace(event) {
      if ((event.kind !== 'packet' && event.kind !== 'transfer') || said.length >= 20_000) return
      const copy = { ...event, bytes: event.bytes.slice() }
      said.push(copy)
      if (copy.kind === 'packet' && trace.length < 10_000) trace.push(copy)
    },
  })
  const pages = pageAllocator(memory, 1, pageCount)
  const seen: Seen[] = []
  let writable = 0
  const driverSpec = netvsc.driver({
    ...SMALL,
    ...options.guest,
    onFrame: ({ bytes, vlan }, { queue, hash, checksum, fragments }) =>
      void seen.push({ bytes: bytes.slice(), vlan, queue, hash, checksum, fragments }),
    onWritable: () => void writable++,
  })
  const guest = createGuestBus({
    ...common,
    timers: scope('guest'),
    versions: [...versions].toReversed(),
    drivers: [driverSpec],
    pages,
  })
  const lan = createSwitch({ clock, timers: scope('lan'), seed: seeded(2) })
  const out: Frame[] = []
  const peer = lan.connect({
    name: 'peer',
    mac: PEER_MAC,
    mtu: 9202,
    receive: ({ bytes, vlan, offload }) =>
      void out.push({ bytes: bytes.slice(), ...(vlan && { vlan }), ...(offload && { offload }) }),
  })
  const spec = netvsc({ switch: lan, mac: GUEST_MAC, ...options.host })
  let handle = host.offer(spec, options.settings)
  host.on((event) => void (event.kind === 'device' && events.push(`host ${event.name}`)))
  guest.on((event) => void (event.kind === 'driver' && events.push(`guest ${event.name}`)))

  const step = (): boolean => {
    const next = interrupts.shift()
    if (next !== undefined) {
      guest.interrupt(...next)
      return true
    }
    const at = timers.next()
    if (at === Infinity) return false
    clock.advanceTo(Math.max(clock.now(), at))
    return timers.run(clock.now()) > 0
  }
  return {
    memory,
    lan,
    peer,
    out,
    seen,
    host,
    guest,
    diagnostics,
    events,
    trace,
    said,
    get handle() {
      return handle
    },
    get nic() {
      return handle.device
    },
    get driver() {
      const driver = guest.devices[0]?.driver
      if (driver === undefined || !('send' in driver)) throw new Error('no driver')
      return driver as NetvscGuest
    },
    get available() {
      return pages.available
    },
    get writable() {
      return writable
    },
    get now() {
      return clock.now()
    },
    offer: () => (handle = host.offer(spec, options.settings)),
    step,
    settle() {
      // Timers that are far away are not awaited: only what happens by itself now.
      for (let count = 0; ; count++) {
        if (count > 200_000) throw new Error('does not settle')
        if (interrupts.length === 0 && timers.next() > clock.now() + SOON) return
        if (!step()) return
      }
    },
    save: () => ({
      now: clock.now(),
      memory: memory.bytes.slice(),
      partition: partition.save(),
      pages: pages.save(),
      host: host.save(),
      guest: guest.save(),
      lan: lan.save(),
      interrupts: [...interrupts],
    }),
    restore(state) {
      const saved = state as {
        now: number
        memory: Uint8Array
        interrupts: (readonly [number, number])[]
        partition: unknown
        pages: unknown
        host: unknown
        guest: unknown
        lan: ReturnType<Switch['save']>
      }
      for (const name of due.keys()) timers.clear(name)
      due.clear()
      memory.bytes.set(saved.memory)
      partition.restore(saved.partition)
      pages.restore(saved.pages)
      interrupts = [...saved.interrupts]
      lan.restore(saved.lan)
      host.restore(saved.host)
      handle = host.devices[0] as HostDeviceHandle<NetvscHost>
      guest.restore(saved.guest)
    },
  }
}

/** 100 ns units: a second. */
const SOON = 10_000_000

/** A frame of `length` bytes to `to`, filled by `fill`. */
export function frameTo(to: string, from: string, length: number, fill = 0): Uint8Array {
  const bytes = new Uint8Array(length)
  const mac = (text: string): number[] => text.split(':').map((part) => Number.parseInt(part, 16))
  bytes.set(mac(to), 0)
  bytes.set(mac(from), 6)
  bytes[12] = 0x88
  bytes[13] = 0xb5
  for (let at = 14; at < length; at++) bytes[at] = (at * 7 + fill * 13) & 0xff
  return bytes
}

export function connected(options: WorldOptions = {}): World {
  const made = world(options)
  made.guest.start()
  made.settle()
  return made
}
