import type { Channel, Packet } from '@vmbus/core'
import {
  BODY,
  DataPath,
  NvspStatus,
  NvspType,
  NvspVersion,
  SEND_TABLE_SIZE,
  SUBCHANNEL_ALLOCATE,
  init,
  initComplete,
  messageHeader,
  nvspVersionName,
  oidQueryEx,
  oidQueryExComplete,
  revokeReceiveBuffer,
  revokeSendBuffer,
  sendIndirectionTable,
  sendNdisConfig,
  sendNdisVersion,
  sendReceiveBuffer,
  sendReceiveBufferComplete,
  sendSendBuffer,
  sendSendBufferComplete,
  subchannelComplete,
  subchannelRequest,
  switchDataPath,
} from '../protocol/nvsp.ts'
import { RndisStatus } from '../protocol/rndis.ts'
import { FRAME_AT, sendTable } from './deliver.ts'
import { DEFAULT_FRAME_BYTES, ETHERNET_BYTES } from './options.ts'
import { supportedOffload } from './offload.ts'
import { complete, newMessage, sendMessage } from './queue.ts'
import { createSections } from './sections.ts'
import { violation } from './state.ts'
import { transmit } from './transmit.ts'
import type { HostContext } from './types.ts'
import { setDataPath } from './vf.ts'

/** What INIT_COMPLETE says (OpenVMM netvsp): the deprecated version word, and the longest MDL chain. */
const NEGOTIATED_DEPRECATED = 0xffff_ffff
const MAX_MDL_CHAIN = 34
/** The last bytes of a sub-allocation that Windows cannot use (OpenVMM netvsp). */
const UNUSABLE_TAIL = 36
/** Hyper-V's send section (wire/04 §2). */
const SEND_SECTION = 6144
const SEND_TABLE_AT = 12

interface Request {
  readonly channel: Channel
  readonly packet: Packet
  /** Where the body stands in the packet's view. */
  readonly at: number
  readonly wantsCompletion: boolean
}

/** A message type: the bytes that it needs to be read at all, the version that brought it, and what it does. */
interface MessageRow {
  readonly bytes: number
  readonly since: number
  handle(ctx: HostContext, request: Request): void
}

const MESSAGES: Readonly<Record<number, MessageRow>> = {
  [NvspType.init]: { bytes: init.size, since: 0, handle: initialize },
  [NvspType.sendNdisVersion]: { bytes: sendNdisVersion.size, since: NvspVersion.v1, handle: ndisVersion },
  [NvspType.sendNdisConfig]: { bytes: sendNdisConfig.size, since: NvspVersion.v1, handle: ndisConfig },
  [NvspType.sendReceiveBuffer]: { bytes: sendReceiveBuffer.size, since: NvspVersion.v1, handle: receiveBuffer },
  [NvspType.revokeReceiveBuffer]: { bytes: revokeReceiveBuffer.size, since: NvspVersion.v1, handle: dropReceiveBuffer },
  [NvspType.sendSendBuffer]: { bytes: sendSendBuffer.size, since: NvspVersion.v1, handle: sendBuffer },
  [NvspType.revokeSendBuffer]: { bytes: revokeSendBuffer.size, since: NvspVersion.v1, handle: dropSendBuffer },
  [NvspType.switchDataPath]: { bytes: switchDataPath.size, since: NvspVersion.v4, handle: dataPath },
  [NvspType.oidQueryEx]: { bytes: oidQueryEx.size - BODY, since: NvspVersion.v5, handle: queryEx },
  [NvspType.subchannel]: { bytes: subchannelRequest.size, since: NvspVersion.v5, handle: subchannels },
}

/** A packet of the guest that is no completion. */
export function request(ctx: HostContext, channel: Channel, packet: Packet): void {
  const { version } = ctx.connection
  const { payloadLength, payloadOffset, flags } = packet
  if (payloadLength < BODY) return violation(channel, 'message-short', 'a message without a type')
  const type = messageHeader.read.msg_type(packet.view, payloadOffset)
  if (type === NvspType.sendRndisPacket) {
    if (version === 0) return violation(channel, 'message-early', 'an RNDIS packet before INIT')
    return transmit(ctx, channel, packet)
  }
  const what = `a message of type ${type}`
  const row = MESSAGES[type]
  if (row === undefined) return violation(channel, 'message-type', what)
  if (payloadLength < BODY + row.bytes)
    return violation(channel, 'message-short', `${what} with ${payloadLength} bytes`)
  if (channel.subchannelIndex !== 0) return violation(channel, 'message-subchannel', `${what} on a subchannel`)
  if (row.since > 0 && version === 0) return violation(channel, 'message-early', `${what} before INIT`)
  if (version < row.since) return violation(channel, 'version', `${what} below NVSP ${nvspVersionName(row.since)}`)
  row.handle(ctx, { channel, packet, at: payloadOffset + BODY, wantsCompletion: (flags & 1) !== 0 })
}

