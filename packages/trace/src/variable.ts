import { MessageId, PacketType } from '@vmbus/core'
import { At, IcType } from '@vmbus/ic'
import { REFERENCE_FORM_SINCE } from '@vmbus/timesync/protocol'
import { isRndis, unsetBehindRndis, variableInRndis } from './rndis.ts'

/**
 * The closed list of what two transcripts of the same exchange may differ in. A value of the categories `pfn`, `page`,
 * `gpadl`, `open`, `transaction`, `request` and `identification` is chosen by the guest and renamed in order of first appearance,
 * so that equality stays; the checksum over an `identification` changes with it, and is else compared; `gpa` is renamed
 * by its page and keeps its offset; `time` is dropped, and so is `unset`: what happened to stand in the sender's memory
 * where no field is. Nothing else is touched.
 */
export type Category =
  | 'pfn'
  | 'page'
  | 'gpa'
  | 'gpadl'
  | 'open'
  | 'transaction'
  | 'request'
  | 'identification'
  | 'time'
  | 'unset'

/** A field as a number, or as a bigint where a number would not be exact: a Map finds numbers several times as fast. */
export type FieldValue = number | bigint

export interface VariableField {
  readonly offset: number
  /** Numbers of two bytes are in network order, the others little-endian. */
  readonly size: 2 | 4 | 8
  readonly category: Category
}

const field = (offset: number, size: 4 | 8, category: Category): VariableField => ({ offset, size, category })

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

const within = (fields: VariableField[], length: number): VariableField[] =>
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

/** Where the times stand in a time synchronisation message whose IC header begins at `base`. */
function timesOf(view: DataView, base: number): VariableField[] {
  const version = (view.getUint16(base + At.version, true) << 16) | view.getUint16(base + At.version + 2, true)
  const body = base + At.body
  return version >= REFERENCE_FORM_SINCE
    ? [field(body, 8, 'time'), field(body + 8, 8, 'time')]
    : [field(body, 8, 'time'), field(body + 8, 8, 'time'), field(body + 16, 8, 'time')]
}

/** The page frame numbers of a GPA-direct packet; none in any other. */
export function rangesOf(bytes: Uint8Array): VariableField[] {
  if (bytes.length < 16) return []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint16(0, true) !== PacketType.gpaDirect) return []
  const end = Math.min(view.getUint16(2, true) * 8, bytes.length)
  return within(rangesFrom(new DataView(bytes.buffer, bytes.byteOffset, end), 24), end)
}

/** The fields of a packet that its sender chose, or that are times. `pipe`: the channel is a message pipe of a component. */
export function variableInPacket(bytes: Uint8Array, pipe: boolean): VariableField[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const fields = [field(8, 8, 'transaction')]
  if (bytes.length < 16) return []
  const type = view.getUint16(0, true)
  const payload = view.getUint16(2, true) * 8
  if (type === PacketType.gpaDirect && isRndis(view, payload)) {
    fields.push(...rangesOf(bytes).map((each) => ({ ...each, category: 'page' as const })))
    fields.push(...unsetBehindRndis(view, payload))
  } else fields.push(...rangesOf(bytes))
  if (
    pipe &&
    type === PacketType.inBand &&
    bytes.length >= payload + At.body &&
    view.getUint16(payload + At.type, true) === IcType.timesync
  )
    fields.push(...timesOf(view, payload))
  return within(fields, bytes.length)
}

/** The fields of what a packet named that the guest chose; `to` is its receiver. */
export function variableInTransfer(format: string, to: 'host' | 'guest', bytes: Uint8Array): VariableField[] {
  return within(format === 'rndis' ? variableInRndis(to, bytes) : [], bytes.length)
}
