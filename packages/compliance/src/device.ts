import type { Channel, GuestDriverSpec, HostDevice, HostDeviceSpec } from '@vmbus/core'
import { plainCopy, seeded, type Seed, type TraceEvent } from '@vmbus/world'
import { INTERRUPT_MODES, deviceWorld, type DeviceWorld, type InterruptMode } from '@vmbus/testbench'
import { isSame } from './bench/ram.ts'
import { textOf } from './bench/text.ts'
import { busWatch } from './rules/bus-watch.ts'
import { packetWatch } from './rules/packet-watch.ts'
import { reportOf, type Report } from './rules/rule.ts'
import { DEVICE_RULES } from './rules/tables.ts'

/** Requests that an exercise began, and how often each ended. */
export interface Tally {
  readonly begun: number
  readonly ended: number
}

export interface DeviceUnderTest {
  readonly name: string
  /** Both ends anew, over backends of their own, for each run. */
  create(): {
    readonly device: HostDeviceSpec
    readonly driver: GuestDriverSpec
    readonly settings?: unknown
    /** Uses the device; called again and again while the channel is open. Host and driver are the ends that were created. */
    exercise?(ends: { readonly host: HostDevice; readonly world: DeviceWorld }): void
    /** What the exercise came to; asked when nothing is under way. */
    tally?(): Tally
    /** RAM of the guest, default 4. */
    readonly memoryMB?: number
    /** Seconds that an exercise may need to end after a device is gone, default 10. */
    readonly seconds?: number
  }
}

export interface DeviceComplianceOptions {
  readonly seed?: number
  /** Mutated packets against each end, default 300. */
  readonly inputs?: number
}

type DeviceRuleId = Exclude<keyof typeof DEVICE_RULES, 'all'>
/** Where interrupts are not steps of their own, a start has few: it is over after some of them. */
const MOMENTS: Readonly<Record<InterruptMode, readonly number[]>> = {
  deferred: [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 50, 80],
  immediate: [0, 1, 3, 8],
}
const KEPT_LINES = 40

/** The rules for a device: both ends of it, over real buses, in virtual time. */
export function deviceCompliance(
  subject: DeviceUnderTest,
  { seed = 1, inputs = 300 }: DeviceComplianceOptions = {},
): { run(): Promise<Report> } {
  const ctx: Judging = { subject, inputs, seed: seeded(seed), exercised: new Set(), broken: new Map() }
  return {
    run: () =>
      Promise.resolve().then(() => {
        for (const mode of INTERRUPT_MODES) for (const lives of [life, rescinds, restores, hostile]) lives(ctx, mode)
        return reportOf(subject.name, DEVICE_RULES.all, ctx)
      }),
  }
}

/** What has been found of a device. */
interface Judging {
  readonly subject: DeviceUnderTest
  readonly inputs: number
  readonly seed: Seed
  readonly exercised: Set<string>
  readonly broken: Map<string, readonly string[]>
}

function breaks({ exercised, broken }: Judging, rule: DeviceRuleId, how: string, world?: DeviceWorld): void {
  exercised.add(rule)
  const lines = (world?.events ?? []).map(textOf).filter((line) => line !== undefined)
  if (!broken.has(rule)) broken.set(rule, [...lines.slice(-KEPT_LINES), `broken: ${how}`])
}

function check(ctx: Judging, rule: DeviceRuleId, kept: boolean, how: () => string, world?: DeviceWorld): void {
  ctx.exercised.add(rule)
  if (!kept) breaks(ctx, rule, how(), world)
}

