import { grids, hostBuilds, releases, type Release } from '@vmbus/catalog'
import type {
  Cause,
  Evidence,
  ExchangeStep,
  Execution,
  MatrixResults,
  Outcome,
  Published,
  ReadField,
  ResultFeature,
  ResultRelease,
  StoredStory,
  Verdict,
} from '@vmbus/report'

// Releases, hosts and features are the catalog's; outcomes, evidence, published values and causes are drawn from a seed and mean
// nothing, but fit together as those of a run do.

/** Features that have no device yet. */
const DOCUMENTED = ['gen2-uefi', 'secure-boot', 'video', 'hyperv-sockets', 'pci-passthrough', 'nmi', 'mmio-gap']
const BASES = ['source-read', 'bracketed', 'inferred', 'grid', 'real'] as const
const EVIDENCE: Readonly<Record<(typeof BASES)[number], Evidence>> = {
  real: 'real',
  'source-read': 'simulated-sourced',
  bracketed: 'simulated-inferred',
  inferred: 'simulated-inferred',
  grid: 'simulated-grid',
}

const CAUSES: readonly Cause[] = [
  {
    id: 'wide-column',
    text: 'The page puts several releases under one column and marks the newest. The older ones lack the code of the driver.',
    source: 'trees of each release',
    kind: 'finding',
  },
  {
    id: 'unmarked',
    text: 'The code is in the tree and the page has no mark. The traffic passed on every host that offers the device.',
    source: 'trees of each release',
    kind: 'finding',
  },
  {
    id: 'our-switch',
    text: 'Our switch drops large frames from old guests. It says nothing about the guest and is to be mended.',
    source: 'an issue of ours',
    kind: 'our-bug',
  },
]

/** As long as those of a run: 16 steps of the beginning and 8 of the end, in which times and counts differ. */
function exchangeOf(probe: string, words: readonly (string | number)[]): readonly ExchangeStep[] {
  const boot = [
    'INITIATE_CONTACT 5.3',
    'VERSION_RESPONSE supported, state 0',
    'REQUEST_OFFERS',
    'OFFER_CHANNEL 1',
    'ALL_OFFERS_DELIVERED',
  ]
  const step = (at: number): ExchangeStep => ({
    from: at % 2 === 0 ? 'guest' : 'host',
    says: boot[at] ?? (at % 2 === 0 ? `${probe} 5.0 request` : `${probe} 5.0 response`),
    ...(at >= boot.length && { ring: probe }),
    time: 2_770_000 + at * 16 + (at > 15 ? drawn(6_000_000, 'time', ...words) : 0),
    bytes: 16 + drawn(64, at, ...words) * 8,
    ...(drawn(3, at, 'count', ...words) === 0 && { count: 2 + drawn(60, at, ...words) }),
    ...(at === 16 && { untold: 100 + drawn(900, 'untold', ...words) }),
  })
  return Array.from({ length: 24 }, (_, at) => step(at))
}

/** A list in which equal values have one place. */
function interned<T>() {
  const places = new Map<string, number>()
  const values: T[] = []
  return {
    values,
    at(value: T, key = JSON.stringify(value)): number {
      const place = places.get(key) ?? values.push(value) - 1
      places.set(key, place)
      return place
    },
  }
}

/** A number below `limit` that depends on the words alone. */
function drawn(limit: number, ...words: readonly (string | number)[]): number {
  let hash = 2166136261
  const text = words.join('|')
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 12)) >>> 0) % limit
}

