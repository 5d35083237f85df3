import { isGuest } from '../guests/guests.ts'
import type { MatrixGuest } from '../guests/types.ts'
import type { EndName } from '../probes/ends.ts'
import type { Probe } from '../probes/probe.ts'
import { compact } from '../registry/compact.ts'
import { isOwnName } from '../registry/own-name.ts'
import type { Registry } from '../registry/registry.ts'
import { OUR_ENDS, endsOf } from '../worlds/worlds.ts'
import type { OwnFields, OwnGuest, OwnHost, VmbusConfig } from './config.ts'
import { otherKind } from './kinds.ts'

/** Something in a configuration that cannot be. */
type Fault = readonly [path: string, value: unknown, expected: string]
type Faults = Generator<Fault, undefined>

/** What no schema sees: names that are taken, and names that nothing has. */
export function* configFaults(config: VmbusConfig, ours: Registry): Faults {
  yield* repeated(config)
  yield* deviceFaults(config)
  for (const [index, host] of (config.hosts ?? []).entries()) yield* hostFaults(`hosts.${index}`, host, config, ours)
  for (const [index, guest] of (config.guests ?? []).entries())
    yield* guestFaults(`guests.${index}`, guest, config, ours)
  for (const [index, probe] of (config.probes ?? []).entries())
    yield* probeFaults(`probes.${index}`, probe, config, ours)
}

/** Names that are the same but for case, blanks and dashes are one. */
function* repeated({ devices = [], hosts = [], guests = [], features = [], probes = [] }: VmbusConfig): Faults {
  const lists = {
    devices: devices.map(({ id }) => ['id', id]),
    hosts: hosts.map(({ id }) => ['id', id]),
    guests: guests.map(({ name }) => ['name', name]),
    features: features.map(({ id }) => ['id', id]),
    probes: probes.map(({ id }) => ['id', id]),
  } as const
  for (const [list, entries] of Object.entries(lists)) {
    const seen = new Map<string, number>()
    for (const [index, [key = '', name = '']] of entries.entries()) {
      const first = seen.get(compact(name))
      if (first !== undefined) yield [`${list}.${index}.${key}`, name, `another name than that of ${list}.${first}`]
      seen.set(compact(name), index)
    }
  }
}

const has = (fields: OwnFields | undefined, name: string): boolean => Object.hasOwn(fields ?? {}, name)

function* deviceFaults({ devices = [], fields }: VmbusConfig): Faults {
  for (const [index, { id }] of devices.entries())
    for (const side of ['guest', 'host'] as const)
      if (!has(fields?.[side], id)) yield [`devices.${index}.id`, id, `a field of that name in fields.${side}, too`]
}

function* hostFaults(path: string, { id, like, fields = {} }: OwnHost, config: VmbusConfig, ours: Registry): Faults {
  if (ours.hosts.some((known) => compact(known.id) === compact(id)))
    yield [`${path}.id`, id, 'another id than those of our hosts']
  const base = ours.hosts.find((known) => known.id === like)
  if (base === undefined) yield [`${path}.like`, like, `one of ${ours.hosts.map((known) => known.id).join(', ')}`]
  const all = ours.hosts.map((known) => ours.hostFields(known))
  for (const [name, { value }] of Object.entries(fields)) {
    if (isOwnName(name) && has(config.fields?.host, name)) continue
    const known = all.flatMap((each) => (each[name] === undefined ? [] : [each[name].value]))
    if (known.length === 0)
      yield [`${path}.fields`, name, 'a fact of a host, a feature of one, or a name of fields.host']
    const kind = otherKind(value, known)
    if (kind !== undefined) yield [`${path}.fields.${name}.value`, value, kind]
  }
}

/** Guests of the same family, whose fields say of what kind each may be. */
const familyOf = ({ family }: MatrixGuest, ours: Registry): readonly MatrixGuest[] =>
  ours.releases.flatMap(({ key, distribution }) => {
    const own = distribution === 'freebsd' || distribution === 'windows' ? distribution : 'linux'
    const guest = own === family ? ours.guestOf(key) : undefined
    return guest !== undefined && isGuest(guest) ? [guest] : []
  })

