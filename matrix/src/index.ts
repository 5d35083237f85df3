export { main, type Streams } from './main.ts'
export type { BootReport, RealHostResult } from './real/boot-report.ts'
export type { RealHostOptions } from './real/host-module.ts'
export type { Execution } from './results/execution.ts'
export { ResultsError, parseResults, resultsText, type ResultsErrorCode } from './results/file.ts'
export type {
  Cause,
  MatrixResults,
  Published,
  ReadField,
  ResultFeature,
  ResultHost,
  ResultRelease,
  StoredStory,
  Story,
} from './results/results.ts'
export { cellsOf, storiesOf, type ReadCell } from './results/read.ts'
export { MATRIX_SCHEMA } from './results/schema.ts'
export {
  EVIDENCE,
  ExitCode,
  NOT_RUN,
  OUTCOMES,
  VERDICTS,
  type Evidence,
  type NotRun,
  type Outcome,
  type Verdict,
} from './results/vocabulary.ts'
