import { createPartition, guestMemory, type GuestMemory, type Partition } from '@vmbus/hypervisor'
import { seeded, timerQueue, virtualClock, type Diagnostic, type TraceEvent } from '@vmbus/world'
import {
  createGuestBus,
  createHostBus,
  defineDevice,
  pageAllocator,
  Version,
  type Channel,
  type Device,
  type GuestBehaviour,
  type GuestBus,
  type GuestChannel,
  type GuestDriver,
  type HostBus,
  type HostBusOptions,
  type HostDevice,
  type VmbusVersion,
} from '../src/index.ts'

/** A device that echoes, and a driver that opens what it is offered; both count what becomes of each request. */
export interface ProbeDriver extends GuestDriver {
  readonly channels: GuestChannel[]
  /** Those that the host has. */
  readonly gpadls: number[]
  /** The channel that a GPADL was granted on. */
  owner(id: number): GuestChannel | undefined
  ping(index?: number): boolean
  open(channel: GuestChannel): void
  close(channel: GuestChannel): void
  /** Grants `count` new pages; pages return to the allocator when the grant ends. */
  grant(channel: GuestChannel, count: number): void
  ungrant(channel: GuestChannel, id: number): void
  retarget(channel: GuestChannel, vp: number): void
}
export interface ProbeHost extends HostDevice {
  subchannels(count: number): void
  readonly opens: number
}

const PROBE_CLASS = '11111111-2222-3333-4444-555555555555'
export const instance = (n: number): string => `00000000-0000-0000-0000-${n.toString(16).padStart(12, '0')}`

interface ProbeOptions {
  readonly instanceId: string
  readonly refuse?: number
  readonly monitorLatency?: number
  readonly interfaceId?: string
}

export interface Counts {
  pings: number
  /** While fewer pings than this were sent, a driver that hears an answer sends another. */
  chain: number
  pongs: number
  rescinds: number
  /** What each driver still waits for: `open 00000000-… 1`. Saved and restored with the world. */
  waiting: Set<string>
  /** Requests that ended, by kind. */
  ended: Record<string, number>
  violations: string[]
}

export const noCounts = (): Counts => ({
  pings: 0,
  chain: 0,
  pongs: 0,
  rescinds: 0,
  waiting: new Set(),
  ended: {},
  violations: [],
})

