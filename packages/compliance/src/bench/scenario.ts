import { seeded, type TraceEvent } from '@vmbus/world'
import type { BusRuleId } from '../rules/bus-state.ts'
import { busWatch } from '../rules/bus-watch.ts'
import { packetWatch } from '../rules/packet-watch.ts'
import { bench } from './bench.ts'
import { textOf } from './text.ts'
import type { GuestUnderTest, HostUnderTest } from './types.ts'

/** What is done to a guest on a host. */
export type Step =
  | { readonly do: 'run'; readonly seconds: number }
  | { readonly do: 'steps'; readonly count: number }
  /** Every device is taken away. */
  | { readonly do: 'rescind' }
  | { readonly do: 'stop' }

export interface Outcome {
  readonly exercised: ReadonlySet<BusRuleId>
  /** What happened until each rule was broken first. */
  readonly broken: ReadonlyMap<BusRuleId, readonly string[]>
}

/** Lines of a transcript that are kept: the last ones say how a rule broke. */
const KEPT_LINES = 60

export interface ScenarioOptions {
  readonly seed: number
  readonly memoryMB?: number
  readonly vps?: number
}

/** Runs one guest on one host through the steps and judges what crossed between them. */
export function play(
  host: HostUnderTest,
  guest: GuestUnderTest,
  steps: readonly Step[],
  options: ScenarioOptions,
): Outcome {
  const exercised = new Set<BusRuleId>()
  const broken = new Map<BusRuleId, readonly string[]>()
  const lines: string[] = []
  const judge = {
    exercised: (rule: BusRuleId) => void exercised.add(rule),
    broken(rule: BusRuleId, how: string) {
      exercised.add(rule)
      if (!broken.has(rule)) broken.set(rule, [...lines, `broken: ${how}`])
    },
  }
  const bus = busWatch(judge)
  const packets = packetWatch(bus, judge)
  let now = (): number => 0
  const see = (event: TraceEvent): void => {
    const line = textOf(event)
    if (line !== undefined) lines.push(`${(now() / 1e7).toFixed(4)}  ${line}`)
    if (lines.length > KEPT_LINES) lines.shift()
    bus.see(event)
    packets.see(event, now())
  }
  const world = bench(host, guest, { ...options, seed: seeded(options.seed).u32('bench'), trace: see })
  now = () => world.now
  let thrown = 0
  const settle = (): void => {
    bus.settled()
    packets.settled(now())
  }
  for (const step of steps) {
    lines.push(`-- ${step.do}${step.do === 'run' ? ` ${step.seconds} s` : step.do === 'steps' ? ` ${step.count}` : ''}`)
    switch (step.do) {
      case 'run':
        world.run(step.seconds)
        settle()
        break
      case 'steps':
        world.steps(step.count)
        break
      case 'rescind':
        world.rescind()
        break
      case 'stop':
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
      const before = world.memory.words.slice()
      world.rescind()
      world.run(1)
      const page = firstChange(before, world.memory.words)
      if (page >= 0) judge.broken('host-silent-after-unload', `page ${page} was written`)
    }
  }
  return { exercised, broken }
}

/** The first page in which the words differ, -1 when none does. */
function firstChange(before: Int32Array, after: Int32Array): number {
  for (let at = 0; at < before.length; at++) if (before[at] !== after[at]) return at >>> 10
  return -1
}
