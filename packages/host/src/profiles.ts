import { DmVersion } from '@vmbus/balloon/protocol'
import { Feature, Version } from '@vmbus/core'
import { icVersion } from '@vmbus/ic'
import { NvspVersion } from '@vmbus/netvsc/protocol'
import { VstorVersion } from '@vmbus/storvsc/protocol'
import type { Basis, Field } from '@vmbus/world'
import { after, profileOf, type DeviceLimits, type HostProfile } from './profile.ts'
import { Source } from './sources.ts'

// Each build names what it adds to the one before it, and where that was read. What a build says nothing of is handed down,
// and inferred there unless its source speaks of later builds as well (`onward`).

const MiB = 1 << 20

const fact = <T>(value: T, basis: Basis, source: string): Field<T> => ({ value, basis, source })
const read = <T>(value: T, source: string): Field<T> => fact(value, 'source-read', source)
const inferred = <T>(value: T, source: string): Field<T> => fact(value, 'inferred', source)
const onward = <T>(field: Field<T>): Field<T> & { readonly onward: true } => ({ ...field, onward: true })

const NO_DEVICE = 'no source names it for this build'
const [IC_1, IC_3] = [icVersion(1, 0), icVersion(3, 0)]

/** Limits of 2016; of the builds before it only the community table says that Fibre Channel began with 2012. */
const LIMITS: DeviceLimits = {
  ideDisks: 4,
  scsiControllers: 4,
  disksPerScsiController: 64,
  syntheticAdapters: 8,
  emulatedAdapters: 4,
  fibreChannelAdapters: 4,
}

export const ws2008: HostProfile = profileOf('ws2008', 'Windows Server 2008 SP2', {
  build: inferred([6, 0, 6002], Source.community),
  vmbus: read([Version.v0_13], Source.bus),
  framework: read([IC_1], Source.component),
  heartbeat: read([IC_1], Source.component),
  timesync: read([IC_1], Source.component),
  shutdown: read([IC_1], Source.component),
  kvp: read([IC_1], Source.kvp),
  vss: inferred([], NO_DEVICE),
  fcopy: read([], Source.fcopy),
  netvsc: inferred([NvspVersion.v1], Source.netvsc),
  storvsc: read([VstorVersion.v2_0], Source.storvsc),
  balloon: read([], Source.balloon),
  featureFlags: onward(read(0, Source.flags)),
  gpadlLimit: onward(read(384 * MiB, Source.gpadl)),
  maxVps: read({ 1: 4 }, Source.oldGuests),
  generations: read([1], Source.generations),
  configurationVersions: inferred(['2.x'], Source.community),
  limits: inferred({ ...LIMITS, fibreChannelAdapters: 0 }, `${Source.limits}; ${Source.communityDevices}`),
})

export const ws2008r2: HostProfile = after(ws2008, {
  id: 'ws2008r2',
  name: 'Windows Server 2008 R2 SP1',
  adds: {
    vmbus: read([Version.v1_1], Source.bus),
    framework: onward(read([IC_3], Source.component)),
    heartbeat: onward(read([IC_3], Source.component)),
    timesync: onward(read([IC_3], Source.component)),
    shutdown: onward(read([IC_3], Source.component)),
    kvp: read([IC_3], Source.kvp),
    fcopy: read([], Source.fcopy),
    netvsc: inferred([NvspVersion.v2], Source.netvsc),
    storvsc: read([VstorVersion.v4_2], Source.storvsc),
    balloon: read([DmVersion.v0_3], Source.balloon),
  },
  sets: {
    build: inferred([6, 1, 7601], Source.community),
    maxVps: read({ 1: 4 }, Source.oldGuests),
    generations: read([1], Source.generations),
    configurationVersions: inferred(['3.x'], Source.community),
  },
})

