import type { ExchangeStep } from '@vmbus/report'
import type { Entry } from '@vmbus/trace'
import type { EndName } from '../probes/ends.ts'
import type { Failure } from '../probes/property.ts'
import type { Stage } from '../probes/stage.ts'

/** What a stage tells of the host ends that its probe names. */
export type StageEnds = Pick<Stage, 'offers' | 'drives' | 'device' | 'answer' | 'instanceOf' | 'heard' | 'medium'>

/** What a stage shows of the guest's system. */
export type StageServices = Pick<
  Stage,
  'net' | 'keyValues' | 'memory' | 'clock' | 'files' | 'backup' | 'listed' | 'ports'
>

/** Looks on while a probe plays. */
export interface Watch {
  crossed(entry: Entry): void
  failed(property: string, failure: Failure): void
}

/** A stage, and what is left of it when the probe has ended. */
export interface MeasuredStage extends Stage {
  /** Values that its properties drew. */
  readonly drawn: number
  ended(): StageRecord
}

/** What crossed between guest and host. */
export interface StageRecord {
  /** Bytes of packets by end. */
  readonly bytes: Readonly<Partial<Record<EndName, number>>>
  /** SHA-256 of the normalised transcript. */
  readonly transcript: string
  /** Its first and last steps. */
  readonly exchange: readonly ExchangeStep[]
}
