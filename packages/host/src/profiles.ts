import { icVersion, type IcVersions } from '@vmbus/ic'
import { after, type HostProfile } from './profile.ts'

// Every number below is a fact of a Hyper-V build. VMBus, VSTOR and dynamic memory maxima: Linux include/linux/hyperv.h,
// drivers/scsi/storvsc_drv.c and drivers/hv/hv_balloon.c, and OpenVMM vmbus_core/src/protocol.rs. Component versions:
// LIS hv_util.c and hv_kvp.c (switches on the VMBus version), OpenVMM hyperv_ic_protocol; KVP 5.0: the event log of a 2012 R2
// host, LIS/lis-next issue 593. NVSP maxima, shutdown 3.1 and 3.2 and everything of VMBus 6.0 are inferred; each value's basis is in @vmbus/catalog, data/hosts.json.

const MiB = 1 << 20
const v = (major: number, minor: number): number => (major << 16) | minor
const ic = (framework: readonly number[], message: readonly number[]): IcVersions => ({ framework, message })

const FRAMEWORK_1 = [icVersion(1, 0)]
const FRAMEWORK_3 = [icVersion(1, 0), icVersion(3, 0)]
const ONE = [icVersion(1, 0)]
const ONE_THREE = [icVersion(1, 0), icVersion(3, 0)]

export const ws2008: HostProfile = {
  id: 'ws2008',
  name: 'Windows Server 2008 SP2',
  vmbus: [v(0, 13)],
  featureFlags: 0,
  gpadlLimit: 384 * MiB,
  partition: {
    version: { major: 6, minor: 0, build: 6002, servicePack: 0, serviceNumber: 0, serviceBranch: 0 },
    maxVps: 4,
  },
  devices: {
    heartbeat: ic(FRAMEWORK_1, ONE),
    timesync: ic(FRAMEWORK_1, ONE),
    shutdown: ic(FRAMEWORK_1, ONE),
    kvp: ic(FRAMEWORK_1, ONE),
    netvsc: { versions: [0x00002] },
    storvsc: { versions: [0x0200] },
  },
}

export const ws2008r2: HostProfile = after(ws2008, {
  id: 'ws2008r2',
  name: 'Windows Server 2008 R2 SP1',
  build: [6, 1, 7601],
  vmbus: [v(1, 1)],
  devices: {
    heartbeat: ic(FRAMEWORK_3, ONE_THREE),
    timesync: ic(FRAMEWORK_3, ONE_THREE),
    shutdown: ic(FRAMEWORK_3, ONE_THREE),
    kvp: ic(FRAMEWORK_3, ONE_THREE),
    netvsc: { versions: [0x00002, 0x30002] },
    storvsc: { versions: [0x0200, 0x0402] },
    balloon: { versions: [v(0, 3)] },
  },
})

export const ws2012: HostProfile = after(ws2008r2, {
  id: 'ws2012',
  name: 'Windows Server 2012',
  build: [6, 2, 9200],
  vmbus: [v(2, 4)],
  maxVps: 64,
  devices: {
    kvp: ic(FRAMEWORK_3, [...ONE_THREE, icVersion(4, 0)]),
    vss: ic(FRAMEWORK_3, [icVersion(4, 0)]),
    netvsc: { versions: [0x00002, 0x30002, 0x40000] },
    storvsc: { versions: [0x0200, 0x0402, 0x0501] },
    balloon: { versions: [v(0, 3), v(1, 0)] },
  },
})

export const ws2012r2: HostProfile = after(ws2012, {
  id: 'ws2012r2',
  name: 'Windows Server 2012 R2',
  build: [6, 3, 9600],
  vmbus: [v(3, 0)],
  devices: {
    kvp: ic(FRAMEWORK_3, [...ONE_THREE, icVersion(4, 0), icVersion(5, 0)]),
    vss: ic(FRAMEWORK_3, [icVersion(4, 0), icVersion(5, 0)]),
    fcopy: ic(FRAMEWORK_3, [icVersion(1, 1)]),
    netvsc: { versions: [0x00002, 0x30002, 0x40000, 0x50000] },
    storvsc: { versions: [0x0200, 0x0402, 0x0501, 0x0600] },
  },
})

