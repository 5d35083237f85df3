import { NtStatus } from './packet.ts'

/** SRB status codes, the low six bits (Windows srb.h; wire/05 §3). */
export const SrbStatus = {
  pending: 0x00,
  success: 0x01,
  aborted: 0x02,
  abortFailed: 0x03,
  error: 0x04,
  busy: 0x05,
  invalidRequest: 0x06,
  invalidPath: 0x07,
  noDevice: 0x08,
  timeout: 0x09,
  selectionTimeout: 0x0a,
  commandTimeout: 0x0b,
  messageRejected: 0x0d,
  busReset: 0x0e,
  parityError: 0x0f,
  requestSenseFailed: 0x10,
  noHba: 0x11,
  dataOverrun: 0x12,
  unexpectedBusFree: 0x13,
  phaseSequence: 0x14,
  badSrbLength: 0x15,
  requestFlushed: 0x16,
  invalidLun: 0x20,
  invalidTarget: 0x21,
  badFunction: 0x22,
  errorRecovery: 0x23,
  notPowered: 0x24,
  linkDown: 0x25,
} as const

/** The two bits above the code. */
export const SRB_AUTOSENSE_VALID = 0x80
export const SRB_QUEUE_FROZEN = 0x40

/** The code of a raw SRB status. */
export const srbCode = (raw: number): number => raw & 0x3f

/** SRB flags (Windows srb.h). */
export const SrbFlag = {
  queueActionEnable: 0x2,
  disableDisconnect: 0x4,
  disableSynchTransfer: 0x8,
  bypassFrozenQueue: 0x10,
  disableAutosense: 0x20,
  dataIn: 0x40,
  dataOut: 0x80,
  noQueueFreeze: 0x100,
  adapterCacheEnable: 0x200,
  freeSenseBuffer: 0x400,
} as const

const NT_OF_SRB = new Map<number, number>([
  [SrbStatus.success, NtStatus.success],
  [SrbStatus.busy, NtStatus.deviceBusy],
  [SrbStatus.invalidLun, NtStatus.deviceDoesNotExist],
  [SrbStatus.invalidTarget, NtStatus.deviceDoesNotExist],
  [SrbStatus.noDevice, NtStatus.deviceDoesNotExist],
  [SrbStatus.noHba, NtStatus.deviceDoesNotExist],
  [SrbStatus.timeout, NtStatus.ioTimeout],
  [SrbStatus.commandTimeout, NtStatus.ioTimeout],
  [SrbStatus.selectionTimeout, NtStatus.deviceNotConnected],
  [SrbStatus.badFunction, NtStatus.invalidDeviceRequest],
  [SrbStatus.badSrbLength, NtStatus.invalidDeviceRequest],
  [SrbStatus.dataOverrun, NtStatus.bufferOverflow],
  [SrbStatus.requestFlushed, NtStatus.unsuccessful],
  [SrbStatus.aborted, NtStatus.cancelled],
])

/** The packet status that goes with an SRB code (OpenVMM storvsp, convert_srb_status_to_nt_status). */
export const ntStatusOf = (code: number): number => NT_OF_SRB.get(code) ?? NtStatus.ioDeviceError
