import { constantIn, nameIn, upperSnakeCase, type DeviceTrace } from '@vmbus/core'
import { FC_INTERFACE, IDE_INTERFACE, SCSI_INTERFACE } from './protocol/index.ts'
import { HEADER_BYTES, Operation, vmscsiRequest } from './protocol/packet.ts'
import { Op, READ_CAPACITY_16 } from './protocol/scsi.ts'

/** `READ(10)`, `TEST UNIT READY`: as the SCSI documents write them. */
const commandName = (name: string): string =>
  upperSnakeCase(name)
    .replaceAll('_', ' ')
    .replace(/(\d+)$/, '($1)')

const CDB = HEADER_BYTES + vmscsiRequest.offsets.cdb
const SERVICE_ACTION = 0x1f

function commandText(payload: Uint8Array): string {
  const [opcode = 0, flags = 0, page = 0] = payload.subarray(CDB)
  if (opcode === Op.serviceActionIn16 && (flags & SERVICE_ACTION) === READ_CAPACITY_16) return 'READ CAPACITY(16)'
  const name = nameIn(Op, opcode)
  const text = name === undefined ? `SCSI 0x${opcode.toString(16)}` : commandName(name)
  return opcode === Op.inquiry && (flags & 1) === 1 ? `${text} page 0x${page.toString(16)}` : text
}

function payloadText(payload: Uint8Array): string | undefined {
  if (payload.length < HEADER_BYTES) return undefined
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const operation = view.getUint32(0, true)
  if (operation === Operation.executeSrb && payload.length > CDB) return commandText(payload)
  const status = view.getUint32(8, true)
  const name = constantIn(Operation, operation)
  return name === undefined ? undefined : `${name}${status === 0 ? '' : ` status 0x${status.toString(16)}`}`
}

export const trace: Partial<DeviceTrace> = {
  classes: { [SCSI_INTERFACE]: 'storvsc', [IDE_INTERFACE]: 'ide', [FC_INTERFACE]: 'fibre-channel' },
  payloadText,
}
