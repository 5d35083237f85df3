export {
  EVIDENCE,
  NOT_RUN,
  OUTCOMES,
  VERDICTS,
  type Evidence,
  type NotRun,
  type Outcome,
  type Verdict,
} from '@vmbus/report'

export const ExitCode = { ok: 0, findings: 1, usage: 2, internal: 3, unwritten: 4, interrupted: 130 } as const