/** Answers with what the message buffer holds, if an answer is wanted. */
function answer(ctx: HostContext, { channel, packet, wantsCompletion }: Request, empty = false): void {
  if (wantsCompletion) complete(ctx, channel, packet.transactionLow, packet.transactionHigh, empty)
}

function initialize(ctx: HostContext, given: Request): void {
  const asked = init.read.min_protocol_ver(given.packet.view, given.at)
  const known = ctx.versions.includes(asked)
  if (ctx.connection.version !== 0) return violation(given.channel, 'init-again', 'INIT after INIT succeeded')
  const view = newMessage(ctx, NvspType.initComplete)
  initComplete.write.negotiated_protocol_ver(
    view,
    BODY,
    asked === NvspVersion.v1 ? NvspVersion.v1 : NEGOTIATED_DEPRECATED,
  )
  initComplete.write.max_mdl_chain_len(view, BODY, MAX_MDL_CHAIN)
  initComplete.write.status(view, BODY, known ? NvspStatus.success : NvspStatus.none)
  // The answer is still as long as before the version is agreed on.
  answer(ctx, given)
  if (!known) return
  ctx.connection.version = asked
  // On until the guest says otherwise (OpenVMM netvsp, PrimaryChannelState::new); coalescing waits for its word.
  ctx.connection.offload = { ...supportedOffload(asked), rscV4: false, rscV6: false }
  ctx.deps.event('version', asked)
}

function ndisVersion(ctx: HostContext, given: Request): void {
  if (ctx.connection.ndis !== null) return violation(given.channel, 'ndis-again', 'a second NDIS version')
  const { ndis_major_ver: major, ndis_minor_ver: minor } = sendNdisVersion.decode(given.packet.view, given.at)
  ctx.connection.ndis = { major, minor }
  answer(ctx, given, true)
}

function ndisConfig(ctx: HostContext, given: Request): void {
  const { connection } = ctx
  if (connection.version < NvspVersion.v2 || connection.config !== null)
    return violation(given.channel, 'config-order', 'an NDIS configuration out of turn')
  const mtu = sendNdisConfig.read.mtu(given.packet.view, given.at)
  const largest = ctx.mtu + ETHERNET_BYTES
  connection.frameBytes = mtu >= DEFAULT_FRAME_BYTES && mtu <= largest ? mtu : DEFAULT_FRAME_BYTES
  connection.config = { capabilities: given.packet.view.getUint32(given.at + sendNdisConfig.offsets.capability, true) }
  answer(ctx, given, true)
}

function receiveBuffer(ctx: HostContext, given: Request): void {
  const { connection } = ctx
  if (connection.version >= NvspVersion.v2 && connection.config === null)
    return violation(given.channel, 'receive-buffer-order', 'a receive buffer before the NDIS configuration')
  if (connection.receiveBuffer !== null)
    return violation(given.channel, 'receive-buffer-order', 'a second receive buffer')
  const { gpadl_handle: gpadl, id } = sendReceiveBuffer.decode(given.packet.view, given.at)
  const grant = given.channel.gpadl(gpadl)
  const size = (FRAME_AT + connection.frameBytes + UNUSABLE_TAIL + 7) & ~7
  const count = grant === undefined ? 0 : Math.floor(grant.byteLength / size)
  // Every page is looked at once here, so that no later write can fail half-way through a frame.
  const good = grant !== undefined && count >= 2 && grant.segments(0, grant.byteLength, [])
  const view = newMessage(ctx, NvspType.sendReceiveBufferComplete)
  sendReceiveBufferComplete.write.status(view, BODY, good ? NvspStatus.success : NvspStatus.fail)
  if (good) {
    connection.receiveBuffer = { gpadl, id, sections: null }
    ctx.receiveGrant = grant
    ctx.sections = createSections(size, count)
    sendReceiveBufferComplete.encode(
      {
        status: NvspStatus.success,
        num_sections: 1,
        sections: { offset: 0, sub_alloc_size: size, num_sub_allocs: count, end_offset: size * count },
      },
      view,
      BODY,
    )
  }
  answer(ctx, given)
}

