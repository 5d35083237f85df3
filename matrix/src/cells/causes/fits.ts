import type { FeatureId, Release } from '@vmbus/catalog'
import type { MatrixRelease } from '../../registry/registry.ts'
import type { Outcome, ReadField, Story } from '@vmbus/report'
import { LACKING } from '../verdict.ts'
import type { CauseRule, Difference } from './cause.ts'

/** Whether a release is one of those that a cause speaks of. */
export type Releases = (release: MatrixRelease) => boolean

/** Differences by what they have in common; every part that is given must fit. */
interface Fits {
  readonly features: readonly FeatureId[]
  /** What was measured beside what the page says. */
  readonly we: 'have' | 'lack'
  /** How the field that decided is known. */
  readonly basis?: ReadField['basis']
  readonly hosts?: readonly string[]
  readonly releases?: Releases
}

const HAVING: readonly Outcome[] = ['works', 'partial']

/** What an outcome says of the feature; undefined where it says nothing, and so no cause explains it. */
export function weOf({ outcome }: Story): Fits['we'] | undefined {
  if (HAVING.includes(outcome)) return 'have'
  return LACKING.includes(outcome) ? 'lack' : undefined
}

/** The field that decided, or where none did, every field that was read. */
export function decidingOf({ decidedBy, reads }: Story): readonly ReadField[] {
  if (decidedBy === undefined) return reads
  return reads.filter(({ of, field }) => of === decidedBy.of && field === decidedBy.field)
}

const fits =
  ({ features, we, basis, hosts, releases }: Fits) =>
  ({ feature, story, host, release }: Difference): boolean =>
    features.some((each) => each === feature) &&
    weOf(story) === we &&
    (basis === undefined || decidingOf(story).some((read) => read.basis === basis)) &&
    (hosts?.includes(host) ?? true) &&
    (releases?.(release) ?? true)

export const finding = (id: string, text: string, source: string, what: Fits): CauseRule => ({
  id,
  text,
  source,
  kind: 'finding',
  explains: fits(what),
})
export const ourBug = (id: string, text: string, source: string, what: Fits): CauseRule => ({
  ...finding(id, text, source, what),
  kind: 'our-bug',
})

type Distribution = Release['distribution']
export const of =
  (...names: readonly Distribution[]) =>
  ({ distribution }: MatrixRelease): boolean =>
    names.some((name) => name === distribution)
/** RHEL, its rebuilds and Oracle's compatible kernel are one kernel. */
const redHat = ({ distribution, kernelLine }: MatrixRelease): boolean =>
  ['rhel', 'centos'].includes(distribution) || kernelLine === 'rhck'
export const builtIn = (major: number, from = 0, upTo = 99) => {
  return (release: MatrixRelease): boolean => {
    const [ofMajor, minor] = (release.release ?? '').split('.').map(Number)
    const isInside = ofMajor === major && minor !== undefined && minor >= from && minor <= upTo
    return redHat(release) && release.drivers === 'built-in' && isInside
  }
}
/** A package of one version or later, on the kernels of one major release. */
export const lis =
  (major: number, from: string) =>
  ({ drivers, package: pack, release = '' }: MatrixRelease): boolean =>
    drivers === 'lis' && release.startsWith(`${major}.`) && (pack?.value ?? '') >= `LIS ${from}`
export const named =
  (...keys: readonly string[]) =>
  ({ key }: MatrixRelease): boolean =>
    keys.includes(key)
export const uek = (line: string) => (release: MatrixRelease) => release.kernelLine?.startsWith(line) === true
