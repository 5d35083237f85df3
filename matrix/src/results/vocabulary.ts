/** One vocabulary for every result, from a single boot to the full matrix. */
export const OUTCOMES = [
  'works',
  'partial',
  'fails',
  'not-offered',
  'not-applicable',
  'not-run',
  'guest-hung',
  'guest-corrupt',
  'error',
] as const
export type Outcome = (typeof OUTCOMES)[number]

/** The weakest basis on a cell's path: `real` needs the kernel package of that exact release. */
export const EVIDENCE = ['real', 'simulated-sourced', 'simulated-inferred', 'simulated-grid', 'documented'] as const
export type Evidence = (typeof EVIDENCE)[number]

export const ExitCode = { ok: 0, findings: 1, usage: 2, internal: 3, unwritten: 4, interrupted: 130 } as const
