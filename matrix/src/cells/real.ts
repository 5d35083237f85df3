import type { Execution } from '@vmbus/report'
import type { Probe } from '../probes/probe.ts'
import type { Part } from './combine.ts'

const DISAGREE = 'the simulated guest and the real kernel disagree'

const told = ({ outcome, reason }: Execution): string => (reason === '' ? outcome : `${outcome} (${reason})`)

/**
 * What a probe gave where a real kernel played it, too: its execution stands for the cell. Where the two came to another outcome
 * one of them is wrong, which is an error of ours. What a real kernel cannot play stays as it was simulated.
 */
export function withReal(simulated: Part, real: Execution | undefined, { missing, realMissing }: Probe): Part {
  const { execution } = simulated
  if (execution === undefined || real === undefined || real.outcome === 'not-run') return simulated
  const left = [missing, realMissing].filter((part) => part !== undefined).join('; ')
  const probe = { id: simulated.probe.id, ...(left !== '' && { missing: left }) }
  if (real.outcome === execution.outcome) return { ...simulated, probe, execution: real, isReal: true }
  const reason = `${DISAGREE}: simulated ${told(execution)}, real ${told(real)}`
  return { ...simulated, probe, execution: { ...real, outcome: 'error', reason }, isReal: true }
}

/** Whether a story is of such a disagreement. */
export const isDisagreement = ({ outcome, reason }: Pick<Execution, 'outcome' | 'reason'>): boolean =>
  outcome === 'error' && reason.startsWith(DISAGREE)