function probe(counts: Counts, autoOpen = true): Device<ProbeOptions, unknown, undefined, ProbeHost, ProbeDriver> {
  return defineDevice<ProbeOptions, unknown, undefined, ProbeHost, ProbeDriver>({
    kind: 'probe',
    interfaceIds: [PROBE_CLASS],
    offer: ({ instanceId, monitorLatency, interfaceId }) => ({
      interfaceId: interfaceId ?? PROBE_CLASS,
      instanceId,
      monitorLatency: monitorLatency ?? 0,
    }),
    host: (options, deps) => {
      const open = new Set<number>()
      let inside = false
      return {
        get opens() {
          return open.size
        },
        subchannels: (count) => deps.offerSubchannels(count),
        open(channel: Channel) {
          if (options.refuse !== undefined) return options.refuse
          if (open.has(channel.subchannelIndex)) counts.violations.push('host: opened twice')
          open.add(channel.subchannelIndex)
          return 0
        },
        readable(channel: Channel) {
          if (!open.has(channel.subchannelIndex)) counts.violations.push('host: readable while closed')
          if (inside) counts.violations.push('host: called within its own callback')
          inside = true
          for (let packet = channel.receive(); packet !== undefined; packet = channel.receive()) {
            channel.sendCompletion(
              packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength),
              packet.transactionLow,
              packet.transactionHigh,
            )
          }
          inside = false
        },
        close(channel: Channel) {
          if (inside) counts.violations.push('host: closed within its own callback')
          if (!open.delete(channel.subchannelIndex)) counts.violations.push('host: closed twice')
        },
        save: () => [...open],
        restore: (state, channels) => {
          for (const index of state as number[]) open.add(index)
          if (channels.length !== open.size) counts.violations.push('host: restored with other channels')
        },
        inspect: () => ({ open: [...open] }),
      }
    },
    guest: (_options, deps) => {
      const channels: GuestChannel[] = []
      const payload = new Uint8Array(16)
      const gpadls = new Map<number, number[]>()
      /** GPADL → subchannel index. */
      const owners = new Map<number, number>()
      const name = (channel: GuestChannel, what: string): string =>
        `${what} ${channel.offer.instanceId} ${channel.offer.subchannelIndex}`
      const ask = (channel: GuestChannel, what: string): void => {
        if (counts.waiting.has(name(channel, what)))
          counts.violations.push(`guest: asked twice: ${name(channel, what)}`)
        counts.waiting.add(name(channel, what))
      }
      const answer = (channel: GuestChannel, what: string): void => {
        if (!counts.waiting.delete(name(channel, what)))
          counts.violations.push(`guest: unasked or second answer: ${name(channel, what)}`)
        const kind = what.split(' ')[0] ?? ''
        counts.ended[kind] = (counts.ended[kind] ?? 0) + 1
      }
      const driver: ProbeDriver = {
        channels,
        gpadls: [],
        owner: (id) => {
          const found = owners.get(id)
          return channels.find((channel) => channel.offer.subchannelIndex === found)
        },
        ping(index = 0) {
          const channel = channels[index]?.channel
          if (channel === undefined) return false
          // Counted first: the answer may be here before the send returns.
          const sent = channel.sendInBand(payload, counts.pings++, 0, true)
          if (!sent) counts.pings--
          return sent
        },
        open(channel) {
          ask(channel, 'open')
          channel.open({ outPages: 2, inPages: 2, targetVp: channel.offer.subchannelIndex % deps.vps })
        },
        close(channel) {
          ask(channel, 'close')
          channel.close()
        },
        grant(channel, count) {
          const pfns = deps.pages.allocate(count)
          const id = channel.createGpadl([{ byteOffset: 0, byteCount: count * 4096, pfns }])
          gpadls.set(id, pfns)
          owners.set(id, channel.offer.subchannelIndex)
          ask(channel, `grant ${id}`)
        },
        ungrant(channel, id) {
          // The host may answer before the call returns.
          driver.gpadls.splice(driver.gpadls.indexOf(id), 1)
          ask(channel, `ungrant ${id}`)
          channel.teardownGpadl(id)
        },
        retarget(channel, vp) {
          if (deps.version() >= Version.v5_3) ask(channel, 'modify')
          channel.retarget(vp)
        },
        offered(channel) {
          if (!channels.includes(channel)) channels.push(channel)
          if (autoOpen) driver.open(channel)
        },
        opened: (channel) => answer(channel, 'open'),
        readable(channel) {
          const ring = channel.channel
          if (ring === undefined) counts.violations.push('guest: readable while closed')
          else while (ring.receive() !== undefined) counts.pongs++
          // Another from within the interrupt, of which there are so many as the test asks for.
          if (counts.pings < counts.chain) driver.ping(channels.indexOf(channel))
        },
        gpadlCreated: (channel, id, status) => {
          answer(channel, `grant ${id}`)
          if (status === 0) driver.gpadls.push(id)
          else drop(id)
        },
        gpadlTorndown: (channel, id) => {
          // Or unasked: a suspend takes back what was granted.
          if (counts.waiting.has(name(channel, `ungrant ${id}`))) answer(channel, `ungrant ${id}`)
          else driver.gpadls.splice(driver.gpadls.indexOf(id), 1)
          drop(id)
        },
        // A suspend closes without being asked by the driver; a retarget ends with its channel.
        closed: (channel) => {
          if (counts.waiting.has(name(channel, 'close'))) answer(channel, 'close')
          counts.waiting.delete(name(channel, 'modify'))
        },
        modified: (channel) => answer(channel, 'modify'),
        rescinded(channel) {
          counts.rescinds++
          const at = channels.indexOf(channel)
          if (at < 0) counts.violations.push('guest: rescinded twice')
          else channels.splice(at, 1)
          for (const each of counts.waiting) if (each.endsWith(name(channel, ''))) counts.waiting.delete(each)
          for (const [id, index] of owners) {
            if (index !== channel.offer.subchannelIndex) continue
            drop(id)
            const created = driver.gpadls.indexOf(id)
            if (created >= 0) driver.gpadls.splice(created, 1)
          }
        },
        save: () => ({ granted: [...gpadls], owners: [...owners], created: [...driver.gpadls] }),
        checkState(state) {
          if (typeof state !== 'object' || state === null || !('granted' in state))
            throw new Error('no state of a probe')
        },
        restore(state, restored) {
          const saved = state as { granted: [number, number[]][]; owners: [number, number][]; created: number[] }
          for (const [id, index] of saved.owners) owners.set(id, index)
          for (const [id, pfns] of saved.granted) gpadls.set(id, pfns)
          driver.gpadls.push(...saved.created)
          channels.push(...restored)
        },
        inspect: () => ({ channels: channels.length }),
      }
      function drop(id: number): void {
        deps.pages.free(gpadls.get(id) ?? [])
        gpadls.delete(id)
        owners.delete(id)
      }
      return driver
    },
  })
}

export interface PairOptions {
  readonly host?: Partial<HostBusOptions>
  readonly hostVersions?: readonly VmbusVersion[]
  readonly guestVersions?: readonly VmbusVersion[]
  readonly behaviour?: Partial<GuestBehaviour>
  readonly vps?: number
  readonly pages?: number
  readonly autoOpen?: boolean
  readonly counts?: Counts
  readonly loaded?: readonly string[]
  /** When the guest hears of an interrupt: in its turn (default), or before whatever raised it goes on. */
  readonly interrupts?: Interrupts
}

export type Interrupts = 'deferred' | 'immediate'
export const INTERRUPTS: readonly Interrupts[] = ['deferred', 'immediate']

