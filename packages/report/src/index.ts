export { driverLine, proofsOf, type Proof, type Surroundings } from './proofs.ts'
export { DEFAULT_RUNS, replayCommand, slugOf } from './replay.ts'
export { reportHtml } from './report-html.ts'
export type { ExchangeStep, Execution } from './results/execution.ts'
export type {
  Cause,
  MatrixResults,
  OwnName,
  Published,
  ReadField,
  ResultFeature,
  ResultHost,
  ResultRelease,
  Shard,
  StoredStory,
  Story,
} from './results/results.ts'
export {
  EVIDENCE,
  NOT_REAL,
  NOT_RUN,
  OUTCOMES,
  VERDICTS,
  type Evidence,
  type NotReal,
  type NotRun,
  type Outcome,
  type Verdict,
} from './results/vocabulary.ts'
