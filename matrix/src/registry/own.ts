import { after, profileOf, type HostProfile } from '@vmbus/host'
import { weakestOf, type Field } from '@vmbus/world'
import type { OwnFields, OwnGuest, OwnHost, VmbusConfig } from '../config/config.ts'
import { guestOf, isGuest } from '../guests/guests.ts'
import type { MatrixGuest, NoGuest } from '../guests/types.ts'
import { withExtras } from '../guests/own.ts'
import { compact } from './compact.ts'
import { isOwnName } from './own-name.ts'
import { hostNamed, type ConfigFile, type MatrixRelease, type Registry } from './registry.ts'

type Fields = Readonly<Record<string, Field<unknown>>>

const ownOf = (fields: Fields = {}): OwnFields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => isOwnName(name)))
const oursOf = (fields: Fields = {}): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !isOwnName(name)))

/** What is said of something only because it is like another. */
const inferredOf = (fields: Fields, like: string): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, { value, basis, source }]) => [
      name,
      { value, basis: weakestOf(['inferred', basis]), source: `as ${like}: ${source}` },
    ]),
  )

interface Host {
  readonly profile: HostProfile
  readonly fields: Fields
}

function hostLike({ id, name, like, fields }: OwnHost, ours: Registry): Host {
  const base = hostNamed(ours, like)
  if (base === undefined) throw new Error(`there is no host ${like}`)
  const own = oursOf({ ...fields })
  const facts = Object.entries(own).filter(([each]) => each in base.fields)
  const inherited = after(base, { id, name, sets: { build: base.fields.build } })
  const profile = profileOf(id, name, { ...inherited.fields, ...Object.fromEntries(facts) })
  return { profile, fields: { ...inferredOf(ours.hostFields(base), base.name), ...profile.fields, ...own } }
}

/** Its row in the list of releases. */
function rowOf({ name, like, kernel }: OwnGuest, ours: Registry): MatrixRelease {
  const row = ours.release(like)
  if (row === undefined) throw new Error(`there is no guest ${like}`)
  const [distribution = name, ...rest] = name.split(' ')
  return {
    key: name,
    distribution,
    release: rest.join(' '),
    drivers: 'built-in',
    kernel: { value: kernel ?? row.kernel.value, basis: 'inferred', source: `as ${row.key}` },
  }
}

function guestLike({ name, like, kernel, fields }: OwnGuest, ours: Registry): MatrixGuest | NoGuest {
  return guestOf(ours.release(like)?.key ?? like, {
    name: name.replaceAll(' ', '-'),
    ...(kernel !== undefined && { kernel }),
    fieldsOf: (known) => ({ ...inferredOf(known, like), ...oursOf({ ...fields }) }),
  })
}

/** What there is with a user's configuration: ours, and the user's own behind it. */
export function registryOf(config: VmbusConfig, file: ConfigFile, ours: Registry): Registry {
  const { fields = {}, devices = [], hosts = [], guests = [], features = [], probes = [] } = config
  const ownHosts = new Map(hosts.map((host) => [host.id, { ...hostLike(host, ours), own: ownOf({ ...host.fields }) }]))
  const rows = guests.map((guest) => ({ guest, row: rowOf(guest, ours) }))
  const ownGuest = (key: string) => rows.find(({ row }) => compact(row.key) === compact(key))

  return {
    config: file,
    get releases() {
      return [...ours.releases, ...rows.map(({ row }) => row)]
    },
    hosts: [...ours.hosts, ...[...ownHosts.values()].map(({ profile }) => profile)],
    get features() {
      return [...ours.features, ...features]
    },
    probes: [...ours.probes, ...probes],
    devices: [...ours.devices, ...devices],
    release: (name) => ownGuest(name)?.row ?? ours.release(name),
    guestOf(key) {
      const { guest } = ownGuest(key) ?? {}
      const found = guest === undefined ? ours.guestOf(key) : guestLike(guest, ours)
      if (!isGuest(found)) return found
      return withExtras(found, {
        key,
        fields: { ...fields.guest, ...ownOf({ ...guest?.fields }) },
        drivers: guest?.drivers ?? {},
        devices,
      })
    },
    hostFields(profile) {
      const own = ownHosts.get(profile.id)
      return { ...(own?.fields ?? ours.hostFields(profile)), ...fields.host, ...own?.own }
    },
    publishedOf: (key) => (ownGuest(key) === undefined ? ours.publishedOf(key) : undefined),
  }
}