const STORVSC_6_2 = { versions: [0x0200, 0x0402, 0x0501, 0x0600, 0x0602] }
const BALLOON_2_0 = { versions: [v(0, 3), v(1, 0), v(2, 0)] }

/** The first Windows 10: later storage and memory protocols than its VMBus 3.0 suggests. */
export const win10v1507: HostProfile = after(ws2012r2, {
  id: 'win10-1507',
  name: 'Windows 10 1507',
  build: [10, 0, 10240],
  devices: { storvsc: STORVSC_6_2, balloon: BALLOON_2_0 },
})

export const win10v1511: HostProfile = after(win10v1507, {
  id: 'win10-1511',
  name: 'Windows 10 1511',
  build: [10, 0, 10586],
})

export const ws2016: HostProfile = after(win10v1511, {
  id: 'ws2016',
  name: 'Windows Server 2016',
  build: [10, 0, 14393],
  vmbus: [v(4, 0)],
  maxVps: 240,
  devices: {
    timesync: ic(FRAMEWORK_3, [...ONE_THREE, icVersion(4, 0)]),
    vss: ic(FRAMEWORK_3, [icVersion(4, 0), icVersion(5, 0), icVersion(6, 0), icVersion(7, 0)]),
    netvsc: { versions: [0x00002, 0x30002, 0x40000, 0x50000, 0x60000] },
  },
})

export const win10v1703: HostProfile = after(ws2016, {
  id: 'win10-1703',
  name: 'Windows 10 1703',
  build: [10, 0, 15063],
})

export const win10v1709: HostProfile = after(win10v1703, {
  id: 'win10-1709',
  name: 'Windows 10 1709',
  build: [10, 0, 16299],
  vmbus: [v(4, 1)],
})

export const win10v1803: HostProfile = after(win10v1709, {
  id: 'win10-1803',
  name: 'Windows 10 1803',
  build: [10, 0, 17134],
  vmbus: [v(5, 0), v(5, 1)],
})

export const ws2019: HostProfile = after(win10v1803, {
  id: 'ws2019',
  name: 'Windows Server 2019',
  build: [10, 0, 17763],
  vmbus: [v(5, 2)],
  gpadlLimit: 1280 * MiB,
  devices: {
    shutdown: ic(FRAMEWORK_3, [...ONE_THREE, icVersion(3, 1), icVersion(3, 2)]),
    netvsc: { versions: [0x00002, 0x30002, 0x40000, 0x50000, 0x60000, 0x60001] },
  },
})

export const win10v1903: HostProfile = after(ws2019, {
  id: 'win10-1903',
  name: 'Windows 10 1903',
  build: [10, 0, 18362],
})

export const win10v2004: HostProfile = after(win10v1903, {
  id: 'win10-2004',
  name: 'Windows 10 2004',
  build: [10, 0, 19041],
})

export const ws2022: HostProfile = after(win10v2004, {
  id: 'ws2022',
  name: 'Windows Server 2022',
  build: [10, 0, 20348],
  vmbus: [v(5, 3)],
  maxVps: 1024,
})

/** Azure Local: the protocols of Windows Server 2022 (inferred). */
export const azurelocal: HostProfile = after(ws2022, { id: 'azurelocal', name: 'Azure Local', build: [10, 0, 20349] })

export const win11v22h2: HostProfile = after(ws2022, {
  id: 'win11-22h2',
  name: 'Windows 11 22H2',
  build: [10, 0, 22621],
  vmbus: [v(6, 0)],
  featureFlags: 0x7,
})

export const ws2025: HostProfile = after(win11v22h2, {
  id: 'ws2025',
  name: 'Windows Server 2025',
  build: [10, 0, 26100],
  maxVps: 2048,
})

/** Every profile, oldest first. */
export const hostProfiles: readonly HostProfile[] = [
  ws2008,
  ws2008r2,
  ws2012,
  ws2012r2,
  win10v1507,
  win10v1511,
  ws2016,
  win10v1703,
  win10v1709,
  win10v1803,
  ws2019,
  win10v1903,
  win10v2004,
  ws2022,
  win11v22h2,
  ws2025,
  azurelocal,
]

/** The profile of an id such as `ws2022`, or undefined. */
export const hostProfile = (id: string): HostProfile | undefined => hostProfiles.find((profile) => profile.id === id)
