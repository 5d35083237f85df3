/** One vocabulary for every result, from a single boot to the full matrix. */
export const OUTCOMES = [
  'works',
  'partial',
  'fails',
  'not-offered',
  'no-driver',
  'not-applicable',
  'not-run',
  'guest-hung',
  'guest-corrupt',
  'error',
] as const
export type Outcome = (typeof OUTCOMES)[number]

/**
 * The weakest basis on a cell's path: `real` needs the kernel package of that exact release, `simulated-sourced` that every field
 * was read in a tree; one that lies between two trees is `simulated-inferred`.
 */
export const EVIDENCE = ['real', 'simulated-sourced', 'simulated-inferred', 'simulated-grid', 'documented'] as const
export type Evidence = (typeof EVIDENCE)[number]

/** What the published pages say of a cell, beside what was measured. */
export const VERDICTS = [
  'agrees',
  'differs',
  'grid-conflict',
  'not-covered',
  'not-measured',
  'not-independent',
] as const
export type Verdict = (typeof VERDICTS)[number]

/** Why nothing ran: every story whose outcome is `not-run` names one. */
export const NOT_RUN = [
  'no-device',
  'no-high-memory',
  'no-probe',
  'no-source',
  'no-guest',
  'not-planned',
  'not-finished',
] as const
export type NotRun = (typeof NOT_RUN)[number]

/** Why a probe is not played on a real kernel: what the machine of 32 bits that runs it cannot give. */
export const NOT_REAL = ['one-processor', 'no-hot-add', 'no-pci', 'no-high-memory', 'own-device'] as const
export type NotReal = (typeof NOT_REAL)[number]
