import {
  MessageId,
  PacketType,
  type DeviceTrace,
  type TransferTrace,
  type VariableCategory,
  type VariableField,
} from '@vmbus/core'

/** A field as a number, or as a bigint where a number would not be exact: a Map finds numbers several times as fast. */
export type FieldValue = number | bigint

const field = (offset: number, size: 4 | 8, category: VariableCategory): VariableField => ({ offset, size, category })

/** VMBus 5.0: below it the word at 16 of INITIATE_CONTACT is the interrupt page. */
const VERSION_5_0 = 0x5_0000

function pfnsFrom(offset: number, length: number): VariableField[] {
  const fields: VariableField[] = []
  for (let at = offset; at + 8 <= length; at += 8) fields.push(field(at, 8, 'pfn'))
  return fields
}

/** GPADL_HEADER: ranges of {bytes, offset} and their PFNs from byte 20 on. */
function rangesFrom(view: DataView, offset: number): VariableField[] {
  const fields: VariableField[] = []
  for (let at = offset; at + 8 <= view.byteLength;) {
    const pages = Math.ceil((view.getUint32(at + 4, true) + view.getUint32(at, true)) / 4096)
    at += 8
    for (let i = 0; i < pages && at + 8 <= view.byteLength; i++, at += 8) fields.push(field(at, 8, 'pfn'))
  }
  return fields
}

const within = (fields: readonly VariableField[], length: number): VariableField[] =>
  fields.filter(({ offset, size }) => offset + size <= length)

/** The fields of a channel message that the guest chose. */
export function variableInMessage(bytes: Uint8Array): VariableField[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < 12) return []
  const fields = (): VariableField[] => {
    switch (view.getUint32(0, true)) {
      case MessageId.initiateContact:
        return [
          ...(view.getUint32(8, true) < VERSION_5_0 ? [field(16, 8, 'gpa')] : []),
          field(24, 8, 'gpa'),
          field(32, 8, 'gpa'),
        ]
      case MessageId.openChannel:
        return [field(12, 4, 'open'), field(16, 4, 'gpadl')]
      case MessageId.openChannelResult:
        return [field(12, 4, 'open')]
      case MessageId.gpadlHeader:
        return [field(12, 4, 'gpadl'), ...rangesFrom(view, 20)]
      case MessageId.gpadlBody:
        return [field(12, 4, 'gpadl'), ...pfnsFrom(16, bytes.length)]
      case MessageId.gpadlCreated:
      case MessageId.gpadlTeardown:
        return [field(12, 4, 'gpadl')]
      case MessageId.gpadlTorndown:
        return [field(8, 4, 'gpadl')]
      case MessageId.openReservedChannel:
        return [field(20, 4, 'gpadl')]
      case MessageId.modifyConnection:
        return [field(8, 8, 'gpa'), field(16, 8, 'gpa')]
      default:
        return []
    }
  }
  return within(fields(), bytes.length)
}

/** The page frame numbers of a GPA-direct packet; none in any other. */
export function rangesOf(bytes: Uint8Array): VariableField[] {
  if (bytes.length < 16) return []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint16(0, true) !== PacketType.gpaDirect) return []
  const end = Math.min(view.getUint16(2, true) * 8, bytes.length)
  return within(rangesFrom(new DataView(bytes.buffer, bytes.byteOffset, end), 24), end)
}

/** The fields of a packet that its sender chose, or that are times; `trace` knows its device. */
export function variableInPacket(bytes: Uint8Array, trace: DeviceTrace | undefined): VariableField[] {
  if (bytes.length < 16) return []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const payload = view.getUint16(2, true) * 8
  const ranges = rangesOf(bytes)
  const isLent = trace?.lendsPages?.(view, payload) ?? false
  const fields = [
    field(8, 8, 'transaction'),
    ...(isLent ? ranges.map((range) => ({ ...range, category: 'page' as const })) : ranges),
    ...(trace?.variable?.(view, payload) ?? []),
  ]
  return within(fields, bytes.length)
}

/** The fields of what a packet named that the guest chose; `to` is its receiver. */
export const variableInTransfer = (
  to: 'host' | 'guest',
  bytes: Uint8Array,
  transfer: TransferTrace | undefined,
): VariableField[] => within(transfer?.variable(to, bytes) ?? [], bytes.length)
