import type { MatrixResults } from '@vmbus/report'
import { probesFor, type Selection } from '../cells/assemble.ts'
import type { Runner } from '../runner.ts'
import type { Streams } from '../streams.ts'
import { UsageError } from './failure.ts'

type Kernels = Readonly<Record<string, string>>

interface KernelsContext {
  readonly runner: Runner
  readonly streams: Streams
  readonly signal: AbortSignal
}

const prepared = (
  { releases }: Pick<Selection, 'releases'>,
  { runner, streams, signal }: KernelsContext,
): Promise<Kernels> =>
  runner.kernelsOf(
    releases.map(({ key }) => key),
    { signal, onProgress: (text) => streams.err(`vmbus: ${text}\n`) },
  )

/** The kernels of the releases that were asked for. Throws UsageError where none of them has one here. */
export async function kernelsFor(selection: Pick<Selection, 'releases'>, context: KernelsContext): Promise<Kernels> {
  const kernels = await prepared(selection, context)
  if (Object.keys(kernels).length === 0)
    throw new UsageError('--real: no kernel of these guests boots here, those of debian 11 and debian 12 do')
  return kernels
}

/**
 * The kernels that results were measured on, for what is played of them again; undefined where none of the releases was. Throws
 * UsageError where a kernel is another one by now: what it does is no word on what the file says.
 */
export async function kernelsOfFile(
  name: string,
  { kernels = {} }: MatrixResults,
  { releases }: Pick<Selection, 'releases'>,
  context: KernelsContext,
): Promise<Kernels | undefined> {
  const real = releases.filter(({ key }) => kernels[key] !== undefined)
  if (real.length === 0) return undefined
  const here = await prepared({ releases: real }, context)
  for (const { key } of real)
    if (here[key] !== kernels[key])
      throw new UsageError(
        `${name} was measured on ${kernels[key]}, and the kernel of ${key} here is ${here[key] ?? 'none'}`,
      )
  return here
}

/** Seconds of a processor that a probe takes on a real kernel: 646 of them, every host, took 60 to 90 minutes. */
const SECONDS_EACH = 7

/** How much `--real` is going to do, for who may rather name fewer hosts. */
export function realCost(
  { registry }: Pick<Runner, 'registry'>,
  selection: Selection,
  kernels: Kernels,
  threads: number,
): string {
  const probes = probesFor(selection, registry.probes).filter(({ notReal }) => notReal === undefined).length
  const count = Object.keys(kernels).length * selection.hosts.length * probes
  const minutes = Math.max(1, Math.round((count * SECONDS_EACH) / Math.max(1, threads) / 60))
  return `${count} executions on real kernels, about ${minutes} min unless they are kept from before; --host names fewer`
}