/** @param most releases; all 472 by default */
export function exampleResults(seed: number, most = Number.POSITIVE_INFINITY): MatrixResults {
  const features: readonly ResultFeature[] = grids().features.map(({ id, name, group }) => ({
    id,
    name,
    group,
    probes: DOCUMENTED.includes(id) ? [] : [id],
    ...(id === 'core' ? { missing: 'the mouse' } : id === 'sr-iov' ? { missing: 'the VF itself' } : {}),
  }))
  const hosts = hostBuilds().map(({ id, name, build }) => ({
    id,
    name,
    facts: [`build ${build}`],
    ...(/2008|2012/.test(id) ? { supportEnds: '2023-10-10' } : {}),
  }))
  const listed = releases().slice(0, most)
  const [reads, published, executions, stories] = [
    interned<ReadField>(),
    interned<Published>(),
    interned<Execution>(),
    interned<StoredStory>(),
  ]

  const known = new Map<string, number>()
  const cells = listed.map((release) => {
    const runs = release.drivers !== 'none'
    // As many generations as a run has, shared by neighbouring releases.
    const generation = `${release.distribution} ${majorOf(release)} ${release.package?.value ?? ''} ${drawn(2, seed, release.key)}`
    const basis = BASES[release.key === 'debian 12' ? 4 : drawn(4, seed, generation)] ?? 'grid'
    return hosts.flatMap((host, age) =>
      features.map((feature) => {
        const key = `${generation}|${columnOf(release)}|${age}|${feature.id}`
        const before = known.get(key)
        if (before !== undefined) return before
        const outcome = outcomeOf({ seed, generation, age, feature, runs })
        const evidence = outcome === 'not-run' ? 'documented' : EVIDENCE[basis]
        const pages = pagesOf(seed, release, age, feature)
        const verdict = runs ? verdictOf(outcome, evidence, pages) : 'not-measured'
        const lacks = outcome === 'not-offered' ? 'host' : outcome === 'no-driver' ? 'guest' : undefined
        const story: StoredStory = {
          outcome,
          evidence,
          verdict,
          reason: reasonOf(outcome, feature, runs),
          reads: outcome === 'not-run' ? [] : readsOf(generation, basis, feature, lacks).map((read) => reads.at(read)),
          ...(lacks === undefined
            ? {}
            : { decidedBy: { of: lacks, field: lacks === 'guest' ? `${feature.id}.asks` : 'vmbusMax' } }),
          published: pages.map((page) => published.at(page)),
          ...(verdict === 'differs' ? { cause: causeOf(seed, outcome, feature) } : {}),
        }
        const execution = outcome === 'not-run' ? undefined : executionOf(seed, story, feature, generation)
        if (execution !== undefined) executions.at(execution, execution.id)
        const at = stories.at(execution === undefined ? story : { ...story, execution: execution.id })
        known.set(key, at)
        return at
      }),
    )
  })
  return {
    format: 'vmbus-matrix/1',
    seed,
    runs: 20,
    features,
    hosts,
    releases: listed.map((release): ResultRelease => ({
      key: release.key,
      family: release.distribution,
      kernel: release.kernel.value,
      drivers: release.drivers,
      ...(release.ended === undefined ? {} : { supportEnds: release.ended.value }),
      ...(release.drivers === 'none' ? {} : { generation: release.key }),
    })),
    executions: executions.values,
    causes: CAUSES,
    reads: reads.values,
    published: published.values,
    stories: stories.values,
    cells,
  }
}

const majorOf = ({ release, kernelLine = '' }: Release) => `${(release ?? '').split('.')[0]} ${kernelLine}`

const columnOf = (release: Release) => `${release.distribution} ${majorOf(release)}`.trim()

interface Draw {
  readonly seed: number
  readonly generation: string
  readonly age: number
  readonly feature: ResultFeature
  readonly runs: boolean
}

function outcomeOf({ seed, generation, age, feature: { id }, runs }: Draw): Outcome {
  if (!runs || DOCUMENTED.includes(id)) return 'not-run'
  if (id === 'pae-kernel') return 'not-applicable'
  if (age < drawn(7, seed, id, 'first host')) return 'not-offered'
  if (drawn(9, seed, id, generation) === 0) return 'no-driver'
  const rare = (['fails', 'guest-hung', 'guest-corrupt', 'error'] as const)[drawn(200, seed, id, generation, 'rare')]
  return rare ?? (id === 'core' || id === 'sr-iov' ? 'partial' : 'works')
}

