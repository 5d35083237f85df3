import { Version } from '@vmbus/core'
import { icVersion, type IcVersions } from '@vmbus/ic'
import { NvspVersion } from '@vmbus/netvsc/protocol'
import { VstorVersion } from '@vmbus/storvsc/protocol'
import type { Basis, Evidenced, Field } from '@vmbus/world'
import type { Capabilities } from './capabilities.ts'
import { releaseKey, type FreebsdRelease } from './release.ts'

type Evidence = Omit<Field<unknown>, 'value'>
type Name = keyof Capabilities

const KIB = 1024
const MIB = 1024 * KIB
const only = (message: readonly [number, number], framework: readonly [number, number] = [3, 0]): IcVersions => ({
  framework: [icVersion(...framework)],
  message: [icVersion(...message)],
})
const ONE_OR_THREE: IcVersions = {
  framework: [icVersion(3, 0), icVersion(1, 0)],
  message: [icVersion(3, 0), icVersion(1, 0)],
}
const KVP_BY_INDEX: IcVersions = {
  framework: [icVersion(3, 0), icVersion(1, 0)],
  message: [icVersion(4, 0), icVersion(3, 0), icVersion(1, 0)],
}
/** 9 KiB, and the largest IP packet less its Ethernet header and a few bytes (sys/dev/hyperv/netvsc/if_hnreg.h). */
const JUMBO = 9216
const LARGEST = 65_529
const ETHERMTU = 1500
/** Before 11 only the IP header's length field limits what segments are joined to (sys/netinet/tcp_lro.c). */
const UNLIMITED: Capabilities['lro'] = { oneChannel: 65_535, several: 65_535 }

/** The integration services 1.x, in the port and in 10.0 and 10.1: one VMBus version, one storage version, one channel. */
const BIS_1: Capabilities = {
  vmbus: [Version.v0_13],
  negotiation: 'index',
  heartbeat: ONE_OR_THREE,
  timesync: ONE_OR_THREE,
  shutdown: ONE_OR_THREE,
  kvp: KVP_BY_INDEX,
  kvpFourFrom: 2,
  kvpSeconds: Infinity,
  vss: undefined,
  clockRule: 'five-seconds',
  netvsc: [NvspVersion.v2, NvspVersion.v1],
  ndis: '5.1',
  receiveBufferBytes: MIB,
  sendBufferBytes: 64 * KIB,
  netRingPages: 64,
  netChannels: 1,
  mtuMax: JUMBO,
  vf: 'none',
  lro: undefined,
  tso: false,
  checksum: false,
  rss: false,
  rsc: 'none',
  pendingSendSize: 'none',
  storvsc: [VstorVersion.v2_0],
  storvscChoice: 'walk',
  storvscRingPages: 20,
  storvscDepth: 128,
  storvscSubchannels: false,
  unmap: false,
  hotLun: false,
  post: 'ten',
  serviceNames: 'one',
  keyboard: false,
  mouse: false,
  hvsock: false,
  pcib: [],
}

