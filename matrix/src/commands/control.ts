import { wrapped } from '../report/summary.ts'
import { measure } from './measure.ts'
import { isGreen } from '../run/control.ts'
import { seedOf } from './arguments.ts'
import { FindingsError, UsageError } from './failure.ts'
import type { MatrixContext } from './matrix.ts'
import { hostOf, releaseOf } from './names.ts'

export interface ControlFlags {
  readonly release: string
  readonly host: string
  readonly seed: string
}

/**
 * Plays a probe as it is, and without what it names as its control. Throws FindingsError when it is not green before, or not red
 * then: a probe that cannot fail says nothing.
 */
export async function runControl(name: string, flags: ControlFlags, context: MatrixContext): Promise<void> {
  const { runner, signal, streams } = context
  const { registry } = runner
  const probe = registry.probes.find(({ id }) => id === name)
  const feature = registry.features.find(({ id }) => id === probe?.feature)
  if (probe === undefined || feature === undefined)
    throw new UsageError(`unknown probe: ${name} (one of ${registry.probes.map(({ id }) => id).join(', ')})`)
  const [release, host, seed] = [releaseOf(registry, flags.release), hostOf(registry, flags.host), seedOf(flags.seed)]
  const selection = { releases: [release], hosts: [host], features: [feature] }
  const { executions } = await measure(runner, selection, { seed, workers: 0, signal })
  const [before, after] = [
    executions.find((execution) => execution.probe === probe.id),
    await runner.withoutControl(probe, { release: release.key, host }, seed),
  ]
  if (before === undefined || after === undefined) throw new UsageError(`nothing stands for ${release.key}`)
  const told = ({ outcome, reason }: typeof after): string => `${outcome}${reason === '' ? '' : ` (${reason})`}`
  const without = Object.keys(probe.control).join(', ')
  const place = `${probe.id}, ${release.key} on ${host.name}`
  streams.out(`${wrapped('', `${place}: ${told(before)}. Without ${without}: ${told(after)}.`)}\n`)
  if (!isGreen(before)) throw new FindingsError('it does not work before anything is taken away')
  if (isGreen(after)) throw new FindingsError(`the probe does not notice the loss of ${without}`)
}
