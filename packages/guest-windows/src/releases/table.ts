import type { Evidenced } from '@vmbus/world'
import { newest } from './newest.ts'
import type { NewestVersions, PackageFamily, WindowsId, WindowsRelease } from './types.ts'

// What a guest asks for can hardly be read anywhere: the version *names* are in open sources and name releases (NAMES), a
// table by its authors' measurement names the host's version per build (HOSTS), and drivers of guest and host ship
// together. So nearly all is inferred; where two versions are possible the lower one stands and the source says so.

const NAMES =
  'names of versions in microsoft/openvmm@1488a37b, microsoft/mu_msvm@9feb53ed, ProjectMile/Mile.HyperV@1405fe48'
const HOSTS = 'acidanthera/MacHyperVSupport@9adc712b Docs/HyperV-versions.md: the host of the same build'
const SEMESTERS = "order of Microsoft's code names: Iron 5.3, Nickel before Copper 6.0"
const KB972108 = 'KB972108 quotes the first proposals of a 2008 R2 guest'
const OPENVMM_TESTS = 'microsoft/openvmm@1488a37b: its host offers this version, and its tests pass with this guest'

const V6_0: NewestVersions = {
  vmbus: '0.13',
  netvsc: '1',
  storvsc: '2.0',
  video: undefined,
  keyboard: undefined,
  hid: undefined,
  vpci: undefined,
  heartbeat: '1.0',
  shutdown: '1.0',
  timesync: '1.0',
  kvp: '1.0',
  vss: undefined,
  fcopy: undefined,
  balloon: undefined,
}
const V6_1: NewestVersions = {
  ...V6_0,
  vmbus: '1.1',
  netvsc: '2',
  storvsc: '4.2',
  video: '3.0',
  heartbeat: '3.0',
  shutdown: '3.0',
  timesync: '3.0',
  kvp: '3.0',
  balloon: '0.3',
}
const V6_2: NewestVersions = {
  ...V6_1,
  vmbus: '2.4',
  netvsc: '4',
  storvsc: '5.1',
  video: '3.2',
  keyboard: '1.0',
  hid: '2.0',
  vpci: '1.0',
  kvp: '4.0',
  vss: '4.0',
  balloon: '1.0',
}
const V6_3: NewestVersions = {
  ...V6_2,
  vmbus: '3.0',
  netvsc: '5',
  storvsc: '6.0',
  video: '3.3',
  kvp: '5.0',
  vss: '5.0',
  fcopy: '1.1',
}
const V1507: NewestVersions = { ...V6_3, storvsc: '6.2', video: '3.5', vpci: '1.1', timesync: '4.0', vss: '6.0' }
const V1511: NewestVersions = { ...V1507, vss: '7.0' }
const V1607: NewestVersions = { ...V1511, vmbus: '4.0', vpci: '1.2', heartbeat: '3.1', shutdown: '3.1', balloon: '2.0' }
const V1703: NewestVersions = { ...V1607, netvsc: '6', shutdown: '3.2' }
const V1709: NewestVersions = { ...V1703, vmbus: '4.1' }
const V1803: NewestVersions = { ...V1709, vmbus: '5.1' }
const V1809: NewestVersions = { ...V1803, vmbus: '5.2', netvsc: '6.1' }
const V2004: NewestVersions = { ...V1809, vpci: '1.3' }
const IRON: NewestVersions = { ...V2004, vmbus: '5.3', vpci: '1.4' }
const GERMANIUM: NewestVersions = { ...IRON, vmbus: '6.0', vpci: '1.5' }

const BOTH = `${HOSTS}; ${NAMES}`
const ROWS_6_0 = newest(V6_0, NAMES)
const ROWS_6_1 = newest(V6_1, NAMES, {
  vmbus: ['inferred', `${KB972108}, without the number; ${NAMES}`],
  netvsc: ['inferred', `${KB972108}: 0x30002`],
  storvsc: ['inferred', `${KB972108}: 4.2`],
  balloon: ['inferred', `with Service Pack 1; ${NAMES}`],
})
const ROWS_6_2 = newest(V6_2, NAMES)
const ROWS_6_3 = newest(V6_3, NAMES, {
  kvp: ['inferred', 'event text of 2012 R2 hosts, which expect 5.0; the guest has the same component'],
})
const ROWS_1607 = newest(V1607, BOTH, {
  netvsc: ['inferred', `5 or 6 is not decided: the lower; ${NAMES}`],
  shutdown: ['inferred', `3.1 or 3.2 is not decided: the lower; ${NAMES}`],
  heartbeat: ['source-read', 'ProjectMile/Mile.HyperV@1405fe48 Mile.HyperV.VMBus.h, of build 14347'],
})
const ROWS_1809 = newest(V1809, HOSTS)
const ROWS_2004 = newest(V2004, BOTH)
const ROWS_11 = newest(IRON, `${HOSTS}; ${SEMESTERS}`)
const GERMANIUM_SOURCE = `jdu2600/Windows10EtwEvents@84e72611; ${NAMES}; ${SEMESTERS}`
const UNDECIDED_BUS = `3.0 or 4.0 is not decided: the lower; ${HOSTS}`
const UNDECIDED_MEMORY = `not found: that of 8.1; ${NAMES}`

interface Built {
  readonly generations?: readonly (1 | 2)[]
  readonly package?: PackageFamily
}

