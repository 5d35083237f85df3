import { partsOf, type Selection } from '../cells/assemble.ts'
import { combine } from '../cells/combine.ts'
import type { MatrixFeature } from '../registry/registry.ts'
import { LEFT_OUT, isWorking } from '../results/counts.ts'
import type { Execution } from '@vmbus/report'
import type { Plan, Task } from '../run/plan.ts'
import type { Progress } from '../run/run.ts'
import { withSharingFaults } from '../run/sharing.ts'
import type { Runner } from '../runner.ts'

/** What is certain of one feature while others are still measured. */
export interface EarlyResult {
  readonly feature: string
  /** Of `measured` cells so many work. */
  readonly working: number
  readonly measured: number
}

type FeatureOf = (probe: string) => string | undefined

/**
 * The tasks of the feature with the fewest first, and in turn with them those of the one with the most: features end one
 * after another from the beginning, and the time that is left can be told from what has passed.
 */
export function inTurn(tasks: readonly Task[], featureOf: FeatureOf): readonly Task[] {
  const byFeature = new Map<string | undefined, Task[]>()
  for (const task of tasks) {
    const feature = featureOf(task.probe)
    const others = byFeature.get(feature)
    if (others === undefined) byFeature.set(feature, [task])
    else others.push(task)
  }
  const ordered = [...byFeature.values()].toSorted((one, other) => one.length - other.length).flat()
  const half = Math.ceil(ordered.length / 2)
  const [front, back] = [ordered.slice(0, half), ordered.slice(half).toReversed()]
  return front.flatMap((task, at) => [task, ...back.slice(at, at + 1)])
}

/**
 * Tells the result of a feature once the last of its executions has ended, those that run shared cells alone among them. What was
 * known before this run is told with the rest, at its end.
 */
export function earlyResults(
  { runner, selection, plan }: { readonly runner: Runner; readonly selection: Selection; readonly plan: Plan },
  featureOf: FeatureOf,
  told: (result: EarlyResult) => void,
): (progress: Progress) => void {
  const executions = new Map<string, Execution>()
  const left = new Map<string, number>()
  for (const { probe } of plan.tasks) {
    const feature = featureOf(probe)
    if (feature !== undefined) left.set(feature, (left.get(feature) ?? 0) + 1)
  }
  return ({ last, done, cached, total }) => {
    executions.set(last.id, last)
    const feature = featureOf(last.probe)
    if (feature === undefined) return
    const now = (left.get(feature) ?? 0) - 1
    left.set(feature, now)
    if (now > 0 || done === cached || done === total) return
    const found = selection.features.find(({ id }) => id === feature)
    if (found === undefined) return
    const all = withSharingFaults(plan, executions)
    told({ feature, ...countOf(selection, found, partsOf(selection, runner, plan, all)) })
  }
}

/** As the results count in the end, which whoever measures has no time for yet: their stories are a twentieth of all that is done. */
function countOf(
  { releases, hosts }: Selection,
  { id }: MatrixFeature,
  parts: ReturnType<typeof partsOf>,
): Pick<EarlyResult, 'working' | 'measured'> {
  let [working, measured] = [0, 0]
  for (const { key } of releases)
    for (const host of hosts) {
      const { outcome, part } = combine(parts(key, host.id, id))
      const decidedBy = part?.execution?.decidedBy
      if (LEFT_OUT.has(outcome)) continue
      measured++
      if (isWorking({ outcome, ...(decidedBy && { decidedBy }) })) working++
    }
  return { working, measured }
}
