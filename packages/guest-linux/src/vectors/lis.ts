import type { Field } from '@vmbus/world'
import { atLeast, kernelVersion } from '../kernel-version.ts'
import { bracketed, changed, evidenced, type Evidence } from './evidenced.ts'
import type { Capabilities, FieldName, Vector } from './field.ts'
import { IN_EVERY_VENDOR, upstreamValues } from './upstream.ts'
import { bus, dynamicMemory, FCOPY_1_1, KVP_4, nvsp, TIMESYNC_3, TIMESYNC_4, VSS_5, vstor } from './words.ts'

/** One folder of the sources for each kernel family, and three different drivers in them: hv-rhel5.x, 6.x and 7.x. */
export type LisFamily = 5 | 6 | 7

/** A version of the package, as what each family's drivers change from the version before. */
interface LisVersion {
  readonly version: string
  readonly commit: string
  readonly families: readonly LisFamily[]
  readonly change: Partial<Capabilities>
  readonly of: Partial<Record<LisFamily, Partial<Capabilities>>>
}

const ALL: readonly LisFamily[] = [5, 6, 7]
/** What 4.1 took from upstream for the kernels of RHEL 6 and 7; that of RHEL 5 stays as 4.0 was. */
const UP_TO_DATE: Partial<Capabilities> = {
  vmbus: bus('v4_0', 'v0_13'),
  storvsc: vstor('v6_2', 'v2_0'),
  balloon: dynamicMemory('v2_0'),
  wwn: true,
  unload: true,
  lsvmbus: true,
  hvsock: true,
}

const VERSIONS: readonly LisVersion[] = [
  {
    version: '3.5',
    commit: 'd0d3b9eb',
    families: [5, 6],
    change: {
      vmbus: bus('v2_4', 'v0_13'),
      timesync: TIMESYNC_3,
      kvp: KVP_4,
      kvpIp: true,
      vss: VSS_5,
      storvsc: vstor('v5_1', 'v4_2'),
      storageChannels: true,
      fibreChannel: true,
      capacityChange: true,
      balloon: dynamicMemory('v1_0'),
      hotAdd: true,
      video: 'fb',
      moduleVersion: 'LIS 3.5',
    },
    of: {},
  },
  {
    version: '4.0',
    commit: 'e01f5cc830ea',
    families: ALL,
    change: {
      vmbus: bus('v3_0', 'v0_13'),
      netvsc: nvsp('v5'),
      vrss: true,
      tso: true,
      checksum: true,
      fcopy: FCOPY_1_1,
      fcopyBy: 'kernel',
      vpd: true,
      keyboard: true,
      moduleVersion: '4.0.7',
    },
    of: {},
  },
  {
    version: '4.0.11',
    commit: '21717c091228',
    families: ALL,
    change: {},
    of: { 6: { wwn: true, moduleVersion: '4.0.11' } },
  },
  {
    version: '4.1',
    commit: '3ad55707430f',
    families: ALL,
    change: { moduleVersion: '4.1.0' },
    of: { 6: UP_TO_DATE, 7: UP_TO_DATE },
  },
  {
    version: '4.1.3',
    commit: '6ba7dfc3fd8c',
    families: ALL,
    change: { lsvmbus: true, moduleVersion: '4.1.3-2' },
    of: { 6: { timesync: TIMESYNC_4, vf: 'messages' }, 7: { timesync: TIMESYNC_4, vf: 'messages', vpci: true } },
  },
  {
    version: '4.2.0',
    commit: '8cd68649ff03',
    families: ALL,
    change: { moduleVersion: '4.2.0' },
    of: { 7: { ptpClock: true } },
  },
  {
    // The socket driver left the family of RHEL 6 on 2017-11-13 (0aaed697).
    version: '4.2.8',
    commit: '1e964fa9fa59',
    families: ALL,
    change: { moduleVersion: '4.2.8' },
    of: { 6: { hvsock: false }, 7: { vf: 'transparent' } },
  },
  {
    version: '4.3.0',
    commit: 'ecb698e9b666',
    families: ALL,
    change: { moduleVersion: '4.3.0' },
    of: {
      6: { netvsc: nvsp('v6_1'), vf: 'transparent', vpci: true },
      7: { vmbus: bus('v5_0', 'v0_13'), netvsc: nvsp('v6_1') },
    },
  },
  {
    version: '4.3.4',
    commit: '7a4f65fae29f',
    families: ALL,
    change: { moduleVersion: '4.3.4' },
    of: { 7: { rsc: true } },
  },
  { version: '4.3.5', commit: '1c7fee6cda23', families: ALL, change: { moduleVersion: '4.3.5' }, of: {} },
  { version: '4.3.6', commit: '5571bde62d1f', families: ALL, change: { moduleVersion: '4.3.6' }, of: {} },
]

