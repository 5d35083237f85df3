import { FREEBSD_RELEASES, freebsd } from '@vmbus/guest-freebsd'
import { LINUX_FAMILIES, LIS_VERSIONS, kernelVector, releaseVector, type LinuxVector } from '@vmbus/guest-linux'
import { WINDOWS_RELEASES, windows } from '@vmbus/guest-windows'
import { BASES, type Basis, type Field } from '@vmbus/world'

/** How the fields of a family's generations are known. */
export interface EvidenceRow {
  readonly family: string
  readonly generations: number
  readonly fields: Readonly<Record<Basis, number>>
}

/** The upstream kernels that distributions began from, and the trees of which every field was looked for. */
const UPSTREAM = [
  '3.10',
  '4.1',
  '4.4',
  '4.9',
  '4.14',
  '4.19',
  '5.4',
  '5.10',
  '5.15',
  '5.17',
  '5.18',
  '6.1',
  '6.5',
  '6.12',
]
/** A release of each kernel family that takes the packages. */
const UNDER_LIS = ['rhel 5.9', 'rhel 6.8', 'rhel 7.6']

const known = (vector: LinuxVector | undefined): LinuxVector[] => (vector === undefined ? [] : [vector])

/** Values with how they are known, of one generation. */
type Vector = Readonly<Record<string, Field<unknown>>>

function countOf(family: string, vectors: readonly Vector[]): EvidenceRow {
  const fields: Record<Basis, number> = { real: 0, 'source-read': 0, bracketed: 0, inferred: 0, grid: 0 }
  for (const vector of vectors) for (const { basis } of Object.values(vector)) fields[basis]++
  return { family, generations: vectors.length, fields }
}

const rowOf = (family: string, vectors: readonly LinuxVector[]): EvidenceRow =>
  countOf(
    family,
    vectors.map(({ fields }) => ({ ...fields })),
  )

/** Ubuntu's releases of which the trees were read, and what lies between them. */
const SINCE_XENIAL = /^ubuntu (?:16|18|19|20|22)\./

/** Every family of simulated guests. */
export function evidence(): readonly EvidenceRow[] {
  return [
    rowOf('linux', UPSTREAM.map(kernelVector)),
    ...Object.entries(LINUX_FAMILIES).map(([family, releases]) =>
      rowOf(
        family,
        releases.flatMap(({ release }) => known(releaseVector(release))),
      ),
    ),
    rowOf(
      'ubuntu 16.04 to 22.04',
      LINUX_FAMILIES.ubuntu.flatMap(({ release }) => (SINCE_XENIAL.test(release) ? known(releaseVector(release)) : [])),
    ),
    rowOf(
      'lis',
      UNDER_LIS.flatMap((release) =>
        LIS_VERSIONS.flatMap((version) => known(releaseVector(`${release} + lis ${version}`))),
      ),
    ),
    countOf(
      'freebsd',
      FREEBSD_RELEASES.map((release) => ({ ...freebsd(release).fields })),
    ),
    countOf(
      'windows',
      WINDOWS_RELEASES.map(({ id }) => ({ ...windows(id).fields })),
    ),
    // A list of versions is a walk down from the newest, which nobody recorded: the newest may be better known than the list.
    countOf(
      'windows, newest versions',
      WINDOWS_RELEASES.flatMap(({ newest }) => (newest === undefined ? [] : [{ ...newest }])),
    ),
  ]
}

const HEADINGS: Readonly<Record<Basis, string>> = {
  real: 'real',
  'source-read': 'sourced',
  bracketed: 'bracketed',
  inferred: 'inferred',
  grid: 'grid',
}
const WEAK: readonly Basis[] = ['inferred', 'grid']

/** A line for each family: generations, fields by how they are known, and the share that is bracketed or better. */
export function evidenceTable(): string {
  const lines = evidence().map(({ family, generations, fields }) => {
    const all = BASES.reduce((sum, basis) => sum + fields[basis], 0)
    const weak = WEAK.reduce((sum, basis) => sum + fields[basis], 0)
    const share = all === 0 ? 0 : Math.floor(((all - weak) * 100) / all)
    return [family, `${generations}`, ...BASES.map((basis) => `${fields[basis]}`), `${share} %`]
  })
  const table = [['family', 'vectors', ...BASES.map((basis) => HEADINGS[basis]), 'bracketed or better'], ...lines]
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)))
  const padded = table.map((line) =>
    line
      .map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join('  '),
  )
  return `${padded.join('\n')}\n`
}
