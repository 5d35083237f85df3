/** HV_STATUS codes (TLFS "Hypercall Status Codes"; Linux include/asm-generic/hyperv-tlfs.h, HV_STATUS_*). */
export const HV_STATUS = {
  success: 0x00,
  invalidHypercallCode: 0x02,
  invalidHypercallInput: 0x03,
  invalidAlignment: 0x04,
  invalidParameter: 0x05,
  accessDenied: 0x06,
  invalidPartitionState: 0x07,
  operationDenied: 0x08,
  insufficientMemory: 0x0b,
  invalidPartitionId: 0x0d,
  invalidVpIndex: 0x0e,
  invalidPortId: 0x11,
  invalidConnectionId: 0x12,
  insufficientBuffers: 0x13,
  notAcknowledged: 0x14,
  invalidSynicState: 0x18,
  objectInUse: 0x19,
  noData: 0x1b,
  timeout: 0x78,
} as const

const names = new Map<number, string>(Object.entries(HV_STATUS).map(([name, code]) => [code, name]))

/** The name of a status, or its number in hexadecimal: for traces and messages. */
export function hvStatusName(status: number): string {
  return names.get(status) ?? `0x${status.toString(16)}`
}
