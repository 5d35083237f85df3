import { PacketType, constantIn, nameIn, type DeviceTrace, type VariableField } from '@vmbus/core'
import { ETHERNET_HEADER, ETHERTYPE } from '@vmbus/switch'
import { BODY, MESSAGE_BYTES, NvspType, sendRndisPacket } from './protocol/nvsp.ts'
import { Oid } from './protocol/oids.ts'
import { RNDIS_HEADER, RndisType, packet } from './protocol/rndis.ts'

/** RNDIS requests and answers that carry the guest's id (MS-RNDIS 2.2; Linux include/linux/rndis.h). */
const WITH_REQUEST_ID: ReadonlySet<number> = new Set([
  RndisType.initialize,
  RndisType.halt,
  RndisType.query,
  RndisType.set,
  RndisType.keepalive,
  RndisType.initializeComplete,
  RndisType.queryComplete,
  RndisType.setComplete,
  RndisType.keepaliveComplete,
])

const IPV4_HEADER = 20
const IDENTIFICATION = 4

/** RNDIS messages back to back, as one packet names them; `to` is their receiver. */
function variableInRndis(to: 'host' | 'guest', bytes: Uint8Array): VariableField[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const fields: VariableField[] = []
  for (let at = 0; at + RNDIS_HEADER <= bytes.length;) {
    const type = view.getUint32(at, true)
    const length = view.getUint32(at + 4, true)
    if (WITH_REQUEST_ID.has(type)) fields.push({ offset: at + RNDIS_HEADER, size: 4, category: 'request' })
    if (type === RndisType.packet && to === 'host') fields.push(...identification(view, at + RNDIS_HEADER))
    if (length < RNDIS_HEADER) break
    at += length
  }
  return fields
}

/** The id of an IPv4 packet that the guest sent, which no other packet need bear (RFC 6864); `body` is the RNDIS packet's. */
function identification(view: DataView, body: number): VariableField[] {
  if (body + packet.size > view.byteLength) return []
  const header = body + packet.read.data_offset(view, body) + ETHERNET_HEADER
  if (header + IPV4_HEADER > view.byteLength || view.getUint16(header - 2) !== ETHERTYPE.ipv4) return []
  return [{ offset: header + IDENTIFICATION, size: 2, category: 'identification' }]
}

/** The packet's message, `payload` bytes into it, says that RNDIS messages stand in its ranges. */
const namesRndis = (packet: DataView, payload: number): boolean =>
  packet.getUint16(0, true) === PacketType.gpaDirect &&
  packet.byteLength === payload + MESSAGE_BYTES &&
  packet.getUint32(payload, true) === NvspType.sendRndisPacket

/**
 * The rest of the union behind the message of such a packet: kernels that do not clear it send what the stack had there
 * (Linux 5.10 drivers/net/hyperv/netvsc.c, netvsc_send_pkt).
 */
function unsetBehindRndis(packet: DataView, payload: number): VariableField[] {
  const fields: VariableField[] = []
  for (let at = payload + BODY + sendRndisPacket.size; at < packet.byteLength; at += 8)
    fields.push({ offset: at, size: 8, category: 'unset' })
  return fields
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
const hex = (value: number): string => `0x${value.toString(16)}`
const OID = 12

/** The type of an RNDIS message, and what it asks for. */
function rndisText(bytes: Uint8Array): string {
  if (bytes.length < 4) return 'rndis'
  const view = viewOf(bytes)
  const type = view.getUint32(0, true)
  const asks = (type === RndisType.query || type === RndisType.set) && bytes.length >= OID + 4
  const oid = asks ? view.getUint32(OID, true) : 0
  return `RNDIS ${constantIn(RndisType, type) ?? hex(type)}${asks ? ` ${nameIn(Oid, oid) ?? hex(oid)}` : ''}`
}

export const trace: Partial<DeviceTrace> = {
  payloadText: (payload) => (payload.length < 4 ? undefined : constantIn(NvspType, viewOf(payload).getUint32(0, true))),
  variable: (packet, payload) => (namesRndis(packet, payload) ? unsetBehindRndis(packet, payload) : []),
  lendsPages: namesRndis,
  transfers: { rndis: { text: rndisText, variable: variableInRndis } },
}
