import { stat, writeFile } from 'node:fs/promises'
import { toJsonLine } from '@vmbus/trace'
import type { Execution, MatrixResults } from '@vmbus/report'
import type { Selection } from '../cells/assemble.ts'
import { exchangeText } from '../report/exchange-text.ts'
import { paragraph } from '../report/paragraph.ts'
import { differencesOf, executionText, failureText } from '../report/replay-text.ts'
import { wrapped } from '../report/summary.ts'
import { cellsOf, storiesOf, type ReadCell } from '../results/read.ts'
import type { OwnDevice } from '../probes/ends.ts'
import type { Runner } from '../runner.ts'
import { endedBy, exchangeOf, type Told } from '../worlds/exchange.ts'
import { tracedWith } from '../worlds/traced.ts'
import { seedOf } from './arguments.ts'
import { FindingsError, MatrixError, OutputError, UsageError } from './failure.ts'
import type { MatrixContext } from './matrix.ts'
import { runsOf } from './matrix-flags.ts'
import { kernelsFor, kernelsOfFile } from './kernels.ts'
import { featureOf, hostOf, releaseOf } from './names.ts'
import { outputFile } from './output-file.ts'
import { playCell, type Play, type PlayedCell, type PlaySettings } from './play.ts'
import { readResults } from './result-files.ts'

export interface ReplayFlags {
  readonly seed?: string
  readonly runs?: string
  readonly cell?: string
  readonly all?: true
  readonly whole?: true
  readonly real?: true
  readonly trace?: string
}

/** Steps of an exchange that are told of its beginning and of its end. */
const TOLD: Told = { first: 40, last: 20 }
const ALL: Told = { first: Infinity, last: 0 }

/** Measures one cell again, or those of a file of results that are not as they should be. */
export async function runReplay(target: string, flags: ReplayFlags, context: MatrixContext): Promise<void> {
  if (await isFile(target)) return replayFile(target, flags, context)
  if (flags.cell !== undefined) throw new UsageError('--cell is one of a file of results')
  const { seed = '1', runs, whole = false } = flags
  const selection = selectionOf(context.runner, target)
  const numbers = { seed: seedOf(seed), ...(runs !== undefined && { runs: runsOf(runs) }) }
  const kernels = flags.real === true ? await kernelsFor(selection, context) : undefined
  judge([await replayCell(selection, { ...numbers, whole, kernels }, flags, context)])
}

const isFile = async (name: string): Promise<boolean> =>
  name.endsWith('.json') ||
  (await stat(name).then(
    () => true,
    () => false,
  ))

/** `rhel-7.9/ws2022/trim`: the name of a guest may have a slash of its own. */
function selectionOf({ registry }: Runner, cell: string): Selection {
  const parts = cell.split('/')
  const [host, feature] = parts.slice(-2)
  const release = parts.slice(0, -2).join('/')
  if (host === undefined || feature === undefined || release === '')
    throw new UsageError(`no file, and no cell: ${cell} (such as rhel-7.9/ws2022/trim)`)
  return {
    releases: [releaseOf(registry, release)],
    hosts: [hostOf(registry, host)],
    features: [featureOf(registry, feature)],
  }
}

/** What a file says of executions, by id. */
interface Recorded {
  readonly name: string
  readonly executions: ReadonlyMap<string, Execution>
}

/** Whether plays came out as a file says. */
interface Verdict {
  readonly isError: boolean
  readonly isChanged: boolean
}

function judge(verdicts: readonly Verdict[], name = ''): void {
  const count = (of: keyof Verdict): number => verdicts.filter((verdict) => verdict[of]).length
  if (count('isError') > 0) throw new MatrixError(`${count('isError')} cells ended with an error of ours`)
  if (count('isChanged') > 0) throw new FindingsError(`${count('isChanged')} cells did not come out as in ${name}`)
}

function verdictOf({ results, plays }: PlayedCell, recorded: Recorded | undefined): Verdict {
  return {
    // Of the cell: a simulated guest and a real kernel that disagree are one, though neither of them is.
    isError: results.stories.some(({ outcome }) => outcome === 'error'),
    isChanged: plays.some(({ execution }) => {
      const known = recorded?.executions.get(execution.id)
      return known !== undefined && differencesOf(known, execution).length > 0
    }),
  }
}

/** One cell with all that is known of it: its paragraph, and of each probe what came out and what crossed. */
async function replayCell(
  selection: Selection,
  settings: PlaySettings,
  { all, trace }: ReplayFlags,
  { runner, signal, streams }: MatrixContext,
  recorded?: Recorded,
): Promise<Verdict> {
  const file = trace === undefined ? undefined : await outputFile(trace)
  try {
    const played = await playCell(runner, selection, settings, signal)
    const { results, plays } = played
    if (file !== undefined) {
      await writeFile(file.path, traceText(plays)).catch((error: unknown) => {
        throw new OutputError(file.name, error)
      })
      await file.keep()
    }
    const cells = [...cellsOf(results)].flatMap((cell) => {
      const story = storiesOf(results)[cell.index]
      return story === undefined ? [] : [`${wrapped('', paragraph(cell, story, results.causes))}\n`]
    })
    streams.out(
      [
        ...cells,
        ...plays.map((play) => playText(play, { told: all ? ALL : TOLD, own: runner.registry.devices }, recorded)),
      ].join('\n'),
    )
    return verdictOf(played, recorded)
  } catch (error) {
    await file?.drop()
    throw error
  }
}

