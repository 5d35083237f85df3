import { MESSAGES, MessageId, PacketType, layouts, versionName } from '@vmbus/core'
import { At, IcFlags, IcType, PIPE_MODE_FLAG, icVersionText } from '@vmbus/ic'
import { RndisType } from '@vmbus/netvsc/protocol'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { className } from './classes.ts'
import type { Entry } from './transcript.ts'

const nameOf = (table: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(table).find(([, number]) => number === value)?.[0] ?? `0x${value.toString(16)}`

const screaming = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** What a message is about, beyond its name. */
function detailOf(bytes: Uint8Array): string {
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
      return ` ${relid} ${className(interfaceId)}${subchannelIndex === 0 ? '' : ` subchannel ${subchannelIndex}`}`
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

function messageText(bytes: Uint8Array): string {
  const id = bytes.length >= 4 ? viewOf(bytes).getUint32(0, true) : -1
  const entry = MESSAGES.find((message) => message.id === id)
  return `${entry === undefined ? `message ${id}` : screaming(entry.name)}${detailOf(bytes)} (${bytes.length} bytes)`
}

/** A component message in words; undefined when it is too short to be one. */
function componentText(payload: Uint8Array): string | undefined {
  if (payload.length < At.body) return undefined
  const view = viewOf(payload)
  const role = (view.getUint8(At.flags) & IcFlags.response) === 0 ? 'request' : 'response'
  const version = (view.getUint16(At.version, true) << 16) | view.getUint16(At.version + 2, true)
  const status = view.getUint32(At.status, true)
  const type = nameOf(IcType, view.getUint16(At.type, true))
  return `${type} ${version === 0 ? '' : `${icVersionText(version)} `}${role}${status === 0 ? '' : ` status 0x${status.toString(16)}`}`
}

function packetText(bytes: Uint8Array, isComponent: boolean): string {
  if (bytes.length < 16) return `truncated packet (${bytes.length} bytes)`
  const view = viewOf(bytes)
  const payload = view.getUint16(2, true) * 8
  const component = isComponent ? componentText(bytes.subarray(payload)) : undefined
  const type = nameOf(PacketType, view.getUint16(0, true))
  return `${component ?? `${type} id ${view.getBigUint64(8, true)}`} (${Math.max(0, bytes.length - payload)} bytes)`
}

/** What a packet named: the type of an RNDIS message, else the format. */
function transferText(format: string, bytes: Uint8Array): string {
  const type = format === 'rndis' && bytes.length >= 4 ? ` ${nameOf(RndisType, viewOf(bytes).getUint32(0, true))}` : ''
  return `${format}${type} (${bytes.length} bytes)`
}

/**
 * Prints a transcript's entries, in order, one line each: time in seconds, direction, what it is. Channels have the names
 * of the offers that went before.
 */
export function createPrinter(): (entry: Entry) => string {
  const offered = new Map<number, { readonly name: string; readonly isComponent: boolean }>()
  return (entry) => {
    const time = (entry.time / TICKS_PER_SECOND).toFixed(6).padStart(11)
    if (entry.kind === 'note') return `${time} ${entry.source}: ${entry.text}`
    const { bytes } = entry
    const way = entry.to === 'host' ? 'guest → host ' : 'host → guest '
    if (entry.kind === 'packet' || entry.kind === 'transfer') {
      const channel = offered.get(entry.relid)
      const name = channel === undefined ? '' : ` ${channel.name}`
      const what =
        entry.kind === 'transfer' ? transferText(entry.format, bytes) : packetText(bytes, channel?.isComponent ?? false)
      return `${time} ${way} channel ${entry.relid}${name} ${what}`
    }
    if (bytes[0] === MessageId.offerChannel && bytes.length >= layouts.offerChannel.size) {
      const { relid, interfaceId, flags } = layouts.offerChannel.parse(bytes)
      offered.set(relid, { name: className(interfaceId), isComponent: (flags & PIPE_MODE_FLAG) !== 0 })
    }
    return `${time} ${way} ${messageText(bytes)}`
  }
}
