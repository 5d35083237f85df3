import { grids, type FeatureId } from '@vmbus/catalog'
import * as v from 'valibot'
import { EVIDENCE, type MatrixResults, NOT_REAL, NOT_RUN, OUTCOMES, type OwnName, VERDICTS } from '@vmbus/report'

// What a file of results holds. Objects are strict: a misspelt name is an error of the file.

const text = v.pipe(v.string(), v.minLength(1))
/** Such as `toy.echo`. */
const OWN_NAME = /^[^\s.]+(\.[^\s.]+)+$/
const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const isFeature = (id: unknown): id is FeatureId | OwnName =>
  grids().features.some((known) => known.id === id) || (typeof id === 'string' && OWN_NAME.test(id))
const featureId = v.custom<FeatureId | OwnName>(isFeature, 'the id of a feature of the grids, or of one of a user')
const side = v.picklist(['guest', 'host'])
const decidedBy = v.strictObject({ of: side, field: text })
const optional = v.exactOptional

const feature = v.strictObject({
  id: featureId,
  name: text,
  group: text,
  probes: v.array(text),
  missing: optional(text),
})
const host = v.strictObject({
  id: text,
  name: text,
  supportEnds: optional(text),
  facts: optional(v.array(text)),
  sources: optional(v.array(text)),
})
const release = v.strictObject({
  key: text,
  family: text,
  kernel: text,
  drivers: text,
  supportEnds: optional(text),
  generation: optional(text),
})
const step = v.strictObject({
  from: side,
  says: text,
  ring: optional(text),
  time: optional(count),
  bytes: optional(count),
  count: optional(count),
  untold: optional(count),
  ends: optional(v.literal(true)),
})
/** One execution, as files and queues keep it. */
export const EXECUTION_SCHEMA = v.strictObject({
  id: text,
  probe: text,
  kernel: optional(text),
  outcome: v.picklist(OUTCOMES),
  reason: v.string(),
  decidedBy: optional(decidedBy),
  notRun: optional(v.picklist(NOT_RUN)),
  notReal: optional(v.picklist(NOT_REAL)),
  seed: count,
  runs: count,
  bytes: count,
  transcript: v.string(),
  exchange: optional(v.array(step)),
})
const cause = v.strictObject({ id: text, text, source: text, kind: v.picklist(['finding', 'our-bug']) })
const readField = v.strictObject({
  of: side,
  field: text,
  value: v.string(),
  basis: v.picklist(['real', 'source-read', 'bracketed', 'inferred', 'grid']),
  source: text,
  bracket: optional(v.tuple([text, text])),
})
const published = v.strictObject({
  value: v.picklist(['yes', 'no', 'n/a', 'partial', 'not-listed']),
  date: text,
  page: text,
  column: text,
  notes: v.array(v.string()),
})
const story = v.strictObject({
  outcome: v.picklist(OUTCOMES),
  evidence: v.picklist(EVIDENCE),
  verdict: v.picklist(VERDICTS),
  reason: v.string(),
  notRun: optional(v.picklist(NOT_RUN)),
  execution: optional(text),
  reads: v.array(count),
  decidedBy: optional(decidedBy),
  published: v.array(count),
  cause: optional(text),
})

/** A file of results. */
export const MATRIX_SCHEMA: v.GenericSchema<unknown, MatrixResults> = v.strictObject({
  format: v.literal('vmbus-matrix/1'),
  seed: count,
  runs: count,
  kernels: optional(v.record(text, text)),
  shard: optional(v.strictObject({ index: count, count })),
  features: v.array(feature),
  hosts: v.array(host),
  releases: v.array(release),
  executions: v.array(EXECUTION_SCHEMA),
  causes: v.array(cause),
  reads: v.array(readField),
  published: v.array(published),
  stories: v.array(story),
  cells: v.array(v.array(count)),
})
