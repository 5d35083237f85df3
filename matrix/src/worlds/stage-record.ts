import type { Transcript } from '@vmbus/trace'
import type { EndName, OwnDevice } from '../probes/ends.ts'
import { exchangeOf } from './exchange.ts'
import type { StageRecord } from './measured-stage.ts'
import { tracedWith } from './traced.ts'
import { crossed } from './transcript.ts'

/** What is kept of a transcript: bytes of each end by the instance under which it was offered, digest and exchange. */
export function stageRecord(
  transcript: Transcript,
  devices: readonly OwnDevice[],
  ends: readonly EndName[],
  instanceOf: (end: EndName) => string,
): StageRecord {
  const traced = tracedWith(devices)
  const { digest, bytesOf } = crossed(transcript, traced)
  const bytes = Object.fromEntries(ends.map((end) => [end, bytesOf(instanceOf(end))]))
  return { bytes, transcript: digest, exchange: exchangeOf(transcript, traced) }
}