/** Each generation says what it changes from the one before. */
const TEN_2: Capabilities = {
  ...BIS_1,
  vmbus: [Version.v3_0, Version.v2_4, Version.v1_1, Version.v0_13],
  kvpFourFrom: 3,
  kvpSeconds: 5,
  netvsc: [NvspVersion.v5, NvspVersion.v4, NvspVersion.v2, NvspVersion.v1],
  ndis: 'by-nvsp',
  receiveBufferBytes: 16 * MIB,
  sendBufferBytes: 15 * MIB,
  netRingPages: 128,
  tso: true,
  checksum: true,
  storvsc: [VstorVersion.v5_1, VstorVersion.v4_2],
  storvscChoice: 'by-vmbus',
  storvscSubchannels: true,
  hotLun: true,
}
const ELEVEN_0: Capabilities = {
  ...TEN_2,
  lro: { oneChannel: 25 * ETHERMTU, several: 12 * ETHERMTU },
  netChannels: 8,
  rss: true,
  storvsc: [VstorVersion.v6_2, VstorVersion.v6_0, VstorVersion.v5_1, VstorVersion.v4_2, VstorVersion.v2_0],
  storvscChoice: 'walk',
  post: 'eleven',
  serviceNames: 'each',
}
const MODERN: Capabilities = {
  ...ELEVEN_0,
  negotiation: 'best',
  heartbeat: only([3, 0]),
  timesync: only([4, 0]),
  shutdown: only([3, 0]),
  kvp: only([4, 0]),
  vss: only([5, 0]),
  clockRule: 'threshold',
  vf: 'transparent',
  storvscRingPages: 64,
  storvscDepth: 512,
  unmap: true,
  keyboard: true,
  pcib: ['1.1'],
}
const TWELVE: Capabilities = { ...MODERN, mtuMax: LARGEST }
const THIRTEEN: Capabilities = {
  ...TWELVE,
  vmbus: [Version.v4_0, ...TWELVE.vmbus],
  pendingSendSize: 'wrong',
  hvsock: true,
}
const RSC: Capabilities = {
  ...THIRTEEN,
  netvsc: [NvspVersion.v6_1, NvspVersion.v6, ...THIRTEEN.netvsc],
  receiveBufferBytes: 31 * MIB,
  rsc: 'off',
}
const FOURTEEN: Capabilities = { ...RSC, pendingSendSize: 'right', mouse: true, pcib: ['1.4', '1.1'] }

interface Row {
  readonly values: Capabilities
  readonly basis: Basis
  readonly source: string
  readonly bracket?: readonly [after: string, upTo: string]
  /** Values that are known less well than the rest. */
  readonly inferred?: Partial<Record<Name, string>>
}

const read = (values: Capabilities, source: string, inferred?: Row['inferred']): Row => ({
  values,
  basis: 'source-read',
  source,
  ...(inferred === undefined ? {} : { inferred }),
})
const between = (
  values: Capabilities,
  bracket: readonly [string, string],
  inferred?: Row['inferred'],
  more = '',
): Row => ({
  values,
  basis: 'bracketed',
  source: `${bracket.join('; ')}${more}`,
  bracket,
  ...(inferred === undefined ? {} : { inferred }),
})

const PORTS = 'FreeBSDonHyper-V/Hyperv-Ports@11aed6e'
const JUNE_2014 = 'sobomax/FreeBSD.arm@c105f36c'
const READ_10_1 = 'blue-cloud/freebsd@e0d4d875'
const READ_10_2 = 'Cloudxtreme/InfoSecBSD@601ae7e6'
const JULY_2016 = 'sobomax/FreeBSD.arm@3f15fab7'
const READ_10_4 = 'coder03/freebsd10.4@3d3f8b11'
const READ_12_1 = 'jimskon/FreeBSDDevPF@3b5c64cf'
const READ_12_2 = 'jimskon/FreeBSDDevPF@9539687a'
const APRIL_2019 = 'sunrash/freebsd_steroid@9246be31'
const JULY_2022 = 'Uquinix/seva@e7646b05'
const STABLE_14 = 'ilnp/ilnp-freebsd14@2f2a4162'
const READ_15 = 'kactertech/Irid@2ec8aa90'

const ported = (version: string): Row => read(BIS_1, `${PORTS} BIS-1.1/FreeBSD-${version}`)
const AFTER_12_2 = 'follows 12.2; whether vSwitch RSC and NVS 6.1 were merged to 12 was not seen'
const NOT_12_2: Row = { values: TWELVE, basis: 'inferred', source: AFTER_12_2 }
const RSC_13 = between(RSC, [APRIL_2019, JULY_2022], {
  receiveBufferBytes: 'comes with NVS 6.1',
  mouse: 'open for 13.2 to 13.5',
  pcib: 'open for 13.2 to 13.5',
})
const LATER_14 = between(FOURTEEN, [STABLE_14, READ_15])