/** A world with both ends. `wild`: packets that answer nothing are sent on purpose, so completions are not judged. */
function start(ctx: Judging, interrupts: InterruptMode, wild = false) {
  const made = ctx.subject.create()
  const judge = {
    exercised: (rule: string) =>
      void (!wild && rule.endsWith('completion-once') && ctx.exercised.add('device-completions')),
    broken: (rule: string, how: string) =>
      void (!wild && rule.endsWith('completion-once') && breaks(ctx, 'device-completions', how, world)),
  }
  const bus = busWatch(judge)
  const packets = packetWatch(bus, judge)
  const see = (event: TraceEvent): void => {
    bus.see(event)
    packets.see(event)
  }
  const world: DeviceWorld = deviceWorld(made.device, made.driver, {
    settings: made.settings,
    interrupts,
    starts: false,
    see,
    ...(made.memoryMB === undefined ? {} : { memoryMB: made.memoryMB }),
  })
  const pages = world.pages
  world.guestBus.start()
  const use = (): void => {
    const host = world.hostBus.devices[0]
    if (host !== undefined && !host.rescinded && isOpen(world)) made.exercise?.({ host: host.device, world })
  }
  return { ...made, seconds: made.seconds ?? 10, world, pages, packets, use }
}

type Run = ReturnType<typeof start>

/** Everything that a run may throw breaks one rule. */
function attempt(ctx: Judging, rule: DeviceRuleId, interrupts: InterruptMode, act: (run: Run) => void): void {
  ctx.exercised.add('device-no-throw')
  const wild = rule === 'device-hostile-guest' || rule === 'device-hostile-host'
  let run: Run | undefined
  try {
    run = start(ctx, interrupts, wild)
    act(run)
  } catch (error) {
    breaks(ctx, wild ? rule : 'device-no-throw', String(error), run?.world)
  }
}

function requestsEnded(ctx: Judging, { tally, world }: Run): void {
  const { begun = 0, ended = 0 } = tally?.() ?? {}
  if (begun > 0) check(ctx, 'device-requests', begun === ended, () => `${begun} begun, ${ended} ended`, world)
}

function life(ctx: Judging, interrupts: InterruptMode): void {
  attempt(ctx, 'device-opens', interrupts, (run) => {
    const { world } = run
    world.run(5)
    check(ctx, 'device-opens', isOpen(world), () => 'the channel is not open', world)
    run.use()
    world.run(run.seconds)
    check(
      ctx,
      'device-completions',
      run.packets.uncompleted === 0,
      () => `${run.packets.uncompleted} packets without completion`,
      world,
    )
    requestsEnded(ctx, run)
    check(
      ctx,
      'device-state-plain',
      world.hostBus.devices.every(({ device }) => isPlain(device.save())) &&
        world.guestBus.devices.every(({ driver }) => isPlain(driver?.save())),
      () => 'a value that is not plain',
      world,
    )
    reopens(ctx, run)
  })
}

/** A driver that suspends and resumes opens the device again, and can use it. */
function reopens(ctx: Judging, run: Run): void {
  const { world } = run
  const first = run.tally?.().begun ?? 0
  world.guestBus.suspend()
  world.run(run.seconds)
  world.guestBus.resume()
  world.run(run.seconds)
  check(ctx, 'device-reopen', isOpen(world), () => `the guest is ${world.guestBus.phase}`, world)
  run.use()
  world.run(run.seconds)
  const second = run.tally?.().begun ?? 0
  check(ctx, 'device-reopen', first === 0 || second > first, () => 'no request can be made any more', world)
  requestsEnded(ctx, run)
}

function rescinds(ctx: Judging, interrupts: InterruptMode): void {
  for (const count of MOMENTS[interrupts]) {
    attempt(ctx, 'device-rescind', interrupts, (run) => {
      const { world } = run
      world.steps(count)
      run.use()
      world.steps(3)
      for (const handle of world.hostBus.devices) handle.rescind()
      world.run(run.seconds)
      const { devices } = world.guestBus
      check(ctx, 'device-rescind', devices.length === 0, () => `${devices.length} devices after ${count} events`, world)
      const timers = world.timers.filter((name) => !name.startsWith('partition/'))
      check(
        ctx,
        'device-rescind',
        timers.length === 0,
        () => `timers ${timers.join(', ')} after ${count} events`,
        world,
      )
      requestsEnded(ctx, run)
      world.guestBus.unload()
      world.run(run.seconds)
      // The hypercall page stays.
      const lost = run.pages - 1 - world.pages
      check(ctx, 'device-rescind', lost === 0, () => `${lost} pages after ${count} events`, world)
    })
  }
}