/** Nothing is received any more; what the guest still completes is not missed. */
export function forgetReceiveBuffer(ctx: HostContext): void {
  ctx.connection.receiveBuffer = null
  ctx.connection.controls.length = 0
  for (const queue of ctx.connection.queues) if (queue) queue.filled.length = 0
  ctx.sections = undefined
  ctx.receiveGrant = undefined
}

export function forgetSendBuffer(ctx: HostContext): void {
  ctx.connection.sendBuffer = null
  ctx.sendGrant = undefined
}

function dropReceiveBuffer(ctx: HostContext, given: Request): void {
  forgetReceiveBuffer(ctx)
  ctx.connection.initialized = false
  ctx.connection.filter = 0
  setDataPath(ctx, DataPath.synthetic)
  answer(ctx, given, true)
}

function sendBuffer(ctx: HostContext, given: Request): void {
  const { connection } = ctx
  if (connection.sendBuffer !== null) return violation(given.channel, 'send-buffer-again', 'a second send buffer')
  const { gpadl_handle: gpadl, id } = sendSendBuffer.decode(given.packet.view, given.at)
  const grant = given.channel.gpadl(gpadl)
  const good = grant !== undefined && grant.byteLength >= SEND_SECTION
  const view = newMessage(ctx, NvspType.sendSendBufferComplete)
  sendSendBufferComplete.encode(
    { status: good ? NvspStatus.success : NvspStatus.fail, section_size: good ? SEND_SECTION : 0 },
    view,
    BODY,
  )
  if (good) {
    connection.sendBuffer = {
      gpadl,
      id,
      sectionSize: SEND_SECTION,
      sections: Math.floor(grant.byteLength / SEND_SECTION),
    }
    ctx.sendGrant = grant
  }
  answer(ctx, given)
}

function dropSendBuffer(ctx: HostContext, given: Request): void {
  forgetSendBuffer(ctx)
  answer(ctx, given, true)
}

/** The answer has no body, by which Linux recognises it. */
function dataPath(ctx: HostContext, given: Request): void {
  setDataPath(ctx, switchDataPath.read.active_datapath(given.packet.view, given.at))
  answer(ctx, given, true)
}

/** Not supported, as the real host's reference says (OpenVMM netvsp lib.rs, OidQueryEx): OIDs are asked for by RNDIS. */
function queryEx(ctx: HostContext, given: Request): void {
  oidQueryExComplete.encode(
    { status: RndisStatus.notSupported, bytes: 0 },
    newMessage(ctx, NvspType.oidQueryExComplete),
    BODY,
  )
  answer(ctx, given)
}

function subchannels(ctx: HostContext, given: Request): void {
  const { connection } = ctx
  const { op, num_subchannels } = subchannelRequest.decode(given.packet.view, given.at)
  const good = op === SUBCHANNEL_ALLOCATE && num_subchannels > 0 && connection.subchannels === 0
  const count = good ? Math.min(num_subchannels, ctx.queueLimit - 1) : 0
  subchannelComplete.encode(
    { status: good ? NvspStatus.success : NvspStatus.fail, num_subchannels: count },
    newMessage(ctx, NvspType.subchannel),
    BODY,
  )
  connection.subchannels = good ? count : connection.subchannels
  answer(ctx, given)
  if (count > 0) ctx.deps.offerSubchannels(count)
}

/** Tells the guest how to spread its sends, once every subchannel is open (OpenVMM netvsp: NVSP 5 and later). */
export function announceSendTable(ctx: HostContext): void {
  const { connection, channels } = ctx
  if (connection.version < NvspVersion.v5 || connection.subchannels === 0 || connection.tableSent) return
  for (let index = 0; index <= connection.subchannels; index++) if (channels[index] === undefined) return
  connection.tableSent = true
  const bytes = new Uint8Array(SEND_TABLE_AT + SEND_TABLE_SIZE * 4)
  const view = new DataView(bytes.buffer)
  messageHeader.write.msg_type(view, 0, NvspType.sendIndirectionTable)
  sendIndirectionTable.encode({ count: SEND_TABLE_SIZE, offset: SEND_TABLE_AT }, view, BODY)
  sendTable(connection.subchannels + 1).forEach((queue, index) =>
    view.setUint32(SEND_TABLE_AT + index * 4, queue, true),
  )
  sendMessage(ctx, 0, 0, false, bytes)
}