export interface Pair {
  readonly memory: GuestMemory
  readonly partition: Partition
  readonly host: HostBus
  readonly guest: GuestBus
  readonly counts: Counts
  readonly device: ReturnType<typeof probe>
  readonly diagnostics: Diagnostic[]
  readonly trace: TraceEvent[]
  /** Pages that the guest's allocator has left. */
  readonly available: number
  /** Delivers interrupts and fires timers until nothing is left to do (at most `steps` events). */
  settle(steps?: number): void
  /** One pending event; false when there is none. */
  step(): boolean
  save(): unknown
  /** `elsewhere`: the host brings back what it offers itself, and nothing else. */
  restore(state: unknown, elsewhere?: boolean): void
}

interface SavedPair {
  readonly now: number
  readonly memory: Uint8Array
  readonly partition: unknown
  readonly pages: unknown
  readonly host: unknown
  readonly guest: unknown
  readonly interrupts: readonly (readonly [number, number])[]
  readonly due: readonly (readonly [string, number])[]
  readonly waiting: readonly string[]
}

/** Both ends over one real partition; deferred interrupts are delivered only by `step` and `settle`. */
export function pair(options: PairOptions = {}): Pair {
  const counts = options.counts ?? noCounts()
  const device = probe(counts, options.autoOpen ?? true)
  const diagnostics: Diagnostic[] = []
  const trace: TraceEvent[] = []
  const clock = virtualClock()
  const due = new Map<string, number>()
  const fire = (name: string): void => {
    due.delete(name)
    const [owner, ...rest] = name.split('/')
    if (owner === 'host') host.timer(rest.join('/'))
    else if (owner === 'guest') guest.timer(rest.join('/'))
    else partition.timer(rest.join('/'))
  }
  const timers = timerQueue(fire)
  const scope = (owner: string) => ({
    set: (name: string, at: number) => {
      due.set(`${owner}/${name}`, at)
      timers.set(`${owner}/${name}`, at)
    },
    clear: (name: string) => {
      due.delete(`${owner}/${name}`)
      timers.clear(`${owner}/${name}`)
    },
  })
  const pageCount = options.pages ?? 128
  const memory = guestMemory(pageCount * 4096)
  let interrupts: (readonly [number, number])[] = []
  const partition = createPartition({
    memory,
    clock,
    timers: scope('partition'),
    vps: options.vps ?? 2,
    interrupt: (vp, vector) =>
      options.interrupts === 'immediate' ? guest.interrupt(vp, vector) : void interrupts.push([vp, vector]),
  })
  const diagnose = (diagnostic: Diagnostic): void => void (diagnostics.length < 1000 && diagnostics.push(diagnostic))
  const common = { partition, clock, seed: seeded(1), diagnose }
  const host = createHostBus({
    ...common,
    timers: scope('host'),
    versions: options.hostVersions ?? Object.values(Version),
    trace: (event) =>
      void (trace.length < 100_000 && trace.push('bytes' in event ? { ...event, bytes: event.bytes.slice() } : event)),
    ...options.host,
  })
  const pages = pageAllocator(memory, 1, pageCount)
  const guest = createGuestBus({
    ...common,
    timers: scope('guest'),
    versions: options.guestVersions ?? Object.values(Version).toReversed(),
    drivers: [device.driver(undefined)],
    pages,
    ...(options.behaviour === undefined ? {} : { behaviour: options.behaviour }),
    ...(options.loaded === undefined ? {} : { loaded: options.loaded }),
  })

  function step(): boolean {
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
    partition,
    host,
    guest,
    counts,
    device,
    diagnostics,
    trace,
    get available() {
      return pages.available
    },
    step,
    settle(steps = 100_000) {
      for (let count = 0; step(); count++) if (count > steps) throw new Error('does not settle')
    },
    save: (): SavedPair => ({
      now: clock.now(),
      memory: memory.bytes.slice(),
      partition: partition.save(),
      pages: pages.save(),
      host: host.save(),
      guest: guest.save(),
      interrupts: [...interrupts],
      due: [...due],
      waiting: [...counts.waiting],
    }),
    restore(state, elsewhere = false) {
      const saved = state as SavedPair
      for (const name of due.keys()) timers.clear(name)
      due.clear()
      clock.advanceTo(Math.max(saved.now, clock.now()))
      memory.bytes.set(saved.memory)
      partition.restore(saved.partition)
      pages.restore(saved.pages)
      interrupts = [...saved.interrupts]
      host.restore(saved.host, (kind, instanceId) =>
        kind === 'probe' && !elsewhere ? { spec: device({ instanceId }) } : undefined,
      )
      guest.restore(saved.guest)
      counts.waiting = new Set(saved.waiting)
      if (elsewhere) return
      // Timers are their owners' state: each has set its own again.
      const sorted = (list: Iterable<readonly [string, number]>): string =>
        JSON.stringify([...list].toSorted(([a], [b]) => (a < b ? -1 : 1)))
      if (sorted(due) !== sorted(saved.due))
        counts.violations.push(`timers ${sorted(due)} instead of ${sorted(saved.due)}`)
    },
  }
}

/** The driver of the guest's device number `index`. */
export function probeDriver({ guest }: Pair, index = 0): ProbeDriver {
  const driver = guest.devices[index]?.driver
  if (driver === undefined || !('ping' in driver)) throw new Error('no probe driver')
  return driver as ProbeDriver
}
