import type { Evidence } from './results/vocabulary.ts'

/** Values that each property draws where a run does not say how many. */
export const DEFAULT_RUNS = 20

/** A release of the catalog as links and commands call it: `rhel-6.10-lis-4.3`. */
export const slugOf = (key: string): string => key.replaceAll(/[^a-z0-9.]+/gi, '-')

/** The command that measures one cell again, and tells all of it. */
export const replayCommand = (
  cell: { readonly release: string; readonly host: string; readonly feature: string; readonly evidence: Evidence },
  { seed, runs }: { readonly seed: number; readonly runs: number },
): string =>
  [
    `vmbus replay ${slugOf(cell.release)}/${cell.host}/${cell.feature} --seed ${seed}`,
    ...(runs === DEFAULT_RUNS ? [] : [`--runs ${runs}`]),
    ...(cell.evidence === 'real' ? ['--real'] : []),
  ].join(' ')
