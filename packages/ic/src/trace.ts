import { PacketType, nameIn, type DeviceTrace } from '@vmbus/core'
import { At, IcFlags, IcType, icVersionText } from './protocol.ts'

/** A component message in words, `kvp 5.0 set request`; undefined when it is too short to be one. */
export function icText(payload: Uint8Array, operations: Readonly<Record<string, number>> = {}): string | undefined {
  if (payload.length < At.body) return undefined
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const role = (view.getUint8(At.flags) & IcFlags.response) === 0 ? 'request' : 'response'
  const version = (view.getUint16(At.version, true) << 16) | view.getUint16(At.version + 2, true)
  const status = view.getUint32(At.status, true)
  const type = view.getUint16(At.type, true)
  const isOperation = type !== IcType.negotiate && payload.length > At.body
  const operation = isOperation ? nameIn(operations, view.getUint8(At.body)) : undefined
  return [
    nameIn(IcType, type) ?? `0x${type.toString(16)}`,
    ...(version === 0 ? [] : [icVersionText(version)]),
    ...(operation === undefined ? [] : [operation]),
    role,
    ...(status === 0 ? [] : [`status 0x${status.toString(16)}`]),
  ].join(' ')
}

/** What of a component's messages its sender chose: `variable` has the view of a packet and where its IC message begins. */
export const inMessages =
  (type: number, variable: NonNullable<DeviceTrace['variable']>): NonNullable<DeviceTrace['variable']> =>
  (packet, payload) =>
    packet.getUint16(0, true) === PacketType.inBand &&
    packet.byteLength >= payload + At.body &&
    packet.getUint16(payload + At.type, true) === type
      ? variable(packet, payload)
      : []
