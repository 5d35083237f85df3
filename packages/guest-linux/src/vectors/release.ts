import { atLeast, kernelVersion } from '../kernel-version.ts'
import { bracketed, changed, evidenced, type Evidence } from './evidenced.ts'
import { UNREAD, type Capabilities, type FieldName, type Vector } from './field.ts'
import { IN_EVERY_VENDOR, upstreamValues } from './upstream.ts'

/** A source that speaks of some fields. */
export interface Told {
  readonly source: string
  readonly fields: readonly FieldName[]
}

/** How a release's values are known. */
export type Known =
  /** Its own tree was read: repository and commit. All of the kernel, or but for `UNREAD` and `unread`. */
  | { readonly read: string; readonly whole?: true; readonly unread?: readonly FieldName[] }
  /** It lies between two trees that were read; a changelog or a set of patches that was read may say more. */
  | { readonly between: readonly [after: string, upTo: string]; readonly told?: Told }
  /** Concluded, and from what. */
  | { readonly likely: string; readonly told?: Told }

/** A release of a distribution's drivers, as what it changes from the one before it in its list. */
export interface Release {
  /** Such as `rhel 7.9`: lower case, single spaces. */
  readonly release: string
  /** As `uname -r` says it. */
  readonly kernel: string
  /** Starts again from what upstream has in this version; without it, from the release before. */
  readonly base?: string
  /** The newest upstream version that something may have been taken from. */
  readonly until: string
  readonly change?: Partial<Capabilities>
  readonly known: Known
  /** Seen on the running system itself. */
  readonly seen?: Told
}

const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** What no reading of vendors' trees covers: known as far as every upstream kernel from the base on has the same. */
function unread(release: Release, base: string, value: unknown, name: FieldName): Evidence {
  const [from, to] = [kernelVersion(base), kernelVersion(release.until)]
  const isSteady =
    atLeast(from, kernelVersion('3.10')) && [from, to].every((kernel) => isEqual(upstreamValues(kernel)[name], value))
  if (isSteady) return bracketed(`Linux ${base}`, `Linux ${release.until}`)
  return { basis: 'inferred', source: `as Linux ${base}; not looked for in the release's own tree` }
}

function evidenceOf(release: Release, base: string, value: unknown, name: FieldName): Evidence {
  const { known, seen } = release
  if (seen?.fields.includes(name)) return { basis: 'real', source: seen.source }
  if ('read' in known) {
    if (UNREAD.has(name) && known.whole !== true) return unread(release, base, value, name)
    if (known.unread?.includes(name)) return { basis: 'inferred', source: `not to be seen in ${known.read}` }
    return { basis: 'source-read', source: known.read }
  }
  if (known.told?.fields.includes(name)) return { basis: 'source-read', source: known.told.source }
  if (!('between' in known)) return { basis: 'inferred', source: known.likely }
  return UNREAD.has(name) ? unread(release, base, value, name) : bracketed(...known.between)
}

/** The vector of one release of a list: upstream's values at its base, with every change from there to it. */
export function vectorOf(list: readonly Release[], release: Release): Vector {
  const end = list.indexOf(release)
  const start = list.findLastIndex(({ base }, index) => index <= end && base !== undefined)
  const base = list[start]?.base ?? release.until
  const changes = list.slice(start, end + 1).map(({ change = {} }) => change)
  const values = changed(upstreamValues(kernelVersion(base)), [IN_EVERY_VENDOR, ...changes])
  return evidenced(values, (name) => evidenceOf(release, base, values[name], name))
}
