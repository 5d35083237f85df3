import { icVersion, type IcVersions } from '@vmbus/ic'
import { atLeast, kernelVersion, type KernelVersion } from './kernel-version.ts'

/**
 * How a capability is known: read in the source of this kernel or of both neighbours (`source-read`), between two read
 * kernels of which only the later has it (`bracketed`), or concluded (`inferred`).
 */
export type Basis = 'source-read' | 'bracketed' | 'inferred'

/** What the integration services of one kernel version speak. Versions are in the order in which the driver tries them. */
export interface Capabilities {
  readonly vmbus: readonly number[]
  readonly heartbeat: IcVersions
  readonly timesync: IcVersions
  readonly shutdown: IcVersions
  readonly kvp: IcVersions | undefined
  readonly vss: IcVersions | undefined
  readonly fcopy: IcVersions | undefined
  /** NVSP words, VSTOR words, dynamic memory words. */
  readonly netvsc: readonly number[]
  readonly storvsc: readonly number[]
  readonly balloon: readonly number[] | undefined
  /** The length of a SCSI unit's page is asked for before the page. */
  readonly sizedPages: boolean
  /** Where an RNDIS request begins in its page on 32-bit x86 (drivers/net/hyperv/rndis_filter.c, struct rndis_request). */
  readonly rndisRequestAt: number
  readonly hotAdd: boolean
  /** What is given up at the floor is cut to whole 2 MiB (drivers/hv/hv_balloon.c, balloon_up before 5.6). */
  readonly balloonWholeChunks: boolean
  /** What is given up leaves MemTotal, too. */
  readonly balloonLeavesTotal: boolean
  readonly hvsock: boolean
  readonly unload: boolean
  readonly ptpClock: boolean
  /** Samples after the driver was loaded that set the clock as a sync does (drivers/hv/hv_util.c, adj_guesttime). */
  readonly samplesThatSet: number
  /** The guest closes a channel's GPADL teardown etc. the way of its time: see behaviour. */
  readonly basis: Basis
}

const v = (major: number, minor: number): number => (major << 16) | minor
const three = [icVersion(3, 0), icVersion(1, 0)]
const ic = (message: readonly number[], framework: readonly number[] = three): IcVersions => ({ framework, message })

/** Linux 3.10.35, read; what came before differs in ways that no read source settles. */
const OLDEST: Capabilities = {
  vmbus: [v(2, 4), v(1, 1), v(0, 13)],
  heartbeat: ic(three),
  timesync: ic(three),
  shutdown: ic(three),
  kvp: ic([icVersion(4, 0), ...three]),
  vss: ic([icVersion(5, 0)], [icVersion(3, 0)]),
  fcopy: undefined,
  netvsc: [0x30002, 0x00002],
  storvsc: [0x0402],
  balloon: [v(1, 0), v(0, 3)],
  sizedPages: false,
  rndisRequestAt: 0x60,
  hotAdd: true,
  balloonWholeChunks: true,
  balloonLeavesTotal: false,
  hvsock: false,
  unload: false,
  ptpClock: false,
  samplesThatSet: 50,
  basis: 'source-read',
}

interface Step {
  readonly since: string
  /** Kernels from here on have been read themselves. */
  readonly read: string
  readonly change: Partial<Capabilities>
}

/**
 * Each step says what a kernel version adds. Between `since` (where upstream is known or thought to have merged it) and
 * `read` (the first kernel whose source was read with it) the step is bracketed. Sources: @vmbus/catalog,
 * data/kernels.json, upstream_features and checkpoints (3.10.35, 4.1.15, 4.4.302, 4.9, 4.14.158, 4.19.71, 5.10.198,
 * 5.17, 6.1).
 */
const STEPS: readonly Step[] = [
  {
    since: '3.13',
    read: '4.1',
    change: { vmbus: [v(3, 0), v(2, 4), v(1, 1), v(0, 13)], storvsc: [0x0501, 0x0402, 0x0200] },
  },
  { since: '3.15', read: '4.1', change: { fcopy: ic([icVersion(1, 1)], [icVersion(3, 0)]) } },
  { since: '3.16', read: '4.1', change: { netvsc: [0x50000, 0x40000, 0x30002, 0x00002] } },
  {
    since: '4.2',
    read: '4.4',
    change: { vmbus: [v(4, 0), v(3, 0), v(2, 4), v(1, 1), v(0, 13)], balloon: [v(2, 0), v(1, 0), v(0, 3)] },
  },
  { since: '4.3', read: '4.4', change: { storvsc: [0x0602, 0x0600, 0x0501, 0x0402, 0x0200], unload: true } },
  { since: '4.9', read: '4.9', change: { timesync: ic([icVersion(4, 0), ...three]), samplesThatSet: Infinity } },
  { since: '4.11', read: '4.14', change: { ptpClock: true, samplesThatSet: 0 } },
  { since: '4.14', read: '4.14', change: { hvsock: true } },
  { since: '4.18', read: '4.19', change: { netvsc: [0x60001, 0x60000, 0x50000, 0x40000, 0x30002, 0x00002] } },
  { since: '4.19', read: '4.19', change: { vmbus: [v(5, 0), v(4, 0), v(3, 0), v(2, 4), v(1, 1), v(0, 13)] } },
  {
    since: '5.5',
    read: '5.10',
    change: {
      vmbus: [v(5, 2), v(5, 1), v(5, 0), v(4, 1), v(4, 0), v(3, 0), v(2, 4), v(1, 1), v(0, 13)],
      shutdown: ic([icVersion(3, 2), icVersion(3, 1), ...three]),
    },
  },
  { since: '5.6', read: '5.10', change: { balloonWholeChunks: false } },
  { since: '5.11', read: '5.17', change: { balloonLeavesTotal: true } },
  {
    since: '5.14',
    read: '5.17',
    change: {
      vmbus: [v(5, 3), v(5, 2), v(5, 1), v(5, 0), v(4, 1), v(4, 0), v(3, 0), v(2, 4)],
      storvsc: [0x0602, 0x0600, 0x0501],
    },
  },
  // drivers/scsi/scsi.c, scsi_get_vpd_size.
  { since: '5.18', read: '6.1', change: { sizedPages: true, rndisRequestAt: 0x64 } },
]

/** The capabilities of a kernel version: every step at or below it, the weakest basis of those. */
export function capabilitiesOf(kernel: KernelVersion): Capabilities {
  let result: Capabilities = atLeast(kernel, { major: 3, minor: 10, patch: 0 })
    ? OLDEST
    : { ...OLDEST, basis: 'inferred' }
  for (const step of STEPS) {
    if (!atLeast(kernel, kernelVersion(step.since))) break
    const read = atLeast(kernel, kernelVersion(step.read))
    const basis = result.basis === 'inferred' ? 'inferred' : read ? result.basis : 'bracketed'
    result = { ...result, ...step.change, basis }
  }
  return result
}