function restores(ctx: Judging, interrupts: InterruptMode): void {
  for (const count of MOMENTS[interrupts]) {
    attempt(ctx, 'device-restore', interrupts, (plain) => {
      const saved = start(ctx, interrupts)
      for (const run of [plain, saved]) {
        run.world.steps(count)
        run.use()
        run.world.steps(2)
        if (run === saved) run.world.restore(plainCopy(run.world.save()))
        run.world.run(run.seconds)
        run.use()
        run.world.run(run.seconds)
      }
      check(
        ctx,
        'device-restore',
        isSame(plain.world.memory.words, saved.world.memory.words) && wireOf(plain.world) === wireOf(saved.world),
        () => `after ${count} events what follows differs`,
        saved.world,
      )
    })
  }
}

function hostile(ctx: Judging, interrupts: InterruptMode): void {
  const lives = Math.ceil(ctx.inputs / 30)
  // Each mode has every other life.
  for (let index = INTERRUPT_MODES.indexOf(interrupts); index < lives; index += INTERRUPT_MODES.length) {
    for (const end of ['host', 'guest'] as const) {
      const rule = end === 'host' ? 'device-hostile-guest' : 'device-hostile-host'
      attempt(ctx, rule, interrupts, (run) => {
        run.world.steps(index * 3)
        attack(run.world, end, run.use, seeded(ctx.seed.u32('hostile', end, index)))
        ctx.exercised.add(rule)
        run.world.run(run.seconds)
      })
    }
  }
}

const isOpen = (world: DeviceWorld): boolean =>
  world.guestBus.devices.some(({ channels }) => channels[0]?.state === 'open')

/** What crossed. */
const wireOf = ({ events }: DeviceWorld): string =>
  events
    .map(textOf)
    .filter((line) => line !== undefined)
    .join('\n')

/** Values without behaviour: numbers, text, booleans, null, bytes, arrays and objects of them. */
function isPlain(value: unknown): boolean {
  if (
    value === null ||
    ['string', 'boolean', 'number', 'bigint', 'undefined'].includes(typeof value) ||
    value instanceof Uint8Array
  )
    return true
  if (Array.isArray(value)) return value.every(isPlain)
  if (typeof value !== 'object') return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isPlain)
}

/** Sends copies of what the other end has sent, a few bytes of each changed, to an end of a device in use. */
function attack(world: DeviceWorld, end: 'host' | 'guest', use: () => void, seed: Seed): void {
  use()
  world.run(1)
  const sent = world.events.filter((event) => event.kind === 'packet' && event.to === end)
  const guard = memoryGuard(world)
  for (let index = 0; index < 30; index++) {
    const sender = end === 'host' ? guestEnd(world) : world.hostChannel
    const template = sent[seed.below(Math.max(1, sent.length), 'template', index)]
    if (template?.kind === 'packet') {
      const { bytes, transaction } = payloadOf(template.bytes)
      for (let change = 0; change < 1 + seed.below(3, 'changes', index); change++)
        bytes[seed.below(Math.max(1, bytes.length), 'at', index, change)] = seed.below(256, 'to', index, change)
      if (seed.below(3, 'completes', index) === 0) sender?.sendCompletion(bytes, transaction, 0)
      else sender?.sendInBand(bytes, transaction, 0, seed.below(2, 'wants', index) === 1)
    }
    if (index % 7 === 0) use()
    world.run(0.01)
  }
  guard()
}

const guestEnd = (world: DeviceWorld): Channel | undefined => world.guestBus.devices[0]?.channels[0]?.channel

/** What a packet carries behind its descriptor, and the low word of its transaction id (wire/03 §3). */
function payloadOf(packet: Uint8Array): { readonly bytes: Uint8Array; readonly transaction: number } {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length)
  return { bytes: packet.slice(view.getUint16(2, true) * 8), transaction: view.getUint32(8, true) }
}

/** The lowest 16 pages are never granted: a write there went outside of every grant. */
function memoryGuard(world: DeviceWorld): () => void {
  const before = world.memory.words.slice(0, 16 * 1024)
  return () => {
    for (let at = 0; at < before.length; at++)
      if (before[at] !== world.memory.words[at]) throw new Error(`page ${at >>> 10} was written`)
  }
}