const release = (
  id: WindowsId,
  name: string,
  os: WindowsRelease['os'],
  newestVersions: Evidenced<NewestVersions> | undefined,
  { generations = [1, 2], package: family }: Built = {},
): WindowsRelease => ({
  id,
  name,
  os,
  isServer: id.startsWith('ws'),
  generations,
  package: family,
  newest: newestVersions,
})

const OLD = (family: PackageFamily): Built => ({ generations: [1], package: family })
const UEFI_ONLY: Built = { generations: [2] }

/** Every release, oldest first, a client before the server of its build. */
export const WINDOWS_RELEASES: readonly WindowsRelease[] = [
  release('winxp', 'Windows XP SP3', [5, 1, 2600], undefined, OLD('5.x')),
  release('ws2003', 'Windows Server 2003 SP2', [5, 2, 3790], undefined, OLD('5.x')),
  release('ws2003r2', 'Windows Server 2003 R2 SP2', [5, 2, 3790], undefined, OLD('5.x')),
  // Of one build. Vista has its drivers from the first package.
  release('vista', 'Windows Vista SP2', [6, 0, 6002], ROWS_6_0, OLD('6.0')),
  release('ws2008', 'Windows Server 2008 SP2', [6, 0, 6002], ROWS_6_0, OLD('6.0')),
  release('win7', 'Windows 7 SP1', [6, 1, 7601], ROWS_6_1, OLD('6.1')),
  release('ws2008r2', 'Windows Server 2008 R2 SP1', [6, 1, 7601], ROWS_6_1, OLD('6.1')),
  release('win8', 'Windows 8', [6, 2, 9200], ROWS_6_2, { package: '6.2' }),
  release('ws2012', 'Windows Server 2012', [6, 2, 9200], ROWS_6_2, { package: '6.2' }),
  release('win81', 'Windows 8.1', [6, 3, 9600], ROWS_6_3),
  release('ws2012r2', 'Windows Server 2012 R2', [6, 3, 9600], ROWS_6_3),
  release(
    'win10-1507',
    'Windows 10 1507',
    [10, 0, 10240],
    newest(V1507, BOTH, { vmbus: ['inferred', UNDECIDED_BUS], balloon: ['inferred', UNDECIDED_MEMORY] }),
  ),
  release(
    'win10-1511',
    'Windows 10 1511',
    [10, 0, 10586],
    newest(V1511, BOTH, {
      vmbus: ['inferred', UNDECIDED_BUS],
      balloon: ['inferred', UNDECIDED_MEMORY],
      heartbeat: ['inferred', '3.0 or 3.1 is not decided: the lower'],
    }),
  ),
  release('win10-1607', 'Windows 10 1607', [10, 0, 14393], ROWS_1607),
  release('ws2016', 'Windows Server 2016', [10, 0, 14393], ROWS_1607),
  release('win10-1703', 'Windows 10 1703', [10, 0, 15063], newest(V1703, HOSTS)),
  release(
    'win10-1709',
    'Windows 10 1709',
    [10, 0, 16299],
    newest(V1709, HOSTS, { vmbus: ['inferred', `4.1 or 5.0 is not decided: the lower; ${BOTH}`] }),
  ),
  release(
    'win10-1803',
    'Windows 10 1803',
    [10, 0, 17134],
    newest(V1803, HOSTS, { netvsc: ['inferred', `6 or 6.1 is not decided: the lower; ${NAMES}`] }),
  ),
  release('win10-1809', 'Windows 10 1809', [10, 0, 17763], ROWS_1809),
  release('ws2019', 'Windows Server 2019', [10, 0, 17763], ROWS_1809),
  release('win10-1903', 'Windows 10 1903', [10, 0, 18362], ROWS_1809),
  release('win10-1909', 'Windows 10 1909', [10, 0, 18363], ROWS_1809),
  release('win10-2004', 'Windows 10 2004', [10, 0, 19041], ROWS_2004),
  release('win10-22h2', 'Windows 10 22H2', [10, 0, 19045], ROWS_2004),
  release(
    'ws2022',
    'Windows Server 2022',
    [10, 0, 20348],
    newest(IRON, BOTH, { timesync: ['source-read', OPENVMM_TESTS], kvp: ['source-read', OPENVMM_TESTS] }),
  ),
  release('win11-21h2', 'Windows 11 21H2', [10, 0, 22000], ROWS_11, UEFI_ONLY),
  release('win11-22h2', 'Windows 11 22H2', [10, 0, 22621], ROWS_11, UEFI_ONLY),
  release('win11-23h2', 'Windows 11 23H2', [10, 0, 22631], ROWS_11, UEFI_ONLY),
  release(
    'win11-24h2',
    'Windows 11 24H2',
    [10, 0, 26100],
    newest(GERMANIUM, GERMANIUM_SOURCE, { timesync: ['source-read', `${OPENVMM_TESTS} on ARM`] }),
    UEFI_ONLY,
  ),
  release('win11-25h2', 'Windows 11 25H2', [10, 0, 26200], newest(GERMANIUM, GERMANIUM_SOURCE), UEFI_ONLY),
  release('ws2025', 'Windows Server 2025', [10, 0, 26100], newest(GERMANIUM, GERMANIUM_SOURCE)),
]
