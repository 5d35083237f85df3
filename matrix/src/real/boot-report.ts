import type { SessionResult, Userland } from '@vmbus/machine-v86'
import type { EventCounts } from '@vmbus/trace'
import type { Evidence, Outcome } from '@vmbus/report'

/** What the host module measured, as it crosses from the machine's worker. */
export interface RealHostResult {
  /** `5.3`, of the last connection; null when the guest never connected. */
  readonly version: string | null
  readonly offered: readonly string[]
  readonly counts: EventCounts
  readonly transcriptSha256: string
  readonly devices: Readonly<Record<string, unknown>>
  /** Why the transcript's file is not whole. */
  readonly traceError?: string
}

/** The JSON of `vmbus boot --json`. */
export interface BootReport {
  readonly image: string
  readonly userland: Userland
  /** Of a modified one: the files that are from no package. */
  readonly userlandFiles?: readonly string[]
  readonly host: string
  readonly seed: number
  readonly outcome: Outcome
  readonly evidence: Evidence
  readonly reason: string
  readonly vmbus: string | null
  readonly devices: Readonly<Record<string, unknown>>
  readonly counts: EventCounts
  readonly end: string | null
  readonly virtualSeconds: number
  readonly instructions: number
  readonly deterministic: boolean
  readonly notDeterministicBecause?: string
  readonly transcriptSha256: string
  readonly ramSha256: string
}

export function bootReport(host: string, result: SessionResult): BootReport {
  const measured = result.host as RealHostResult
  const { outcome, reason } = judge(result, measured)
  return {
    image: result.image,
    userland: result.userland,
    ...(result.userlandFiles === undefined ? {} : { userlandFiles: result.userlandFiles }),
    host,
    seed: result.seed,
    outcome,
    evidence: 'real',
    reason,
    vmbus: measured.version,
    devices: measured.devices,
    counts: measured.counts,
    end: result.end ?? null,
    virtualSeconds: result.virtualSeconds,
    instructions: result.instructions,
    deterministic: result.deterministic,
    ...(result.notDeterministicBecause === undefined
      ? {}
      : { notDeterministicBecause: result.notDeterministicBecause }),
    transcriptSha256: measured.transcriptSha256,
    ramSha256: result.ramSha256,
  }
}

/** A guest that never connects to a host that it boots on is a true outcome, not an error of the run. */
function judge(result: SessionResult, measured: RealHostResult): { outcome: Outcome; reason: string } {
  if (result.outcome !== 'works')
    return { outcome: result.outcome, reason: result.evidence ?? `the guest ended with ${result.end}` }
  if (measured.version === null && measured.counts.messages === 0)
    return { outcome: 'not-run', reason: 'nothing in the guest asked for VMBus: no bus driver was loaded' }
  if (measured.version === null)
    return { outcome: 'fails', reason: 'the kernel found no VMBus version in common with this host and gave up' }
  return { outcome: 'works', reason: `connected over VMBus ${measured.version}` }
}
