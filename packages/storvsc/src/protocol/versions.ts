import { PACKET_BYTES, PACKET_BYTES_V1, SENSE_BYTES, SENSE_BYTES_V1 } from './packet.ts'

/** Protocol versions as on the wire: major << 8 | minor. */
export const VstorVersion = {
  v2_0: 0x0200,
  v4_2: 0x0402,
  v5_1: 0x0501,
  v6_0: 0x0600,
  v6_2: 0x0602,
} as const

/** What a version of the protocol has. */
export interface VstorFeatures {
  /** Bytes of a packet. */
  readonly packetBytes: number
  /** Room for sense data that a driver offers (Linux storvsc_drv.c, vmstor_protocols: 0x12, then 0x14). */
  readonly senseBytes: number
  /** The host reports added and removed LUNs by ENUMERATE_BUS. */
  readonly enumerateBus: boolean
  /** Sub-channels, and the flag that says so. */
  readonly multiChannel: boolean
  /** The driver may send WRITE SAME (Linux storvsc_drv.c, storvsc_device_configure). */
  readonly writeSame: boolean
}

/** Each version says what it changes from the one before. */
const STEPS: readonly { readonly version: number; readonly change: Partial<VstorFeatures> }[] = [
  { version: VstorVersion.v2_0, change: {} },
  { version: VstorVersion.v4_2, change: { enumerateBus: true } },
  { version: VstorVersion.v5_1, change: { packetBytes: PACKET_BYTES, senseBytes: SENSE_BYTES, multiChannel: true } },
  { version: VstorVersion.v6_0, change: {} },
  { version: VstorVersion.v6_2, change: { writeSame: true } },
]

const OLDEST: VstorFeatures = {
  packetBytes: PACKET_BYTES_V1,
  senseBytes: SENSE_BYTES_V1,
  enumerateBus: false,
  multiChannel: false,
  writeSame: false,
}

/** A version has what each step up to its own changed. */
const FEATURES = new Map<number, VstorFeatures>(
  STEPS.map(({ version }, index) => [
    version,
    STEPS.slice(0, index + 1).reduce((features, { change }) => ({ ...features, ...change }), OLDEST),
  ]),
)

/** Every version, oldest first. */
export const VSTOR_VERSIONS: readonly number[] = STEPS.map(({ version }) => version)

/** The features of a version, or undefined where there is no such version. */
export const vstorFeatures = (version: number): VstorFeatures | undefined => FEATURES.get(version)

/** `0x0602` → `6.2`. */
export const vstorVersionName = (version: number): string => `${version >>> 8}.${version & 0xff}`