/** Releases whose drivers are known, by the key of `releaseKey`. A commit stands for the tree that was read. */
const ROWS: Readonly<Record<string, Row>> = {
  '8.4 + port': ported('8.4'),
  '9.1 + port': ported('9.1'),
  '9.2 + port': ported('9.2'),
  '9.3 + port': ported('9.3'),
  '10.0': between({ ...BIS_1, kvp: undefined }, [PORTS, JUNE_2014]),
  '10.0 + port': between(
    BIS_1,
    [PORTS, JUNE_2014],
    undefined,
    `; ${PORTS} BIS-1.0/FreeBSD-10.0 for key-value exchange`,
  ),
  '10.1': read({ ...BIS_1, kvpSeconds: 5 }, READ_10_1),
  '10.2': read(TEN_2, READ_10_2),
  '10.3': between({ ...TEN_2, lro: UNLIMITED }, [READ_10_2, JULY_2016], undefined, '; freebsd/freebsd@427bb5d1'),
  '10.4': read({ ...MODERN, lro: UNLIMITED }, READ_10_4),
  '11.0': between(ELEVEN_0, [JULY_2016, READ_10_4]),
  '11.1': between({ ...MODERN, vf: 'note' }, [JULY_2016, READ_10_4], {
    vf: 'transparent VF was merged after 11.1 (r322489)',
    mtuMax: 'the step to 65529 is between 11.1 and 12.1',
  }),
  '11.2': between(TWELVE, [READ_10_4, READ_12_1], { mtuMax: 'as 12.1' }),
  '11.3': between(TWELVE, [READ_10_4, READ_12_1], { mtuMax: 'as 12.1' }),
  '11.4': between(TWELVE, [READ_10_4, READ_12_1], { mtuMax: 'as 12.1' }),
  '12.0': between(TWELVE, [READ_10_4, READ_12_1], { mtuMax: 'as 12.1' }),
  '12.1': read(TWELVE, READ_12_1),
  '12.2': read(TWELVE, READ_12_2),
  '12.3': NOT_12_2,
  '12.4': NOT_12_2,
  '13.0': between(THIRTEEN, [APRIL_2019, JULY_2022], {
    netvsc: 'NVS 6 came after the branch was cut (a491581f)',
    receiveBufferBytes: 'comes with NVS 6.1',
    pendingSendSize: 'appears between 12.2 and July 2022',
  }),
  '13.1': RSC_13,
  '13.2': RSC_13,
  '13.3': RSC_13,
  '13.4': RSC_13,
  '13.5': RSC_13,
  '14.0': between(FOURTEEN, [JULY_2022, STABLE_14], { mouse: 'as stable/14', pcib: 'as stable/14' }),
  '14.1': LATER_14,
  '14.2': LATER_14,
  '14.3': LATER_14,
  '15.0': read(FOURTEEN, `${READ_15} (a derivative, __FreeBSD_version 1500068)`),
}

/** Every release that is known. */
export const FREEBSD_RELEASES: readonly string[] = Object.keys(ROWS)

function evidenced(values: Capabilities, of: (name: Name) => Evidence): Evidenced<Capabilities> {
  const fields = Object.entries<unknown>({ ...values }).map(([name, value]) => [name, { value, ...of(name as Name) }])
  return Object.fromEntries(fields) as Evidenced<Capabilities>
}

/** What a release tries, each value with how it is known; undefined for one that has no driver or is not known. */
export function fieldsOf(release: FreebsdRelease): Evidenced<Capabilities> | undefined {
  // From 10.2 on the port adds nothing.
  const row =
    ROWS[releaseKey(release)] ?? (release.major >= 10 ? ROWS[releaseKey({ ...release, port: false })] : undefined)
  if (row === undefined) return undefined
  const { values, basis, source, bracket, inferred = {} } = row
  const known: Evidence = { basis, source, ...(bracket === undefined ? {} : { bracket }) }
  return evidenced(values, (name) => {
    const why = inferred[name]
    return why === undefined ? known : { basis: 'inferred', source: why }
  })
}