export const ws2012: HostProfile = after(ws2008r2, {
  id: 'ws2012',
  name: 'Windows Server 2012',
  adds: {
    vmbus: read([Version.v2_4], Source.bus),
    kvp: read([icVersion(4, 0)], Source.kvp),
    vss: read([icVersion(4, 0)], Source.vss),
    netvsc: inferred([NvspVersion.v4], Source.netvsc),
    storvsc: read([VstorVersion.v5_1], Source.storvsc),
    balloon: onward(read([DmVersion.v1_0], Source.balloon)),
  },
  sets: {
    build: inferred([6, 2, 9200], Source.community),
    maxVps: read({ 1: 64 }, Source.oldGuests),
    generations: read([1], Source.generations),
    configurationVersions: inferred(['4.0'], Source.community),
    limits: inferred(LIMITS, `${Source.limits}; ${Source.communityDevices}`),
  },
})

export const ws2012r2: HostProfile = after(ws2012, {
  id: 'ws2012r2',
  name: 'Windows Server 2012 R2',
  adds: {
    vmbus: read([Version.v3_0], Source.bus),
    kvp: fact([icVersion(5, 0)], 'real', Source.kvp5),
    vss: read([icVersion(5, 0)], Source.vss),
    fcopy: onward(read([icVersion(1, 1)], Source.fcopy)),
    netvsc: inferred([NvspVersion.v5], Source.netvsc),
    storvsc: read([VstorVersion.v6_0], Source.storvsc),
  },
  sets: {
    build: inferred([6, 3, 9600], Source.community),
    maxVps: read({ 1: 64, 2: 64 }, Source.oldGuests),
    generations: onward(read([1, 2], Source.generations)),
    configurationVersions: read(['5.0'], Source.configuration),
  },
})

/** The first Windows 10: later storage and memory protocols than its VMBus 3.0 suggests. */
export const win10v1507: HostProfile = after(ws2012r2, {
  id: 'win10-1507',
  name: 'Windows 10 1507',
  adds: {
    vmbus: inferred([], Source.community),
    storvsc: onward(read([VstorVersion.v6_2], Source.storvsc)),
    balloon: onward(read([DmVersion.v2_0], Source.balloon)),
  },
  sets: {
    build: inferred([10, 0, 10240], Source.community),
    configurationVersions: read(['5.0', '6.2'], Source.configuration),
  },
})

export const win10v1511: HostProfile = after(win10v1507, {
  id: 'win10-1511',
  name: 'Windows 10 1511',
  adds: { vmbus: inferred([], Source.community) },
  sets: {
    build: inferred([10, 0, 10586], Source.community),
    configurationVersions: inferred(['5.0', '6.2', '7.0'], Source.community),
  },
})

export const ws2016: HostProfile = after(win10v1511, {
  id: 'ws2016',
  name: 'Windows Server 2016',
  adds: {
    vmbus: read([Version.v4_0], Source.bus),
    timesync: onward(read([icVersion(4, 0)], Source.component)),
    vss: inferred([icVersion(6, 0), icVersion(7, 0)], Source.vss),
    netvsc: inferred([NvspVersion.v6], Source.netvsc),
  },
  sets: {
    build: inferred([10, 0, 14393], Source.community),
    maxVps: read({ 1: 64, 2: 240 }, Source.limits),
    configurationVersions: read(['5.0', '6.2', '7.0', '7.1', '8.0'], Source.configuration),
    limits: read(LIMITS, Source.limits),
  },
})

export const win10v1703: HostProfile = after(ws2016, {
  id: 'win10-1703',
  name: 'Windows 10 1703',
  adds: { vmbus: inferred([], Source.community) },
  sets: {
    build: inferred([10, 0, 15063], Source.community),
    configurationVersions: inferred(['5.0', '6.2', '7.0', '7.1', '8.0', '8.1'], Source.community),
  },
})

export const win10v1709: HostProfile = after(win10v1703, {
  id: 'win10-1709',
  name: 'Windows 10 1709',
  adds: { vmbus: read([Version.v4_1], Source.bus) },
  sets: {
    build: inferred([10, 0, 16299], Source.community),
    configurationVersions: inferred(['5.0', '6.2', '7.0', '7.1', '8.0', '8.1', '8.2'], Source.community),
  },
})

