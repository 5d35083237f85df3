import type { InterruptMode } from '@vmbus/testbench'
import { seeded, type TraceEvent } from '@vmbus/world'
import { protocolWatch } from '../protocols/protocol-watch.ts'
import { busWatch } from '../rules/bus-watch.ts'
import { packetWatch } from '../rules/packet-watch.ts'
import { bench, type Bench } from './bench.ts'
import { watchRam } from './ram.ts'
import { textOf } from './text.ts'
import type { GuestUnderTest, HostUnderTest, ServingHost } from './types.ts'

/** What is done to a guest on a host. */
export type Step =
  /** An undisturbed life, in which the devices are used. */
  | { readonly do: 'live'; readonly seconds: number }
  | { readonly do: 'run'; readonly seconds: number }
  | { readonly do: 'steps'; readonly count: number }
  /** Every device is taken away. */
  | { readonly do: 'rescind' }
  | { readonly do: 'stop' }

export interface Outcome {
  readonly exercised: ReadonlySet<string>
  /** What happened until each rule was broken first, and how many steps it took. */
  readonly broken: ReadonlyMap<string, { readonly transcript: readonly string[]; readonly steps: number }>
  /** Known devices that were offered. */
  readonly kinds: ReadonlySet<string>
}

/** Seconds between two uses of the devices, and after the last one: longer than an answer may take (protocols/ic.ts). */
const ROUND_SECONDS = 5
const LAST_SECONDS = 15

/** Lines of a transcript that are kept: the last ones say how a rule broke. */
const KEPT_LINES = 60

export interface ScenarioOptions {
  readonly seed: number
  readonly memoryMB?: number
  readonly vps?: number
  /** When the guest takes an interrupt: at the next step, or before the call that raised it returns. Default: some lives so, some so. */
  readonly interrupts?: InterruptMode
  /** Uses the devices beside what the suite does itself; called every 5 s of an undisturbed life. */
  readonly use?: (ends: Ends) => void
}

/** Host and drivers of a run. */
export interface Ends {
  readonly host: ServingHost
  readonly drivers: readonly object[]
  /** How often it was called before. */
  readonly round: number
}

/** Runs one guest on one host through the steps and judges what crossed between them. */
export function play(
  host: HostUnderTest,
  guest: GuestUnderTest,
  steps: readonly Step[],
  options: ScenarioOptions,
): Outcome {
  const exercised = new Set<string>()
  const broken = new Map<string, { readonly transcript: readonly string[]; readonly steps: number }>()
  const lines: string[] = []
  let begun = 0
  const judge = {
    exercised: (rule: string) => void exercised.add(rule),
    broken(rule: string, how: string) {
      exercised.add(rule)
      if (!broken.has(rule)) broken.set(rule, { transcript: [...lines, `broken: ${how}`], steps: begun })
    },
  }
  const bus = busWatch(judge)
  const packets = packetWatch(bus, judge)
  const protocols = protocolWatch(bus, judge)
  // What an end has under way when a device is taken away, the other may rightly refuse.
  let isDisturbed = false
  let now = (): number => 0
  const see = (event: TraceEvent): void => {
    const line = textOf(event)
    if (line !== undefined) lines.push(`${(now() / 1e7).toFixed(4)}  ${line}`)
    if (lines.length > KEPT_LINES) lines.shift()
    bus.see(event)
    packets.see(event)
    protocols.see(event, now())
  }
  const world = bench(host, guest, {
    ...options,
    seed: seeded(options.seed).u32('bench'),
    trace: see,
    diagnose: (by, diagnostic) => {
      if (!isDisturbed) protocols.diagnosed(by, diagnostic)
    },
  })
  now = () => world.now
  let thrown = 0
  const settle = (whole: boolean): void => {
    bus.settled()
    protocols.settled(now(), whole)
  }
  for (const step of steps) {
    begun++
    lines.push(
      `-- ${'seconds' in step ? `${step.do} ${step.seconds} s` : step.do === 'steps' ? `steps ${step.count}` : step.do}`,
    )
    switch (step.do) {
      case 'live':
        live(world, step.seconds, options)
        settle(true)
        judge.exercised('guest-opens')
        for (const missing of unopened(guest, bus.opened)) judge.broken('guest-opens', missing)
        break
      case 'run':
        world.run(step.seconds)
        settle(false)
        break
      case 'steps':
        world.steps(step.count)
        break
      case 'rescind':
        isDisturbed = true
        world.rescind()
        break
      case 'stop':
        isDisturbed = true
        // A guest that never connected has nobody to tell.
        if (bus.connected && world.stop()) judge.exercised('guest-unload')
        break
    }
    judge.exercised('guest-no-throw')
    judge.exercised('host-no-throw')
    for (const { by, error } of world.thrown.slice(thrown)) judge.broken(`${by}-no-throw`, String(error))
    thrown = world.thrown.length
  }
  const isOver = steps.at(-1)?.do === 'run' && steps.some((step) => step.do === 'stop')
  if (isOver && exercised.has('guest-unload')) {
    if (!bus.unloaded) judge.broken('guest-unload', 'never said')
    if (bus.left) {
      const written = watchRam(world.memory.words)
      world.rescind()
      world.run(1)
      const page = written()
      if (page >= 0) judge.broken('host-silent-after-unload', `page ${page} was written`)
    }
  }
  return { exercised, broken, kinds: protocols.kinds }
}

/** Runs so long, and uses the devices every 5 s. */
function live(world: Bench, seconds: number, { use }: ScenarioOptions): void {
  world.run(ROUND_SECONDS)
  for (let round = 0, at = ROUND_SECONDS; at < seconds; round++, at += ROUND_SECONDS) {
    world.use(round, at + ROUND_SECONDS >= seconds)
    use?.({ host: world.host, drivers: world.drivers, round })
    world.run(ROUND_SECONDS)
  }
  world.run(LAST_SECONDS)
}

/** What a guest should have opened and has not. */
function unopened({ interfaces }: GuestUnderTest, opened: ReadonlySet<string>): readonly string[] {
  if (opened.size === 0) return ['no channel was opened']
  const missing = (interfaces ?? []).filter((ids) => !ids.some((id) => opened.has(id.toLowerCase())))
  return missing.map((ids) => `no channel of ${ids.join(' or ')} was opened`)
}
