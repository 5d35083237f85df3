import {
  Version,
  createGuestBus,
  createHostBus,
  pageAllocator,
  type Channel,
  type GuestChannel,
  type GuestDriverSpec,
  type HostDeviceSpec,
} from '@vmbus/core'
import { createPartition, guestMemory } from '@vmbus/hypervisor'
import {
  TICKS_PER_SECOND,
  scopedTimers,
  seeded,
  timerQueue,
  virtualClock,
  type Diagnostic,
  type TraceEvent,
} from '@vmbus/world'
import { At, PIPE_MODE_FLAG, pipeUserData } from '@vmbus/ic'

/** A message as it crossed: pipe header, component header and body, padded to 8 bytes. */
interface Crossed {
  readonly to: 'host' | 'guest'
  readonly bytes: Uint8Array
}

export interface Happened {
  readonly end: 'host' | 'guest'
  readonly name: string
  readonly detail: unknown
}

export type World = ReturnType<typeof world>

/** Descriptor of an in-band packet. */
const DESCRIPTOR = 16
const PAGES = 64

/** One component and its driver over a real partition and both real buses. Time and interrupts move only when told to. */
export function world(device: HostDeviceSpec, driver: GuestDriverSpec, settings?: unknown) {
  const diagnostics: Diagnostic[] = []
  const messages: Crossed[] = []
  const events: Happened[] = []
  const clock = virtualClock()
  const due = new Set<string>()
  const queue = timerQueue((name) => {
    due.delete(name)
    const cut = name.indexOf('/')
    const rest = name.slice(cut + 1)
    if (name.startsWith('host/')) hostBus.timer(rest)
    else if (name.startsWith('guest/')) guestBus.timer(rest)
    else partition.timer(rest)
  })
  const timers = {
    set(name: string, at: number) {
      due.add(name)
      queue.set(name, at)
    },
    clear(name: string) {
      due.delete(name)
      queue.clear(name)
    },
  }
  const memory = guestMemory(PAGES * 4096)
  let interrupts: (readonly [vp: number, vector: number])[] = []
  const partition = createPartition({
    memory,
    clock,
    timers: scopedTimers(timers, 'partition'),
    vps: 1,
    interrupt: (vp, vector) => void interrupts.push([vp, vector]),
  })
  const common = {
    partition,
    clock,
    seed: seeded(7),
    versions: [Version.v5_2],
    diagnose: (each: Diagnostic) => void diagnostics.push(each),
  }
  const trace = (event: TraceEvent): void => {
    if (event.kind === 'packet') messages.push({ to: event.to, bytes: event.bytes.slice(DESCRIPTOR) })
  }
  const hostBus = createHostBus({ ...common, timers: scopedTimers(timers, 'host'), trace })
  const handle = hostBus.offer(device, settings)
  const pages = pageAllocator(memory, 1, PAGES)
  const guestBus = createGuestBus({ ...common, timers: scopedTimers(timers, 'guest'), pages, drivers: [driver] })
  hostBus.on((event) => {
    if (event.kind === 'device') events.push({ end: 'host', name: event.name, detail: event.detail })
  })
  guestBus.on((event) => {
    if (event.kind === 'driver') events.push({ end: 'guest', name: event.name, detail: event.detail })
  })
  guestBus.start()

  /** One interrupt, or the next timer that is due by `until`; false when there is neither. */
  const step = (until = clock.now()): boolean => {
    const next = interrupts.shift()
    if (next !== undefined) {
      guestBus.interrupt(...next)
      return true
    }
    if (queue.next() > until) return false
    clock.advanceTo(Math.max(clock.now(), queue.next()))
    return queue.run(clock.now()) > 0
  }
  const advance = (seconds: number): void => {
    const until = clock.now() + seconds * TICKS_PER_SECOND
    while (step(until));
    clock.advanceTo(until)
  }

  return {
    hostBus,
    guestBus,
    handle,
    memory,
    diagnostics,
    messages,
    events,
    step,
    advance,
    /** Details of the host's events of a name. */
    heard: (name: string, end: Happened['end'] = 'host'): unknown[] =>
      events.filter((event) => event.end === end && event.name === name).map(({ detail }) => detail),
    save: () =>
      structuredClone({
        now: clock.now(),
        memory: memory.bytes.slice(),
        partition: partition.save(),
        pages: pages.save(),
        host: hostBus.save(),
        guest: guestBus.save(),
        interrupts,
      }),
    restore(saved: Saved) {
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

interface Saved {
  readonly now: number
  readonly memory: Uint8Array
  readonly partition: unknown
  readonly pages: unknown
  readonly host: unknown
  readonly guest: unknown
  readonly interrupts: readonly (readonly [number, number])[]
}

const idle = { close() {}, rescinded() {}, save: () => null, restore() {}, inspect: () => ({}) }
const quiet = { timer() {}, ...idle }

/** A driver that answers each message with what `answer` makes of it, byte for byte, any number of packets. */
export function rawDriver(
  interfaceId: string,
  answer: (message: Uint8Array) => readonly Uint8Array[],
): GuestDriverSpec {
  const readable = (channel: GuestChannel): void => {
    const open = channel.channel
    for (let packet = open?.receive(); packet !== undefined; packet = open?.receive())
      for (const bytes of answer(packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength)))
        open?.sendInBand(bytes, 0, 0, false)
  }
  return {
    kind: 'raw',
    interfaceIds: [interfaceId],
    create: () => ({
      ...quiet,
      offered: (channel) => channel.open({ outPages: 4, inPages: 4 }),
      opened: readable,
      readable,
    }),
  }
}

/** A device that sends `messages`, one at each answer, and keeps the answers. */
export function rawDevice(
  interfaceId: string,
  instanceId: string,
  messages: readonly Uint8Array[],
  answers: Uint8Array[] = [],
  impatient = false,
): HostDeviceSpec {
  return {
    kind: 'raw',
    offer: { interfaceId, instanceId, flags: PIPE_MODE_FLAG, userDefined: pipeUserData() },
    create() {
      let next = 0
      const send = (channel: Channel): void => {
        const message = messages[next++]
        if (message !== undefined) channel.sendInBand(message, next, 0, false)
      }
      return {
        ...quiet,
        open(channel) {
          if (impatient) for (const _ of messages) send(channel)
          else send(channel)
          return 0
        },
        readable(channel) {
          for (let packet = channel.receive(); packet !== undefined; packet = channel.receive()) {
            answers.push(packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength))
            send(channel)
          }
        },
      }
    },
  }
}

/** A request of framework 3.0 around a body: what a host sends. */
export function requestOf(type: number, version: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(At.body + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 1, true)
  view.setUint32(4, bytes.length - 8, true)
  view.setUint16(8, 3, true)
  view.setUint16(12, type, true)
  view.setUint16(14, version >>> 16, true)
  view.setUint16(16, version & 0xffff, true)
  view.setUint16(18, body.length, true)
  bytes[25] = 3
  bytes.set(body, At.body)
  return bytes
}
