import {
  MESSAGES,
  MessageId,
  PacketType,
  layouts,
  nameIn,
  upperSnakeCase,
  versionName,
  type DeviceTrace,
} from '@vmbus/core'
import { classesOf, type Classes, type TracedDevice } from './devices.ts'
import type { Entry } from './transcript.ts'

/** What crossed, in the words of its protocol. */
export interface Named {
  /** `INITIATE_CONTACT 5.3`, `SET request`, `READ(10)`. */
  readonly says: string
  /** The channel of a packet: the name of its device's class where it was offered. */
  readonly channel?: string
  /** Of the message, or what a packet carries behind its descriptor. */
  readonly bytes: number
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** What a message is about, beyond its name. */
function detailOf(bytes: Uint8Array, classes: Classes): string {
  const view = viewOf(bytes)
  const word = (offset: number): number => view.getUint32(offset, true)
  switch (bytes.length < 12 ? -1 : word(0)) {
    case MessageId.initiateContact:
      return ` ${versionName(word(8))}`
    case MessageId.versionResponse:
      return view.getUint8(8) === 0 ? ' not supported' : ` supported, state ${view.getUint8(9)}`
    case MessageId.offerChannel: {
      if (bytes.length < layouts.offerChannel.size) return ''
      const { interfaceId, relid, subchannelIndex } = layouts.offerChannel.parse(bytes)
      return ` ${relid} ${classes.nameOf(interfaceId)}${subchannelIndex === 0 ? '' : ` subchannel ${subchannelIndex}`}`
    }
    case MessageId.gpadlHeader:
    case MessageId.gpadlCreated:
    case MessageId.gpadlTeardown:
      return bytes.length < 16 ? '' : ` ${word(8)} gpadl 0x${word(12).toString(16)}`
    case MessageId.openChannel:
    case MessageId.openChannelResult:
    case MessageId.closeChannel:
    case MessageId.rescindChannelOffer:
    case MessageId.relidReleased:
    case MessageId.modifyChannel:
      return ` ${word(8)}`
    default:
      return ''
  }
}

function messageText(bytes: Uint8Array, classes: Classes): string {
  const id = bytes.length >= 4 ? viewOf(bytes).getUint32(0, true) : -1
  const entry = MESSAGES.find((message) => message.id === id)
  return `${entry === undefined ? `message ${id}` : upperSnakeCase(entry.name)}${detailOf(bytes, classes)}`
}

function packetText(bytes: Uint8Array, trace: DeviceTrace | undefined): string {
  if (bytes.length < DESCRIPTOR) return 'truncated packet'
  const view = viewOf(bytes)
  const type = view.getUint16(0, true)
  return (
    trace?.payloadText?.(bytes.subarray(view.getUint16(2, true) * 8)) ??
    `${nameIn(PacketType, type) ?? `0x${type.toString(16)}`} id ${view.getBigUint64(8, true)}`
  )
}

const DESCRIPTOR = 16

function carried({ kind, bytes }: Entry & { readonly bytes: Uint8Array }): number {
  if (kind !== 'packet' || bytes.length < DESCRIPTOR) return bytes.length
  return Math.max(0, bytes.length - viewOf(bytes).getUint16(2, true) * 8)
}

interface Offered {
  readonly name: string
  readonly trace: DeviceTrace | undefined
}

/** Names what crossed, entry by entry in their order. Channels have the names of the offers that went before. */
export function createNamer(
  devices: Iterable<TracedDevice>,
): (entry: Exclude<Entry, { readonly kind: 'note' }>) => Named {
  const classes = classesOf(devices)
  const offered = new Map<number, Offered>()
  return (entry) => {
    const { bytes } = entry
    if (entry.kind === 'packet' || entry.kind === 'transfer') {
      const channel = offered.get(entry.relid)
      const says =
        entry.kind === 'packet'
          ? packetText(bytes, channel?.trace)
          : (classes.transferOf(entry.format)?.text(bytes) ?? entry.format)
      return { says, ...(channel !== undefined && { channel: channel.name }), bytes: carried(entry) }
    }
    if (bytes[0] === MessageId.offerChannel && bytes.length >= layouts.offerChannel.size) {
      const { relid, interfaceId } = layouts.offerChannel.parse(bytes)
      offered.set(relid, { name: classes.nameOf(interfaceId), trace: classes.traceOf(interfaceId) })
    }
    return { says: messageText(bytes, classes), bytes: bytes.length }
  }
}
