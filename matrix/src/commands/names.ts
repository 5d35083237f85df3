import type { HostProfile } from '@vmbus/host'
import { compact } from '../registry/compact.ts'
import type { MatrixFeature, MatrixRelease, Registry } from '../registry/registry.ts'
import { UsageError } from './failure.ts'

/** What names stand for. */
export type Named = Pick<Registry, 'releases' | 'hosts' | 'features' | 'release'>

const isPattern = (text: string): boolean => /[*?]/.test(text)

/** `*` and `?` stand for anything but a driver package, `**` for that as well: `rhel 7.*` has none with LIS. */
function pattern(text: string): RegExp {
  const parts = compact(text).split(/(\*\*|\*|\?)/)
  const source = parts.map((part) =>
    part === '**' ? '.*' : part === '*' ? '[^+]*' : part === '?' ? '[^+]' : part.replaceAll(/[\\^$+()[\]{}|]/g, '\\$&'),
  )
  return new RegExp(`^${source.join('')}$`)
}

/** The parts of `a,b` of each option; an option that was not given asks for all. */
const wanted = (texts: readonly string[] | undefined): readonly string[] | undefined =>
  texts
    ?.flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '')

function chosen<T>(
  what: string,
  all: readonly T[],
  texts: readonly string[] | undefined,
  find: (text: string) => readonly T[],
): readonly T[] {
  const parts = wanted(texts)
  if (parts === undefined) return all
  const found = new Set(parts.flatMap(find))
  if (found.size === 0) throw new UsageError(`no ${what} is named`)
  return all.filter((each) => found.has(each))
}

const unknown = (what: string, text: string, near: readonly string[]): UsageError =>
  new UsageError(
    `unknown ${what}: ${text} (${near.length === 0 ? `vmbus ${what}s lists them` : `such as ${near.join(', ')}`})`,
  )

/** Releases of the one list by name, pattern, or distribution: `rhel7.9`, `RHEL 7.*`, `debian`. */
export const releasesOf = (known: Named, texts?: readonly string[]): readonly MatrixRelease[] =>
  chosen('guest', known.releases, texts, (text) => releasesNamed(known, text))

function releasesNamed({ releases, release }: Named, text: string): readonly MatrixRelease[] {
  const named = isPattern(text) ? undefined : release(text)
  if (named !== undefined) return [named]
  const wholeFamily = /^[a-z ]+$/i.test(text) ? pattern(`${text}*`) : pattern(text)
  const found = releases.filter(({ key }) => wholeFamily.test(compact(key)))
  if (found.length > 0) return found
  const [family = ''] = /^[a-z]+/.exec(compact(text)) ?? []
  const near = releases.filter(({ key }) => family !== '' && compact(key).startsWith(family))
  throw unknown(
    'guest',
    text,
    near.slice(-5).map(({ key }) => key),
  )
}

/** One release, which may be called otherwise than in the list. */
export function releaseOf(known: Named, text: string): MatrixRelease {
  const [found, another] = releasesNamed(known, text)
  if (found === undefined || another !== undefined) throw new UsageError(`more than one guest: ${text}`)
  return found
}

/** Host versions by id, name or number: `ws2022`, `Windows Server 2022`, `2022`, `win10*`. */
export const hostsOf = ({ hosts }: Named, texts?: readonly string[]): readonly HostProfile[] =>
  chosen('host', hosts, texts, (text) => hostsNamed(hosts, text))

const withoutPack = (text: string): string => text.replace(/sp\d$/, '')

/** `2012 R2`, `server 2012r2` and `ws2012r2` are one; of `Azure Local / Azure Stack HCI` either name will do. */
function hostNames({ id, name }: HostProfile): readonly string[] {
  const plain = (text: string): string => withoutPack(compact(text))
  const full = name.split('/').map(plain)
  return [
    plain(id),
    ...full,
    ...full.map((text) => text.replace(/^windows(server)?/, '')),
    plain(id).replace(/^ws/, ''),
  ]
}

function hostsNamed(hosts: readonly HostProfile[], text: string): readonly HostProfile[] {
  const plain = withoutPack(compact(text)).replace(/^(windows)?server/, 'ws')
  const found = isPattern(text)
    ? hosts.filter((profile) => hostNames(profile).some((name) => pattern(plain).test(name)))
    : hosts.filter((profile) => hostNames(profile).includes(plain))
  if (found.length > 0) return found
  throw new UsageError(`unknown host: ${text} (one of ${hosts.map(({ id }) => id).join(', ')})`)
}

export function hostOf({ hosts }: Named, text: string): HostProfile {
  const [found, another] = hostsNamed(hosts, text)
  if (found === undefined || another !== undefined) throw new UsageError(`more than one host: ${text}`)
  return found
}

/** Features by id, name, a part of either that only one has, a group or a pattern: `trim`, `fibre channel`, `storage`, `dm-*`. */
export const featuresOf = ({ features }: Named, texts?: readonly string[]): readonly MatrixFeature[] =>
  chosen('feature', features, texts, (text) => featuresNamed(features, text))

function featuresNamed(all: readonly MatrixFeature[], text: string): readonly MatrixFeature[] {
  const plain = compact(text)
  if (isPattern(text)) {
    const found = all.filter(({ id }) => pattern(text).test(compact(id)))
    if (found.length > 0) return found
  }
  const exact = all.filter(({ id, name }) => compact(id) === plain || compact(name) === plain)
  if (exact.length > 0) return exact
  const grouped = all.filter(({ group }) => group === plain)
  if (grouped.length > 0) return grouped
  const part = all.filter(({ id, name }) => compact(id).includes(plain) || compact(name).includes(plain))
  if (part.length === 1) return part
  if (part.length > 1) throw new UsageError(`more than one feature: ${text} (${part.map(({ id }) => id).join(', ')})`)
  throw new UsageError(`unknown feature: ${text} (one of ${all.map(({ id }) => id).join(', ')})`)
}

export function featureOf({ features }: Named, text: string): MatrixFeature {
  const [found, another] = featuresNamed(features, text)
  if (found === undefined || another !== undefined) throw new UsageError(`more than one feature: ${text}`)
  return found
}