/** Every version that was read. */
export const LIS_VERSIONS: readonly string[] = VERSIONS.map(({ version }) => version)

/**
 * The package takes SPC-3 for granted on RHEL 5 as well, to no end: requests to discard came with Linux 2.6.28, the pages that tell of
 * them are asked for from 2.6.30 and 2.6.33 on.
 */
const NO_PAGES: Field<boolean> = {
  value: false,
  basis: 'inferred',
  source:
    "Linux 2.6.18, the kernel of RHEL 5, is older than block/blk-barrier.c's blkdev_issue_discard and scsi.c's scsi_get_vpd_page",
}

/** Not looked for in the package's trees. */
const INFERRED: ReadonlySet<FieldName> = new Set<FieldName>([
  'rndisRequestAt',
  'balloonWholeChunks',
  'modulesSayVersion',
])

/** The place of a version: it, the newest of those that begin with it (`4.3`), or the one before it. */
function placeOf(version: string): { readonly at: number; readonly isRead: boolean } | undefined {
  const exact = VERSIONS.findIndex((each) => each.version === version)
  if (exact >= 0) return { at: exact, isRead: true }
  const newest = VERSIONS.findLastIndex((each) => each.version.startsWith(`${version}.`))
  if (newest >= 0) return { at: newest, isRead: true }
  const [, line] = /^(\d+\.\d+)\.\d+$/.exec(version) ?? []
  const before = VERSIONS.findLastIndex(
    (each) => `${each.version}.`.startsWith(`${line}.`) && atLeast(kernelVersion(version), kernelVersion(each.version)),
  )
  return line === undefined || before < 0 || before === VERSIONS.length - 1 ? undefined : { at: before, isRead: false }
}

/**
 * The drivers of a version of the package over a kernel; undefined when there is no such version for the family.
 * What the package does not bring is that of `kernel`.
 */
export function lis(version: string, family: LisFamily, kernel: Vector): Vector | undefined {
  const place = placeOf(version)
  const found = place === undefined ? undefined : VERSIONS[place.at]
  if (place === undefined || found === undefined || !found.families.includes(family)) return undefined
  const changes = VERSIONS.slice(0, place.at + 1).flatMap(({ change, of }) => [change, of[family] ?? {}])
  if (!place.isRead) changes.push({ moduleVersion: version })
  const values = changed(upstreamValues(kernelVersion('3.2')), [IN_EVERY_VENDOR, ...changes])
  const tree = `LIS/lis-next@${found.commit}, hv-rhel${family}.x`
  const evidence = (name: FieldName): Evidence => {
    if (INFERRED.has(name)) return { basis: 'inferred', source: `as Linux of its time; not looked for in ${tree}` }
    if (place.isRead) return { basis: 'source-read', source: tree }
    return bracketed(`lis ${found.version}`, `lis ${VERSIONS[place.at + 1]?.version}`)
  }
  const { vpLimit, sizedPages, memoryHotplug } = kernel
  return { ...evidenced(values, evidence), vpLimit, sizedPages, memoryHotplug, ...(family === 5 && { vpd: NO_PAGES }) }
}
