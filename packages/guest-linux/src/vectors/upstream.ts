import { atLeast, kernelVersion, type KernelVersion } from '../kernel-version.ts'
import { bracketed, changed, evidenced, type Evidence } from './evidenced.ts'
import type { Capabilities, FieldName, Vector } from './field.ts'
import {
  bus,
  dynamicMemory,
  FCOPY_1_1,
  ic,
  KVP_4,
  nvsp,
  SHUTDOWN_3_2,
  TIMESYNC_3,
  TIMESYNC_4,
  VSS_5,
  vstor,
} from './words.ts'

/**
 * Linux 3.2, with what came between it and 3.10 taken away again: concluded, for of that time only the network driver was read
 * (yingziwu/synology-linux@4265488d, drivers/staging/hv/netvsc_drv.c: no feature but NETIF_F_SG, and eth_change_mtu).
 */
const OLDEST: Capabilities = {
  vmbus: bus('v0_13', 'v0_13'),
  unload: false,
  modifyChannel: false,
  vpLimit: 256,
  heartbeat: ic(['3.0', '1.0']),
  timesync: TIMESYNC_3,
  ptpClock: false,
  shutdown: ic(['3.0', '1.0']),
  kvp: ic(['3.0', '1.0']),
  kvpIp: false,
  ipScripts: true,
  vss: undefined,
  fcopy: undefined,
  fcopyBy: 'none',
  netvsc: nvsp('v2'),
  vrss: false,
  tso: false,
  checksum: false,
  rsc: false,
  vlan: false,
  jumbo: false,
  vf: 'none',
  rndisRequestAt: 0x60,
  storvsc: vstor('v4_2', 'v4_2'),
  storageChannels: false,
  fibreChannel: false,
  wwn: false,
  vpd: false,
  hotLun: true,
  capacityChange: false,
  sizedPages: false,
  balloon: undefined,
  hotAdd: false,
  memoryHotplug: true,
  balloonWholeChunks: true,
  balloonLeavesTotal: false,
  hvsock: false,
  vpci: false,
  keyboard: false,
  mouse: true,
  video: 'none',
  lsvmbus: false,
  moduleVersion: '3.1',
  modulesSayVersion: true,
}

/**
 * Something that changed upstream `since` a version. It was read without it in `after`, with it in `read`; a kernel between
 * those two is bracketed by them.
 */
interface Step {
  readonly since: string
  readonly after: string
  readonly read: string
  readonly change: Partial<Capabilities>
}

/**
 * Read trees: 3.10.35 liwei/asustor-xpenology@0040b588, 4.1.15 yangjunqiang90/hikey_kernel@4de0b0cf, 4.4.302
 * JoysKo/HYBRID_CAF_kernel@175989b1, 4.9-rc5 williamfdevine/PrettyLinux@4bba7dcd, 4.14.158 PHMAWAWDEH/N975F@af6fa7be,
 * 4.19.71 realme-kernel-opensource/realme_Smart_TV_80CM-kernel-source@b7998e78, 5.10.198
 * auraknighted/android_kernel_samsung_r11s@a797ccb5, 5.13 to 5.17 moralesresearch/kernel@344e1f19, 4d208eca, dbf5fe8a,
 * 44e0f311, e20ebc84, 6.1 Debian linux-source-6.1; 6.12 as AlmaLinux 10.0 has it, mkuron/almalinux-kernel@8e2c3796.
 */
