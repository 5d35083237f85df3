import { DmType } from '@vmbus/balloon/protocol'
import { MESSAGES, MessageId, PacketType, layouts, versionName } from '@vmbus/core'
import { FcopyOperation } from '@vmbus/fcopy/protocol'
import { At, IcFlags, IcType, PIPE_MODE_FLAG, icVersionText } from '@vmbus/ic'
import { KvpOperation } from '@vmbus/kvp/protocol'
import { NvspType, Oid, RndisType } from '@vmbus/netvsc/protocol'
import { HEADER_BYTES, Op, Operation, READ_CAPACITY_16, vmscsiRequest } from '@vmbus/storvsc/protocol'
import { VssOperation } from '@vmbus/vss/protocol'
import { className } from './classes.ts'
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

type Table = Readonly<Record<string, number>>

const nameIn = (table: Table, value: number): string | undefined =>
  Object.entries(table).find(([, number]) => number === value)?.[0]
const nameOf = (table: Table, value: number): string => nameIn(table, value) ?? `0x${value.toString(16)}`
const screaming = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
/** Of a table of a protocol, as its own documents write it. */
const constant = (table: Table, value: number): string | undefined => {
  const name = nameIn(table, value)
  return name === undefined ? undefined : screaming(name)
}

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
  return `${entry === undefined ? `message ${id}` : screaming(entry.name)}${detailOf(bytes)}`
}

/** Components whose body begins with what is asked for, and the bytes that it takes. */
const OPERATIONS: Readonly<Record<number, Table>> = {
  [IcType.kvp]: KvpOperation,
  [IcType.vss]: VssOperation,
  [IcType.fcopy]: FcopyOperation,
}

/** A component message in words; undefined when it is too short to be one. */
function componentText(payload: Uint8Array): string | undefined {
  if (payload.length < At.body) return undefined
  const view = viewOf(payload)
  const role = (view.getUint8(At.flags) & IcFlags.response) === 0 ? 'request' : 'response'
  const version = (view.getUint16(At.version, true) << 16) | view.getUint16(At.version + 2, true)
  const status = view.getUint32(At.status, true)
  const type = view.getUint16(At.type, true)
  const operations = OPERATIONS[type]
  const operation =
    operations === undefined || payload.length === At.body ? undefined : nameIn(operations, view.getUint8(At.body))
  return [
    nameOf(IcType, type),
    ...(version === 0 ? [] : [icVersionText(version)]),
    ...(operation === undefined ? [] : [operation]),
    role,
    ...(status === 0 ? [] : [`status 0x${status.toString(16)}`]),
  ].join(' ')
}

/** `READ(10)`, `TEST UNIT READY`: as the SCSI documents write them. */
const commandName = (name: string): string =>
  screaming(name)
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

function storageText(payload: Uint8Array): string | undefined {
  if (payload.length < HEADER_BYTES) return undefined
  const view = viewOf(payload)
  const operation = view.getUint32(0, true)
  if (operation === Operation.executeSrb && payload.length > CDB) return commandText(payload)
  const status = view.getUint32(8, true)
  const name = constant(Operation, operation)
  return name === undefined ? undefined : `${name}${status === 0 ? '' : ` status 0x${status.toString(16)}`}`
}

/** What the payload of a device's packet is, by the class of its channel; undefined for other packets. */
function deviceText(channel: string, payload: Uint8Array): string | undefined {
  if (payload.length < 4) return undefined
  const view = viewOf(payload)
  switch (channel) {
    case 'netvsc':
      return constant(NvspType, view.getUint32(0, true))
    case 'storvsc':
    case 'ide':
    case 'fibre-channel':
      return storageText(payload)
    case 'balloon':
      return constant(DmType, view.getUint16(0, true))
    default:
      return undefined
  }
}

function packetText(bytes: Uint8Array, channel: Offered | undefined): string {
  if (bytes.length < DESCRIPTOR) return 'truncated packet'
  const view = viewOf(bytes)
  const payload = bytes.subarray(view.getUint16(2, true) * 8)
  const text =
    channel === undefined ? undefined : channel.isComponent ? componentText(payload) : deviceText(channel.name, payload)
  return text ?? `${nameOf(PacketType, view.getUint16(0, true))} id ${view.getBigUint64(8, true)}`
}

const RNDIS_OID = 12

/** What a packet named: the type of an RNDIS message and what it asks for, else the format. */
function transferText(format: string, bytes: Uint8Array): string {
  if (format !== 'rndis' || bytes.length < 4) return format
  const view = viewOf(bytes)
  const type = view.getUint32(0, true)
  const asks = (type === RndisType.query || type === RndisType.set) && bytes.length >= RNDIS_OID + 4
  return `RNDIS ${screaming(nameOf(RndisType, type))}${asks ? ` ${nameOf(Oid, view.getUint32(RNDIS_OID, true))}` : ''}`
}

const DESCRIPTOR = 16

function carried({ kind, bytes }: Entry & { readonly bytes: Uint8Array }): number {
  if (kind !== 'packet' || bytes.length < DESCRIPTOR) return bytes.length
  return Math.max(0, bytes.length - viewOf(bytes).getUint16(2, true) * 8)
}

interface Offered {
  readonly name: string
  readonly isComponent: boolean
}

/** Names what crossed, entry by entry in their order. Channels have the names of the offers that went before. */
export function createNamer(): (entry: Exclude<Entry, { readonly kind: 'note' }>) => Named {
  const offered = new Map<number, Offered>()
  return (entry) => {
    const { bytes } = entry
    if (entry.kind === 'packet' || entry.kind === 'transfer') {
      const channel = offered.get(entry.relid)
      const says = entry.kind === 'transfer' ? transferText(entry.format, bytes) : packetText(bytes, channel)
      return { says, ...(channel !== undefined && { channel: channel.name }), bytes: carried(entry) }
    }
    if (bytes[0] === MessageId.offerChannel && bytes.length >= layouts.offerChannel.size) {
      const { relid, interfaceId, flags } = layouts.offerChannel.parse(bytes)
      offered.set(relid, { name: className(interfaceId), isComponent: (flags & PIPE_MODE_FLAG) !== 0 })
    }
    return { says: messageText(bytes), bytes: bytes.length }
  }
}
