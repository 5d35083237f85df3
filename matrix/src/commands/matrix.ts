import { availableParallelism } from 'node:os'
import { changesText } from '../report/changes.ts'
import { gridText } from '../report/grid.ts'
import { realText } from '../report/real.ts'
import { closingLines, countsText } from '../report/summary.ts'
import { diffOf, isWorse } from '../results/diff.ts'
import type { MatrixResults } from '@vmbus/report'
import type { Progress } from '../run/run.ts'
import type { Runner } from '../runner.ts'
import type { Streams } from '../streams.ts'
import type { EarlyResult } from './early.ts'
import { FindingsError, MatrixError } from './failure.ts'
import { failsOn, settingsOf, type FailOn, type MatrixFlags } from './matrix-flags.ts'
import { measure } from './measure.ts'
import { kernelsFor, realCost } from './kernels.ts'
import { featuresOf, hostsOf, releasesOf } from './names.ts'
import { openFiles, readResults, type PageOf } from './result-files.ts'

/** What the commands are made of: tests put others in their place. */
export interface MatrixTools {
  /** What measures, with a user's configuration: the file that is named, or the one that is found. */
  runnerOf(config: string | undefined): Promise<Runner>
  readonly pageOf: PageOf
}

export interface MatrixContext extends Pick<MatrixTools, 'pageOf'> {
  readonly runner: Runner
  readonly streams: Streams
  readonly signal: AbortSignal
}

/** Runs guests against hosts and tells what works. Throws after everything was written. */
export async function runMatrix(flags: MatrixFlags, { streams, signal, runner, pageOf }: MatrixContext): Promise<void> {
  const { queue: address, ...settings } = settingsOf(flags)
  const { release, host, feature, since } = flags
  const { registry } = runner
  const selection = {
    releases: releasesOf(registry, release),
    hosts: hostsOf(registry, host),
    features: featuresOf(registry, feature),
  }
  const older = since === undefined ? undefined : await readResults(since)
  const files = await openFiles(flags, pageOf)
  try {
    const shown = flags.quiet === true ? {} : { onProgress: progressLines(streams), onFeature: featureLines(streams) }
    const queue = address && { address, tell: (line: string) => streams.err(`vmbus: ${line}\n`) }
    const kernels = flags.real === true ? await kernelsFor(selection, { streams, signal, runner }) : undefined
    if (kernels !== undefined && flags.quiet !== true)
      streams.err(`vmbus: ${realCost(runner, selection, kernels, settings.workers ?? availableParallelism())}\n`)
    const results = await measure(runner, selection, {
      ...settings,
      kernels,
      signal,
      ...(queue && { queue }),
      ...shown,
    })
    // Nobody reads any more what was all that is wanted.
    if (streams.gone?.aborted === true) signal.throwIfAborted()
    const ourBugs = new Set(results.causes.filter(({ kind }) => kind === 'our-bug').map(({ id }) => id))
    await files.write(results, failsOn(settings.failOn, ourBugs))
    streams.out(`${gridText(results)}\n${countsText(results)}\n${realText(results)}`)
    if (older !== undefined) streams.out(`Since ${since}:\n${changesText(diffOf(older, results))}\n`)
    streams.out(closingLines(results, flags.html))
    if (!signal.aborted) judge(results, older, settings.failOn, ourBugs)
  } catch (error) {
    await files.drop()
    throw error
  }
}

/** Throws MatrixError for errors of ours, FindingsError for what the run is to fail on. */
export function judge(
  results: MatrixResults,
  older?: MatrixResults,
  failOn: readonly FailOn[] = [],
  ourBugs: ReadonlySet<string> = new Set(),
): void {
  const cells = (isFailure: (story: MatrixResults['stories'][number]) => boolean): number => {
    const failing = new Set(results.stories.flatMap((story, index) => (isFailure(story) ? [index] : [])))
    return results.cells.flat().filter((index) => failing.has(index)).length
  }
  const errors = cells(({ outcome }) => outcome === 'error')
  if (errors > 0) throw new MatrixError(`${errors} cells ended with an error of ours`)
  const found = cells(failsOn(failOn, ourBugs))
  if (found > 0) throw new FindingsError(`${found} cells are what --fail-on ${failOn.join(',')} asks for`)
  const worse = older === undefined ? 0 : diffOf(older, results).filter(isWorse).length
  if (failOn.includes('worse') && worse > 0) throw new FindingsError(`${worse} cells got worse`)
}

/** A line on the standard error for each feature that is certain. */
const featureLines =
  ({ err }: Streams) =>
  ({ feature, working, measured }: EarlyResult): void =>
    err(`vmbus: ${feature}: ${working} of ${measured} cells work\n`)

const PROGRESS_MS = 2000

/** A line on the standard error every two seconds, and one at the end. */
function progressLines({ err }: Streams): (progress: Progress) => void {
  let last = -Infinity
  return ({ done, total, cached, secondsLeft }) => {
    const now = performance.now()
    if (done < total && now - last < PROGRESS_MS) return
    last = now
    const left = secondsLeft === undefined || done === total ? '' : `, ${Math.ceil(secondsLeft)} s left`
    err(`vmbus: ${done} of ${total} executions${cached === 0 ? '' : `, ${cached} of them from before`}${left}\n`)
  }
}
