import type { Execution } from '@vmbus/report'
import type { Check, Plan } from './plan.ts'

/** A cell that alone is found otherwise than the execution that it shares: the probe depends on what it does not declare. */
export interface SharingFault extends Check {
  readonly shared: Execution
  readonly alone: Execution
}

export const sharingFaults = ({ checks }: Plan, executions: ReadonlyMap<string, Execution>): readonly SharingFault[] =>
  checks.flatMap((check) => {
    const [shared, alone] = [executions.get(check.of), executions.get(check.id)]
    if (shared === undefined || alone === undefined || shared.outcome === alone.outcome) return []
    return [{ ...check, shared, alone }]
  })

/** The executions, those with a fault as errors of ours. */
export function withSharingFaults(
  plan: Plan,
  executions: ReadonlyMap<string, Execution>,
): ReadonlyMap<string, Execution> {
  const found = new Map(executions)
  for (const { of, shared, alone, release, host } of sharingFaults(plan, executions)) {
    const reason = `${release} on ${host} is ${alone.outcome} by itself: the probe depends on what it does not declare`
    found.set(of, { ...shared, outcome: 'error', reason })
  }
  return found
}
