import { createHash } from 'node:crypto'
import type { EndName } from '../probes/ends.ts'
import { GuestHung } from '../probes/errors.ts'
import type { Finding, Probe } from '../probes/probe.ts'
import type { Stage } from '../probes/stage.ts'
import { OURS } from '../registry/registry.ts'
import type { Execution } from '@vmbus/report'
import { meet } from '../worlds/contact.ts'
import { hasNeeded } from '../worlds/hosts.ts'
import { endedBy } from '../worlds/exchange.ts'
import type { MeasuredStage } from '../worlds/measured-stage.ts'
import { outcomeOfEnd, GuestEnded } from '../worlds/real/errors.ts'
import type { SimulatedOptions } from '../worlds/simulated-options.ts'
import { simulatedStage } from '../worlds/simulated.ts'

export interface ExecuteOptions extends SimulatedOptions {
  readonly id: string
}

async function findingOf(probe: Probe, stage: Stage): Promise<Finding> {
  try {
    return await probe.measure(stage)
  } catch (error) {
    if (error instanceof GuestEnded) return { outcome: outcomeOfEnd(error), reason: error.message }
    if (error instanceof GuestHung) return { outcome: 'guest-hung', reason: error.message }
    return { outcome: 'error', reason: error instanceof Error ? error.message : String(error) }
  }
}

/** What may be said at most: where an end carried no bytes nothing worked, and what covers a part of its row works in part. */
function judged(probe: Probe, finding: Finding, byEnd: Readonly<Partial<Record<EndName, number>>>): Finding {
  if (finding.outcome !== 'works') return finding
  const silent = probe.bytes.filter((end) => (byEnd[end] ?? 0) === 0)
  if (silent.length > 0)
    return { outcome: 'error', reason: `works without a byte on the rings of ${silent.join(', ')}` }
  return probe.missing === undefined ? finding : { ...finding, outcome: 'partial', reason: `without ${probe.missing}` }
}

/** Nothing crossed. */
export const NOTHING = { bytes: 0, transcript: createHash('sha256').digest('hex') }

/** Plays a probe once on a simulated guest. */
export async function execute(options: ExecuteOptions): Promise<Execution> {
  const { id, probe, profile, registry = OURS, seed } = options
  const { needs } = probe
  if (needs !== undefined && meet(options.guest, profile) && !hasNeeded(profile, registry.hostFields(profile), probe)) {
    const decidedBy = { of: 'host', field: needs.field } as const
    return { id, probe: probe.id, outcome: 'not-offered', reason: needs.reason, decidedBy, seed, runs: 0, ...NOTHING }
  }
  const stage = simulatedStage(options)
  return { id, probe: probe.id, ...(await played(probe, stage, seed)) }
}

/** Plays a probe on a stage to its end, and says what came out and what crossed. */
export async function played(
  probe: Probe,
  stage: MeasuredStage,
  seed: number,
): Promise<Omit<Execution, 'id' | 'probe' | 'kernel'>> {
  const found = await findingOf(probe, stage)
  const { bytes: byEnd, transcript, exchange } = stage.ended()
  const bytes = probe.bytes.reduce((sum, end) => sum + (byEnd[end] ?? 0), 0)
  const judgement = judged(probe, found, byEnd)
  return { ...judgement, seed, runs: stage.drawn, bytes, transcript, exchange: endedBy(exchange, judgement) }
}
