import { BASES } from '@vmbus/world'
import * as v from 'valibot'
import { NOT_REAL, type OwnName } from '@vmbus/report'
import type { FeatureId } from '@vmbus/catalog'
import type { EndName, OwnDevice } from '../probes/ends.ts'
import type { Probe, ProbeMachine } from '../probes/probe.ts'
import { isOwnName } from '../registry/own-name.ts'
import type { OwnGuest, VmbusConfig } from './config.ts'

// What a configuration holds: shapes alone. What its parts say of each other is looked at in faults.ts.

const text = v.pipe(v.string(), v.minLength(1))
const texts = v.array(text)
const count = v.pipe(v.number(), v.integer(), v.minValue(1))
const ownName = v.custom<OwnName>(isOwnName, 'a name of your own with a dot in it, such as toy.echo')
/** A function of this type: what it takes and gives is known when it is called. */
const call = <F>(): v.GenericSchema<unknown, F> =>
  v.custom<F>((value: unknown) => typeof value === 'function', 'a function')
const optional = v.exactOptional

const field = v.strictObject({
  value: v.unknown(),
  basis: v.picklist(BASES),
  source: text,
  bracket: optional(v.tuple([text, text])),
})
const fields = v.record(text, field)
const ownFields = v.record(ownName, field)

const device = v.looseObject({
  id: ownName,
  offer: call<OwnDevice['offer']>(),
  driver: call<OwnDevice['driver']>(),
})
const host = v.strictObject({ id: text, name: text, like: text, fields: optional(fields) })
const guest = v.strictObject({
  name: v.pipe(text, v.regex(/^[a-z]\S* \S/, 'a family and a version, such as toyos 1.0')),
  like: text,
  kernel: optional(text),
  fields: optional(fields),
  drivers: optional(v.record(text, call<NonNullable<OwnGuest['drivers']>[string]>())),
})
const feature = v.strictObject({ id: ownName, name: text, group: text })

const end = v.custom<EndName>((value) => typeof value === 'string' && value !== '', 'the name of a device')
const featureId = v.custom<FeatureId | OwnName>(
  (value) => typeof value === 'string' && value !== '',
  'the id of a feature',
)
const machine = {
  memoryMB: optional(count),
  vps: optional(count),
  clockAhead: optional(v.number()),
  interruptDelay: optional(v.strictObject({ min: v.number(), max: v.number() })),
} satisfies { readonly [K in keyof Required<ProbeMachine>]: v.GenericSchema }

const probe = {
  id: ownName,
  feature: featureId,
  version: count,
  world: v.picklist(['services', 'network', 'storage', 'memory']),
  devices: optional(v.array(end)),
  machine: optional(v.strictObject(machine)),
  needs: optional(v.strictObject({ field: text, has: optional(call<(host: unknown) => boolean>()), reason: text })),
  moves: optional(v.literal(true)),
  bus: optional(v.picklist(['agreed', 'tried'])),
  reads: v.strictObject({ linux: texts, freebsd: texts, windows: texts, host: texts }),
  missing: optional(text),
  bytes: v.array(end),
  control: v.record(text, v.unknown()),
  notReal: optional(v.picklist(NOT_REAL)),
  realMissing: optional(text),
  runs: optional(count),
  measure: call<Probe['measure']>(),
} satisfies { readonly [K in keyof Required<Probe>]: v.GenericSchema }

/** The default export of a configuration. */
export const CONFIG_SCHEMA = v.strictObject({
  fields: optional(v.strictObject({ guest: optional(ownFields), host: optional(ownFields) })),
  devices: optional(v.array(device)),
  hosts: optional(v.array(host)),
  guests: optional(v.array(guest)),
  features: optional(v.array(feature)),
  probes: optional(v.array(v.strictObject(probe))),
})

/** Of the right shape; nobody has looked yet whether its names are known. */
export const isShaped = (value: unknown): value is VmbusConfig => v.is(CONFIG_SCHEMA, value)