function playText(
  { execution, entries, failures }: Play,
  { told, own }: { readonly told: Told; readonly own: readonly OwnDevice[] },
  recorded: Recorded | undefined,
): string {
  const steps = endedBy(exchangeOf({ entries, dropped: 0 }, tracedWith(own), told), execution)
  return [
    executionText(execution),
    ...failures.map(([property, failure]) => failureText(property, failure)),
    recorded === undefined ? '' : `${wrapped('', comparisonText(execution, recorded))}\n`,
    '\n',
    entries.length === 0 ? 'Nothing crossed.\n' : exchangeText(steps),
  ].join('')
}

function comparisonText(execution: Execution, { name, executions }: Recorded): string {
  const known = executions.get(execution.id)
  if (known === undefined) return `${name} does not have it: it is a part of a run, or of another version.`
  const differences = differencesOf(known, execution)
  return differences.length === 0 ? `The same as in ${name}.` : `Not as in ${name}: ${differences.join('; ')}.`
}

/** Transcripts one after the other, each behind a note with its probe. */
const traceText = (plays: readonly Play[]): string =>
  plays
    .flatMap(({ execution, entries }) => [
      { time: 0, kind: 'note', source: 'replay', text: `probe ${execution.probe}` } as const,
      ...entries,
    ])
    .map((entry) => `${toJsonLine(entry)}\n`)
    .join('')

async function replayFile(name: string, flags: ReplayFlags, context: MatrixContext): Promise<void> {
  const { seed, runs, cell, whole = false } = flags
  if (seed !== undefined || runs !== undefined)
    throw new UsageError('--seed and --runs are those of the file: name the cell alone to choose others')
  if (flags.real === true)
    throw new UsageError('a file says itself what was measured on real kernels: name the cell alone for --real')
  const results = await readResults(name)
  const recorded = { name, executions: new Map(results.executions.map((one) => [one.id, one])) }
  const settings = { seed: results.seed, runs: results.runs, whole }
  if (cell !== undefined) {
    const selection = selectionOf(context.runner, cell)
    if (!has(results, selection)) throw new UsageError(`${name} has no cell ${cell}`)
    const kernels = await kernelsOfFile(name, results, selection, context)
    return judge([await replayCell(selection, { ...settings, kernels }, flags, context, recorded)], name)
  }
  if (flags.trace !== undefined || flags.all === true) throw new UsageError('--trace and --all need one --cell')
  const selections = worstOf(results).map((each) => ({ cell: each, selection: known(context.runner, each, name) }))
  if (selections.length === 0) context.streams.out('No cell is an error, hangs, damages, or is unexplained.\n')
  const releases = selections.flatMap(({ selection }) => selection.releases)
  const kernels = await kernelsOfFile(name, results, { releases }, context)
  const verdicts: Verdict[] = []
  for (const each of selections) {
    const played = await playCell(context.runner, each.selection, { ...settings, kernels }, context.signal)
    context.streams.out(`${lineOf(each.cell, played, recorded)}\n`)
    verdicts.push(verdictOf(played, recorded))
  }
  judge(verdicts, name)
}

const has = (results: MatrixResults, { releases, hosts, features }: Selection): boolean =>
  results.releases.some(({ key }) => key === releases[0]?.key) &&
  results.hosts.some(({ id }) => id === hosts[0]?.id) &&
  results.features.some(({ id }) => id === features[0]?.id)

/** The first cell of each execution that is an error, hung or damaged its guest, or differs from the pages for no known cause. */
function worstOf(results: MatrixResults): readonly ReadCell[] {
  const ourBugs = new Set(results.causes.filter(({ kind }) => kind === 'our-bug').map(({ id }) => id))
  const firsts = new Map<string, ReadCell>()
  for (const cell of cellsOf(results)) {
    const { outcome, verdict, cause, execution } = results.stories[cell.index] ?? {}
    const isBad = outcome === 'error' || outcome === 'guest-hung' || outcome === 'guest-corrupt'
    const isUnexplained = verdict === 'differs' && (cause === undefined || ourBugs.has(cause))
    if ((isBad || isUnexplained) && execution !== undefined && !firsts.has(execution)) firsts.set(execution, cell)
  }
  return [...firsts.values()]
}

function known({ registry }: Runner, { release, host, feature }: ReadCell, name: string): Selection {
  const found = {
    releases: registry.releases.filter(({ key }) => key === release.key),
    hosts: registry.hosts.filter(({ id }) => id === host.id),
    features: registry.features.filter(({ id }) => id === feature.id),
  }
  const { releases, hosts, features } = found
  const named = { [release.key]: releases, [host.id]: hosts, [feature.id]: features }
  const missing = Object.entries(named).find(([, list]) => list.length === 0)?.[0]
  if (missing !== undefined)
    throw new UsageError(`${name} is of another version of vmbus: nothing is known of ${missing}`)
  return found
}

function lineOf({ release, host, feature }: ReadCell, { plays }: PlayedCell, recorded: Recorded): string {
  const said = plays.map(({ execution }) => {
    const known = recorded.executions.get(execution.id)
    const differences = known === undefined ? ['not in the file'] : differencesOf(known, execution)
    const same = differences.length === 0 ? 'the same' : differences.join('; ')
    return `${execution.probe}${execution.kernel === undefined ? '' : ' (real)'} ${execution.outcome}, ${same}`
  })
  return wrapped('', `${release.key} on ${host.id}, ${feature.id}: ${said.join('. ')}`)
}