const STEPS: readonly Step[] = [
  { since: '3.3', after: '3.2', read: '3.10', change: { jumbo: true } },
  { since: '3.4', after: '3.2', read: '3.10', change: { vlan: true } },
  { since: '3.7', after: '3.2', read: '3.10', change: { kvp: KVP_4, kvpIp: true } },
  { since: '3.8', after: '3.2', read: '3.10', change: { balloon: dynamicMemory('v1_0') } },
  { since: '3.9', after: '3.2', read: '3.10', change: { vmbus: bus('v2_4', 'v0_13') } },
  { since: '3.10', after: '3.2', read: '3.10', change: { vss: VSS_5, hotAdd: true, video: 'fb' } },
  // Not in 3.4, LineageOS/android_kernel_lenovo_msm8974@62f64e83; in 3.10.33, Insei/mocha-kernel-3.10.33@898ef31c.
  { since: '3.10', after: '3.2', read: '3.10', change: { capacityChange: true } },
  // OpenVMM's guide says 3.10 of the channels; 3.10.35 has no code for them. Versions go by the bus, 4.2 below VMBus 2.4.
  { since: '3.11', after: '3.10', read: '4.1', change: { storvsc: vstor('v5_1', 'v4_2'), storageChannels: true } },
  { since: '3.11', after: '3.10', read: '4.9', change: { fibreChannel: true } },
  { since: '3.13', after: '3.10', read: '4.1', change: { vmbus: bus('v3_0', 'v0_13'), keyboard: true } },
  {
    since: '3.15',
    after: '3.10',
    read: '4.1',
    change: { fcopy: FCOPY_1_1, fcopyBy: 'kernel', tso: true, checksum: true },
  },
  { since: '3.16', after: '3.10', read: '4.1', change: { netvsc: nvsp('v5'), vrss: true } },
  // 3.10.35 has MODULE_VERSION, exynos7870-dev/android_kernel_samsung_universal7870@785ec535 (3.18) and all after it have not.
  { since: '3.18', after: '3.10', read: '3.18', change: { modulesSayVersion: false } },
  { since: '4.0', after: '3.10', read: '4.1', change: { vpd: true } },
  { since: '4.2', after: '4.1', read: '4.4', change: { vmbus: bus('v4_0', 'v0_13'), balloon: dynamicMemory('v2_0') } },
  { since: '4.3', after: '4.1', read: '4.4', change: { storvsc: vstor('v6_2', 'v2_0'), unload: true, lsvmbus: true } },
  { since: '4.6', after: '4.4', read: '4.9', change: { wwn: true, vpci: true } },
  { since: '4.8', after: '4.4', read: '4.9', change: { vf: 'messages' } },
  { since: '4.9', after: '4.4', read: '4.9', change: { timesync: TIMESYNC_4 } },
  { since: '4.11', after: '4.9', read: '4.14', change: { ptpClock: true } },
  { since: '4.14', after: '4.9', read: '4.14', change: { hvsock: true, vf: 'transparent' } },
  { since: '4.18', after: '4.14', read: '4.19', change: { netvsc: nvsp('v6_1') } },
  { since: '4.19', after: '4.14', read: '4.19', change: { vmbus: bus('v5_0', 'v0_13') } },
  { since: '4.20', after: '4.19', read: '5.13', change: { rsc: true } },
  { since: '5.1', after: '4.19', read: '5.10', change: { vpLimit: undefined } },
  { since: '5.5', after: '4.19', read: '5.10', change: { vmbus: bus('v5_2', 'v0_13'), shutdown: SHUTDOWN_3_2 } },
  { since: '5.6', after: '4.19', read: '5.10', change: { balloonWholeChunks: false } },
  { since: '5.8', after: '4.19', read: '5.13', change: { modifyChannel: true } },
  { since: '5.11', after: '5.10', read: '5.13', change: { balloonLeavesTotal: true } },
  { since: '5.13', after: '5.10', read: '5.13', change: { vmbus: bus('v5_3', 'v0_13') } },
  { since: '5.14', after: '5.13', read: '5.14', change: { video: 'drm' } },
  { since: '5.18', after: '5.17', read: '6.1', change: { sizedPages: true, rndisRequestAt: 0x64 } },
  // Commits a6b94c6b4919 (bus) and 106b98a5181c (storage), posted on 2022-05-02; 5.18 came out on 2022-05-22 without them.
  { since: '5.19', after: '5.17', read: '6.1', change: { vmbus: bus('v5_3', 'v2_4'), storvsc: vstor('v6_2', 'v5_1') } },
  // In Ubuntu's 6.5.3, not in 6.12.
  { since: '6.10', after: '6.5', read: '6.12', change: { fcopyBy: 'uio-daemon' } },
]

/** Not looked for in the trees before 5.13 but in an early one, which has them: RHEL 6.4, whose drivers are older than those of 3.10, or 3.10. */
const SINCE_EARLY: ReadonlyMap<FieldName, string> = new Map<FieldName, string>([
  ['vlan', 'RHEL 6.4'],
  ['jumbo', 'RHEL 6.4'],
  ['hotLun', 'RHEL 6.4'],
  ['mouse', 'RHEL 6.4'],
  ['capacityChange', 'Linux 3.10'],
])

const at = (text: string): KernelVersion => kernelVersion(text)
const OLDEST_READ = at('3.10')
const NEWEST_READ = at('6.1')
const WHOLE_SINCE = at('5.13')
/** The next read tree above the newest upstream one. */
const ABOVE = 'AlmaLinux 10.0 (6.12)'

/** What every tree of a vendor has that was read, however old its number: tags beside frames, and another MTU. */
export const IN_EVERY_VENDOR: Partial<Capabilities> = { vlan: true, jumbo: true }

/** The plain values of an upstream version. */
export const upstreamValues = (kernel: KernelVersion): Capabilities =>
  changed(
    OLDEST,
    STEPS.flatMap(({ since, change }) => (atLeast(kernel, at(since)) ? [change] : [])),
  )

function evidenceOf(kernel: KernelVersion, name: FieldName): Evidence {
  if (!atLeast(kernel, OLDEST_READ))
    return { basis: 'inferred', source: 'no whole tree of drivers before 3.10.35 was read' }
  const open = STEPS.find(
    ({ change, after, read }) =>
      name in change && atLeast(kernel, at(after)) && !isSame(kernel, after) && !atLeast(kernel, at(read)),
  )
  if (open !== undefined) return bracketed(`Linux ${open.after}`, `Linux ${open.read}`)
  const early = SINCE_EARLY.get(name)
  if (early !== undefined && !atLeast(kernel, WHOLE_SINCE)) return bracketed(early, 'Linux 5.13')
  if (atLeast(kernel, at('6.13')))
    return { basis: 'inferred', source: 'as in AlmaLinux 10.0 (6.12); nothing newer was read' }
  if (atLeast(kernel, NEWEST_READ) && !isSame(kernel, '6.1')) return bracketed('Linux 6.1', ABOVE)
  return {
    basis: 'source-read',
    source: `Linux ${kernel.major}.${kernel.minor}, or the read trees on both sides of it`,
  }
}

function isSame(kernel: KernelVersion, text: string): boolean {
  const { major, minor } = at(text)
  return kernel.major === major && kernel.minor === minor
}

/** What an upstream kernel has, by its version. */
export const upstream = (kernel: KernelVersion): Vector =>
  evidenced(upstreamValues(kernel), (name) => evidenceOf(kernel, name))
