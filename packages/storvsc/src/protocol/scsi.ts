/** Operation codes (SPC-4, SBC-3, MMC-6). */
export const Op = {
  testUnitReady: 0x00,
  requestSense: 0x03,
  formatUnit: 0x04,
  read6: 0x08,
  write6: 0x0a,
  inquiry: 0x12,
  modeSelect6: 0x15,
  reserve6: 0x16,
  release6: 0x17,
  modeSense6: 0x1a,
  startStopUnit: 0x1b,
  sendDiagnostic: 0x1d,
  preventAllowMediumRemoval: 0x1e,
  setWindow: 0x24,
  readCapacity10: 0x25,
  read10: 0x28,
  write10: 0x2a,
  writeVerify10: 0x2e,
  verify10: 0x2f,
  synchronizeCache10: 0x35,
  writeSame10: 0x41,
  unmap: 0x42,
  readToc: 0x43,
  getConfiguration: 0x46,
  getEventStatus: 0x4a,
  readDiscInformation: 0x51,
  readTrackInformation: 0x52,
  modeSelect10: 0x55,
  modeSense10: 0x5a,
  readBufferCapacity: 0x5c,
  persistentReserveIn: 0x5e,
  persistentReserveOut: 0x5f,
  ataPassThrough16: 0x85,
  read16: 0x88,
  write16: 0x8a,
  writeVerify16: 0x8e,
  verify16: 0x8f,
  synchronizeCache16: 0x91,
  writeSame16: 0x93,
  serviceActionIn16: 0x9e,
  reportLuns: 0xa0,
  ataPassThrough12: 0xa1,
  maintenanceIn: 0xa3,
  read12: 0xa8,
  write12: 0xaa,
  readDvdStructure: 0xad,
  writeVerify12: 0xae,
  verify12: 0xaf,
  mechanismStatus: 0xbd,
} as const

export const ScsiStatus = {
  good: 0x00,
  checkCondition: 0x02,
  busy: 0x08,
  reservationConflict: 0x18,
  taskAborted: 0x40,
} as const

export const SenseKey = {
  noSense: 0x0,
  notReady: 0x2,
  mediumError: 0x3,
  illegalRequest: 0x5,
  unitAttention: 0x6,
  dataProtect: 0x7,
  abortedCommand: 0xb,
  miscompare: 0xe,
} as const

/** Additional sense code << 8 | qualifier (SPC-4 annex D). */
export const Asc = {
  none: 0x0000,
  miscompare: 0x1d00,
  invalidOpcode: 0x2000,
  lbaOutOfRange: 0x2100,
  invalidFieldInCdb: 0x2400,
  parameterListLength: 0x1a00,
  invalidFieldInParameterList: 0x2600,
  invalidRelease: 0x2604,
  writeProtected: 0x2700,
  spaceAllocationFailed: 0x2707,
  mediumChanged: 0x2800,
  reservationsPreempted: 0x2a03,
  reservationsReleased: 0x2a04,
  registrationsPreempted: 0x2a05,
  capacityChanged: 0x2a09,
  incompatibleMedium: 0x3002,
  savingNotSupported: 0x3900,
  noMediumTrayClosed: 0x3a01,
  noMediumTrayOpen: 0x3a02,
  removalPrevented: 0x5302,
} as const

/** VPD pages (SPC-4 7.8, SBC-3 6.6). */
export const Vpd = {
  supported: 0x00,
  serialNumber: 0x80,
  identifiers: 0x83,
  blockLimits: 0xb0,
  characteristics: 0xb1,
  provisioning: 0xb2,
} as const

export const MODE_PAGE_CACHING = 0x08
export const MODE_PAGE_ALL = 0x3f

/** Service action of SERVICE ACTION IN (16). */
export const READ_CAPACITY_16 = 0x10

/** Bytes of fixed-format sense data as hosts send it. */
export const FIXED_SENSE_BYTES = 18

/** Length of a CDB by its group: 6, 10, 12 or 16. */
export function cdbLength(opcode: number): 6 | 10 | 12 | 16 {
  const group = opcode >>> 5
  if (group === 0) return 6
  if (group === 4) return 16
  return group === 5 ? 12 : 10
}

/** Key and additional codes of sense data. */
export interface Sense {
  readonly key: number
  /** Additional sense code << 8 | qualifier. */
  readonly asc: number
}

/** Fixed-format current sense data (SPC-4 4.5.3): 18 bytes at `offset`. */
export function writeSense(sense: Sense, into: Uint8Array, offset: number): void {
  into.fill(0, offset, offset + FIXED_SENSE_BYTES)
  into[offset] = 0x70
  into[offset + 2] = sense.key
  into[offset + 7] = FIXED_SENSE_BYTES - 8
  into[offset + 12] = sense.asc >>> 8
  into[offset + 13] = sense.asc & 0xff
}

/** Key and codes of sense data in fixed (0x70, 0x71) or descriptor (0x72, 0x73) format; undefined for anything else. */
export function readSense(bytes: Uint8Array): Sense | undefined {
  const format = (bytes[0] ?? 0) & 0x7f
  const byte = (index: number): number => bytes[index] ?? 0
  if (format === 0x70 || format === 0x71) return { key: byte(2) & 0xf, asc: (byte(12) << 8) | byte(13) }
  if (format === 0x72 || format === 0x73) return { key: byte(1) & 0xf, asc: (byte(2) << 8) | byte(3) }
  return undefined
}
