import type { Found } from './release.ts'
import type { GridFamily, GridRelease, Release } from './schema.ts'

/** Whether a column of a family's grid speaks of a release: of that kernel, those drivers and that version. */
export function covers(family: GridFamily, column: GridRelease, { row, point }: Found): boolean {
  if (familyOf(row) !== family.id || driversOf(row) !== column.lis) return false
  if (family.id !== 'oracle-uek') return column.versions.some((version) => coversVersion(version, point))
  if (lineOf(column) !== row.kernelLine) return false
  const numbered = column.versions.filter((version) => /^\d/.test(version))
  return point === undefined || numbered.length === 0 || numbered.includes(point)
}

function familyOf({ distribution, kernelLine }: Release): string {
  if (distribution !== 'oracle') return distribution
  return kernelLine === 'rhck' ? 'oracle-rhck' : 'oracle-uek'
}

/** As a grid's column names the way to get drivers; a release without drivers is in none. */
function driversOf(row: Release): string | undefined {
  if (row.drivers === 'lis') return row.package?.value
  return row.drivers === 'built-in' || row.drivers === 'ports' ? row.drivers : undefined
}

/** `UEK R3 QU2` and `7.5-7.8 UEK5` as the list of releases writes their kernels: `uek3 qu2`, `uek5`. */
function lineOf({ label }: GridRelease): string | undefined {
  const [, number, update] = /UEK ?R?(\d)(?: QU(\d))?/.exec(label) ?? []
  return number === undefined ? undefined : `uek${number}${update === undefined ? '' : ` qu${update}`}`
}

/**
 * `9.x` speaks of 9 and every 9.*, `8.6+` of 8.6 and what follows in 8, `12` of 12.0 and on (FreeBSD's page), `10.1` of a
 * release that is known as 10 (Debian's), anything else of itself alone.
 */
function coversVersion(version: string, release: string | undefined): boolean {
  if (release === undefined) return false
  if (version === release) return true
  const [major, minor = ''] = version.split('.')
  const [ownMajor, ownMinor] = release.split('.')
  if (major !== ownMajor) return false
  if (minor === 'x' || minor === '') return true
  if (minor.endsWith('+')) return Number(ownMinor) >= Number(minor.slice(0, -1))
  return ownMinor === undefined
}
