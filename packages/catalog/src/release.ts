import { releases, unlistedGuests } from './facts.ts'
import { once } from './once.ts'
import type { Release, UnlistedGuest } from './schema.ts'

/** A release as a user named it: its row, and the point release within it (`10.2` of Debian 10). */
export interface Found {
  readonly row: Release
  readonly point: string | undefined
}

/** Other names of distributions, as compact text begins. */
const ALIASES: readonly (readonly [RegExp, string])[] = [
  [/^redhat(enterpriselinux)?/, 'rhel'],
  [/^(oraclelinux|ol(?=\d|uek))/, 'oracle'],
  [/^suse(linuxenterprise(server)?)?/, 'sles'],
  [/^ws(?=\d)/, 'windowsserver'],
  [/^win(?=\d)/, 'windows'],
  [/uekr(?=\d)/, 'uek'],
]

/** Case, spaces, dashes and plus signs say nothing. */
function compact(name: string): string {
  const bare = name.toLowerCase().replaceAll(/[\s_+-]+/g, '')
  return ALIASES.reduce((text, [from, to]) => text.replace(from, to), bare)
}

const rows = once(() => new Map(releases().map((row) => [compact(row.key), row])))
const rowOf = (key: string): Release | undefined => rows().get(key)

/**
 * The row of a release such as `rhel 7.9`, `RHEL-7.7 + LIS 4.3.5`, `oracle 7.6` (its Red Hat compatible kernel),
 * `oracle uek5`, `debian 10.2` or `freebsd 9.3 + port`. A patch of a LIS package belongs to its package.
 */
export function findRelease(name: string): Found | undefined {
  const key = compact(name)
  const row = rowOf(key) ?? rowOf(key.replace(/(lis\d\.\d)\..*$/, '$1')) ?? rowOf(`${key}rhck`)
  if (row !== undefined) return { row, point: row.release }
  const [, major = '', point] = /^((?:debian|ubuntu)\d+(?:\.\d\d)?)\.(\d+)$/.exec(key) ?? []
  const whole = point === undefined ? undefined : rowOf(major)
  return whole && { row: whole, point: `${whole.release}.${point}` }
}

/** The release of that name, or undefined. */
export const release = (name: string): Release | undefined => findRelease(name)?.row

/** A guest that no page has a grid of, whatever its version. */
export function unlistedGuest(name: string): UnlistedGuest | undefined {
  const key = compact(name)
  return unlistedGuests().find((guest) => [guest.name, ...(guest.aliases ?? [])].some((known) => key.startsWith(known)))
}