function* guestFaults(path: string, guest: OwnGuest, config: VmbusConfig, ours: Registry): Faults {
  const { name, like, fields = {}, drivers = {} } = guest
  if (ours.release(name) !== undefined) yield [`${path}.name`, name, 'another name than those of our guests']
  const base = ours.guestOf(ours.release(like)?.key ?? like)
  if (!isGuest(base)) {
    yield [`${path}.like`, like, `a guest that is simulated, as debian 12 is (${base.reason})`]
    return
  }
  const ofOurs = Object.keys(fields).filter((each) => !isOwnName(each))
  const family = ofOurs.length === 0 ? [] : familyOf(base, ours)
  for (const [field, { value }] of Object.entries(fields)) {
    if (has(config.fields?.guest, field)) continue
    if (!Object.hasOwn(base.fields, field)) {
      yield [`${path}.fields`, field, `a field of a guest of ${base.family}, or a name of fields.guest`]
      continue
    }
    const kind = otherKind(
      value,
      family.map((each) => each.fields[field]?.value),
    )
    if (kind !== undefined) yield [`${path}.fields.${field}.value`, value, kind]
  }
  for (const field of Object.keys(drivers))
    if (!has(config.fields?.guest, field) && !Object.hasOwn(base.fields, field))
      yield [`${path}.drivers`, field, `a field of a guest of ${base.family}, or a name of fields.guest`]
}

/** A guest of each family and the newest host, by whose fields the names of all are known. */
const KNOWN_BY = { linux: 'debian 12', freebsd: 'freebsd 14.1', windows: 'windows server 2022' } as const

function fieldsKnown(config: VmbusConfig, ours: Registry): Readonly<Record<keyof Probe['reads'], ReadonlySet<string>>> {
  const ofGuest = (key: string): ReadonlySet<string> => {
    const guest = ours.guestOf(key)
    return new Set([...(isGuest(guest) ? Object.keys(guest.fields) : []), ...Object.keys(config.fields?.guest ?? {})])
  }
  const hosts = ours.hosts.flatMap((host) => Object.keys(ours.hostFields(host)))
  return {
    linux: ofGuest(KNOWN_BY.linux),
    freebsd: ofGuest(KNOWN_BY.freebsd),
    windows: ofGuest(KNOWN_BY.windows),
    host: new Set([...hosts, ...Object.keys(config.fields?.host ?? {})]),
  }
}

function* probeFaults(path: string, probe: Probe, config: VmbusConfig, ours: Registry): Faults {
  const { features = [], devices = [] } = config
  const isFeature = [...ours.features, ...features].some(({ id }) => id === probe.feature)
  if (!isFeature) yield [`${path}.feature`, probe.feature, 'a feature of the pages, or an id of features']
  const known = fieldsKnown(config, ours)
  for (const of of ['linux', 'freebsd', 'windows', 'host'] as const)
    for (const [index, name] of probe.reads[of].entries())
      if (!known[of].has(name)) {
        const whose = of === 'host' ? 'host' : 'guest'
        yield [`${path}.reads.${of}.${index}`, name, `a field of a ${whose}, or a name of fields.${whose}`]
      }
  if (probe.needs !== undefined && !known.host.has(probe.needs.field))
    yield [`${path}.needs.field`, probe.needs.field, 'a field of a host']
  const ends: ReadonlySet<EndName> = new Set([...OUR_ENDS, ...devices.map(({ id }) => id)])
  for (const [index, end] of (probe.devices ?? []).entries()) {
    if (!ends.has(end)) yield [`${path}.devices.${index}`, end, `one of ${[...ends].join(', ')}`]
    if (isOwnName(end) && !probe.reads.host.includes(end))
      yield [`${path}.reads.host`, probe.reads.host, `${end} as well, which devices has`]
  }
  for (const [index, end] of probe.bytes.entries())
    if (!endsOf(probe).includes(end)) yield [`${path}.bytes.${index}`, end, 'a device that the probe uses']
  yield* controlFaults(path, probe)
}

/** A control takes away what the probe reads: else it cannot turn it red. */
function* controlFaults(path: string, { control, reads }: Probe): Faults {
  const names = Object.keys(control)
  if (names.length === 0) yield [`${path}.control`, control, 'the field whose loss turns the probe red']
  const read: ReadonlySet<string> = new Set([...reads.linux, ...reads.freebsd, ...reads.windows])
  for (const name of names)
    if (!read.has(name)) yield [`${path}.control`, name, 'a field of a guest that the probe reads']
}
