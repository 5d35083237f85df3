import { once } from './once.ts'
import { packExchange, unpackExchange, type PackedStep, type Said } from './packed-exchange.ts'
import type { Execution } from './results/execution.ts'
import type { MatrixResults, StoredStory } from './results/results.ts'
import type { Evidence, Outcome, Verdict } from './results/vocabulary.ts'

// Results as the page carries them. A run repeats few texts many times: here each is written once and named by its index, a
// story is a list without names, and executions are known by their place, which is a third of the file.

/** Characters of a transcript's digest that the page shows. */
const DIGEST = 12

/** Index of a text or value in its list; -1: absent. */
type Index = number

type PackedExecution = readonly [
  probe: Index,
  outcome: Index,
  reason: Index,
  runs: number,
  bytes: number,
  transcript: string,
  exchange: Index,
]

type PackedStory = readonly [
  outcome: Index,
  evidence: Index,
  verdict: Index,
  reason: Index,
  execution: Index,
  reads: readonly number[],
  decidedBy: Index,
  published: readonly number[],
  cause: Index,
]

type DecidedBy = NonNullable<StoredStory['decidedBy']>

export interface PackedResults extends Omit<MatrixResults, 'executions' | 'reads' | 'stories' | 'cells'> {
  readonly texts: readonly string[]
  readonly deciders: readonly DecidedBy[]
  readonly stories: readonly PackedStory[]
  readonly rows: readonly (readonly number[])[]
  /** For each release its row in `rows`: releases with the same drivers and the same column of a page have the same. */
  readonly cells: readonly number[]
}

/** What a story tells and no grid shows: half of the file, which nobody reads before the first story opens. */
export interface PackedDetails {
  readonly executions: readonly PackedExecution[]
  readonly exchanges: readonly (readonly PackedStep[])[]
  readonly said: readonly Said[]
  readonly reads: MatrixResults['reads']
}

/** Values in the order in which they were first seen, each once. */
function interned<T>() {
  const places = new Map<string, number>()
  const values: T[] = []
  return {
    values,
    at(value: T | undefined): Index {
      if (value === undefined) return -1
      const key = JSON.stringify(value)
      const known = places.get(key)
      if (known !== undefined) return known
      places.set(key, values.length)
      return values.push(value) - 1
    },
  }
}

export function pack({ executions, reads, stories, cells, ...rest }: MatrixResults) {
  const texts = interned<string>()
  const deciders = interned<DecidedBy>()
  const said = interned<Said>()
  const exchanges = interned<readonly PackedStep[]>()
  const rows = interned<readonly number[]>()
  const places = new Map(executions.map(({ id }, at) => [id, at]))
  const details: PackedDetails = {
    executions: executions.map((one) => [
      texts.at(one.probe),
      texts.at(one.outcome),
      texts.at(one.reason),
      one.runs,
      one.bytes,
      one.transcript.slice(0, DIGEST),
      exchanges.at(one.exchange && packExchange(one.exchange, said.at)),
    ]),
    exchanges: exchanges.values,
    said: said.values,
    reads,
  }
  const results: PackedResults = {
    ...rest,
    stories: stories.map((story) => [
      texts.at(story.outcome),
      texts.at(story.evidence),
      texts.at(story.verdict),
      texts.at(story.reason),
      places.get(story.execution ?? '') ?? -1,
      story.reads,
      deciders.at(story.decidedBy),
      story.published,
      texts.at(story.cause),
    ]),
    cells: cells.map((row) => rows.at(row)),
    texts: texts.values,
    deciders: deciders.values,
    rows: rows.values,
  }
  return { results, details }
}

/**
 * The same results again, but for the ids of executions, which are their places, and the ends of digests.
 *
 * @param detailsOf asked for once, when the first of them is
 */
export function unpack(
  { texts, deciders, rows, ...rest }: PackedResults,
  detailsOf: () => PackedDetails,
): MatrixResults {
  const text = (at: Index) => texts[at] ?? ''
  const details = once(detailsOf)
  const executions = once(() => executionsOf(details(), text, rest.seed))
  return {
    ...rest,
    get executions() {
      return executions()
    },
    get reads() {
      return details().reads
    },
    stories: rest.stories.map(([outcome, evidence, verdict, reason, execution, reads, decider, published, cause]) => {
      const decidedBy = deciders[decider]
      return {
        outcome: text(outcome) as Outcome,
        evidence: text(evidence) as Evidence,
        verdict: text(verdict) as Verdict,
        reason: text(reason),
        ...(execution < 0 ? {} : { execution: String(execution) }),
        reads,
        ...(decidedBy === undefined ? {} : { decidedBy }),
        published,
        ...(cause < 0 ? {} : { cause: text(cause) }),
      }
    }),
    cells: rest.cells.map((row) => rows[row] ?? []),
  }
}

function executionsOf({ executions, exchanges, said }: PackedDetails, text: (at: Index) => string, seed: number) {
  return executions.map(([probe, outcome, reason, runs, bytes, transcript, exchange], at): Execution => {
    const steps = exchanges[exchange]
    return {
      id: String(at),
      probe: text(probe),
      outcome: text(outcome) as Outcome,
      reason: text(reason),
      seed,
      runs,
      bytes,
      transcript,
      ...(steps === undefined ? {} : { exchange: unpackExchange(steps, said) }),
    }
  })
}