export const win10v1803: HostProfile = after(win10v1709, {
  id: 'win10-1803',
  name: 'Windows 10 1803',
  adds: { vmbus: read([Version.v5_0, Version.v5_1], Source.bus) },
  sets: {
    build: inferred([10, 0, 17134], Source.community),
    configurationVersions: inferred(['5.0', '6.2', '7.0', '7.1', '8.0', '8.1', '8.2', '8.3'], Source.community),
  },
})

export const ws2019: HostProfile = after(win10v1803, {
  id: 'ws2019',
  name: 'Windows Server 2019',
  adds: {
    vmbus: read([Version.v5_2], Source.bus),
    shutdown: inferred([icVersion(3, 1), icVersion(3, 2)], Source.shutdown),
    netvsc: read([NvspVersion.v6_1], Source.coalescing),
  },
  sets: {
    build: inferred([10, 0, 17763], Source.community),
    gpadlLimit: onward(read(1280 * MiB, Source.gpadl)),
    maxVps: read({ 1: 64, 2: 240 }, Source.limits),
    configurationVersions: read(['5.0', '6.2', '7.0', '7.1', '8.0', '8.1', '8.2', '8.3', '9.0'], Source.configuration),
    limits: read({ ...LIMITS, syntheticAdapters: 64 }, Source.limits),
  },
})

export const win10v1903: HostProfile = after(ws2019, {
  id: 'win10-1903',
  name: 'Windows 10 1903',
  adds: { vmbus: inferred([], Source.community) },
  sets: {
    build: inferred([10, 0, 18362], Source.community),
    configurationVersions: inferred([...ws2019.fields.configurationVersions.value, '9.1'], Source.community),
  },
})

/** Configuration versions before 8.0 run no longer. */
export const win10v2004: HostProfile = after(win10v1903, {
  id: 'win10-2004',
  name: 'Windows 10 2004',
  adds: { vmbus: inferred([], Source.community) },
  sets: {
    build: inferred([10, 0, 19041], Source.community),
    configurationVersions: read(['8.0', '8.1', '8.2', '8.3', '9.0', '9.1', '9.2'], Source.configuration),
  },
})

export const ws2022: HostProfile = after(win10v2004, {
  id: 'ws2022',
  name: 'Windows Server 2022',
  adds: { vmbus: read([Version.v5_3], Source.bus) },
  sets: {
    build: inferred([10, 0, 20348], Source.community),
    maxVps: read({ 1: 64, 2: 1024 }, Source.guests),
    configurationVersions: read(
      [...win10v2004.fields.configurationVersions.value, '9.3', '10.0'],
      Source.configuration,
    ),
  },
})

/** Azure Local: the protocols of Windows Server 2022 (inferred). */
export const azurelocal: HostProfile = after(ws2022, {
  id: 'azurelocal',
  name: 'Azure Local',
  sets: { build: inferred([10, 0, 20349], 'its builds vary; one above Windows Server 2022') },
})

/** Nickel comes before Copper, which brought VMBus 6.0: still 5.3. */
export const win11v22h2: HostProfile = after(ws2022, {
  id: 'win11-22h2',
  name: 'Windows 11 22H2',
  adds: { vmbus: inferred([], Source.semesters) },
  sets: {
    build: inferred([10, 0, 22621], Source.community),
    configurationVersions: read([...ws2022.fields.configurationVersions.value, '11.0'], Source.configuration),
  },
})

/** Windows 11 24H2 is the same build. */
export const ws2025: HostProfile = after(win11v22h2, {
  id: 'ws2025',
  name: 'Windows Server 2025',
  adds: { vmbus: inferred([Version.v6_0], Source.semesters) },
  sets: {
    build: inferred([10, 0, 26100], Source.semesters),
    featureFlags: inferred(
      Feature.guestSpecifiedSignalParameters | Feature.channelInterruptRedirection | Feature.modifyConnection,
      Source.copperFlags,
    ),
    maxVps: read({ 1: 64, 2: 2048 }, Source.guests),
    configurationVersions: read([...win11v22h2.fields.configurationVersions.value, '12.0'], Source.configuration),
  },
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