function pagesOf(seed: number, release: Release, age: number, { id }: ResultFeature): readonly Published[] {
  const column = columnOf(release)
  const listed = age > 1 && age % 3 !== 1
  const says = (year: string): Published => ({
    value: !listed
      ? 'not-listed'
      : age < drawn(7, seed, id, 'first host') || drawn(14, column, id, year) === 0
        ? 'no'
        : 'yes',
    date: `${year}-09-27`,
    page: `Supported-${release.distribution}-virtual-machines-on-Hyper-V.md`,
    column,
    notes: drawn(9, column, id) === 0 ? ['a note of the page on what this mark is limited to'] : [],
  })
  return drawn(5, column, id) === 0 ? [says('2025'), says('2023')] : [says('2025')]
}

function readsOf(
  generation: string,
  basis: ReadField['basis'],
  { id }: ResultFeature,
  lacks?: string,
): readonly ReadField[] {
  const guest: ReadField = {
    of: 'guest',
    field: `${id}.asks`,
    value: String(lacks !== 'guest'),
    basis,
    source: `tree of ${generation}`,
    ...(basis === 'bracketed' ? { bracket: ['3.10', '4.4'] as const } : {}),
  }
  const host: ReadField = {
    of: 'host',
    field: 'vmbusMax',
    value: lacks === 'host' ? '2.4' : '5.3',
    basis: 'source-read',
    source: 'Linux 6.1 include/linux/hyperv.h',
  }
  return lacks === 'host' ? [host, guest] : [guest, host]
}

function executionOf(
  seed: number,
  { outcome, reason }: StoredStory,
  feature: ResultFeature,
  generation: string,
): Execution {
  const words = [seed, generation, feature.id, outcome] as const
  const ends = outcome === 'no-driver' ? 'no driver binds to it' : 'not among the offers'
  return {
    id: digest(...words),
    probe: feature.id,
    outcome,
    reason,
    seed,
    runs: 20,
    bytes: 1000 + drawn(60_000, ...words),
    transcript: digest('transcript', ...words),
    exchange:
      outcome === 'works' || outcome === 'partial'
        ? exchangeOf(feature.id, words)
        : [...exchangeOf(feature.id, words).slice(0, 5), { from: 'host', says: ends, ends: true }],
  }
}

const digest = (...words: readonly (string | number)[]) =>
  drawn(2 ** 32, ...words)
    .toString(16)
    .padStart(8, '0')
    .repeat(8)

function verdictOf(outcome: Outcome, evidence: Evidence, pages: readonly Published[]): Verdict {
  const said = pages.filter(({ value }) => value !== 'not-listed')
  const [newest] = said
  if (evidence === 'simulated-grid') return 'not-independent'
  if (newest === undefined) return 'not-covered'
  if (said.some(({ value }) => value !== newest.value)) return 'grid-conflict'
  if (outcome === 'not-run' || outcome === 'error') return 'not-measured'
  if (outcome === 'partial') return newest.value === 'yes' ? 'not-measured' : 'differs'
  return (outcome === 'works') === (newest.value === 'yes' || newest.value === 'partial') ? 'agrees' : 'differs'
}

function reasonOf(outcome: Outcome, { id }: ResultFeature, runs: boolean): string {
  if (!runs) return 'no driver for this release'
  if (outcome === 'not-run') return `no device for ${id} yet`
  if (outcome === 'works') return ''
  return outcome === 'partial' ? 'what was measured holds' : `it ended as ${outcome}`
}

const causeOf = (seed: number, outcome: Outcome, { id }: ResultFeature): string =>
  drawn(12, seed, id, 'cause') === 0
    ? 'our-switch'
    : outcome === 'works' || outcome === 'partial'
      ? 'unmarked'
      : 'wide-column'
