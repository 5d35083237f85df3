import { At, HResult } from '@vmbus/ic'
import {
  IP_TEXT_PAYLOAD,
  KEY_BYTES,
  KvpOperation,
  PAYLOAD,
  VALUE_BYTES,
  ValueType,
  carried,
  kvpBody,
  kvpDelete,
  kvpDeviceMessage,
  kvpEnumerate,
  kvpIpBody,
  kvpIpText,
  kvpValue,
  readIpText,
  readUtf16,
  readUtf8,
  utf8z,
  writeIpText,
  writeItem,
  type IpInfo,
} from '@vmbus/kvp/protocol'

/** Where a message's body begins on the node. */
const BODY = 4
/** A converted string is one character shorter than its room without the NUL. */
const SPARE = 1
const IP_LISTS = [
  ['addresses', 'ip_addr', 2048],
  ['subnets', 'sub_net', 2048],
  ['gateways', 'gate_way', 1024],
  ['dns', 'dns_addr', 2048],
] as const
const ADAPTER_BYTES = 256

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** IP information on the node: the text form of the wire, in UTF-8. The adapter is an interface name, or as the host named it. */
export function readNodeIp(message: Uint8Array): IpInfo {
  const { offsets } = kvpIpText
  const list = (name: (typeof IP_LISTS)[number]): string[] =>
    readUtf8(message, BODY + offsets[name[1]], name[2])
      .split(';')
      .filter((entry) => entry !== '')
  const [addresses, subnets, gateways, dns] = IP_LISTS
  return {
    adapterId: readUtf8(message, BODY + offsets.adapter_id, ADAPTER_BYTES),
    family: (['none', 'ipv4', 'ipv6', 'both'] as const)[message[BODY + offsets.addr_family] ?? 0] ?? 'none',
    dhcp: (message[BODY + offsets.dhcp_enabled] ?? 0) !== 0,
    addresses: list(addresses),
    subnets: list(subnets),
    gateways: list(gateways),
    dns: list(dns),
  }
}

export function writeNodeIp(message: Uint8Array, info: IpInfo): void {
  const { offsets } = kvpIpText
  message.set(utf8z(info.adapterId).subarray(0, ADAPTER_BYTES), BODY + offsets.adapter_id)
  message[BODY + offsets.addr_family] = { none: 0, ipv4: 1, ipv6: 2, both: 3 }[info.family]
  message[BODY + offsets.dhcp_enabled] = info.dhcp ? 1 : 0
  for (const [list, field, room] of IP_LISTS)
    message.set(utf8z(info[list].join(';')).subarray(0, room), BODY + offsets[field])
}

const isIp = (operation: number): boolean => operation === KvpOperation.getIp || operation === KvpOperation.setIp

/** A number becomes decimal text, with a sign in front of a REG_DWORD above 2³¹ - 1; other types stay empty. */
function valueText(view: DataView, at: number): string {
  switch (kvpValue.read.value_type(view, at)) {
    case ValueType.string:
      return readUtf16(view, at + kvpValue.offsets.value, Math.min(kvpValue.read.value_size(view, at), VALUE_BYTES))
    case ValueType.dword:
      return String(kvpValue.read.value_u32(view, at) | 0)
    case ValueType['linux-qword']:
      return String(kvpValue.read.value_u64(view, at))
    default:
      return ''
  }
}

/**
 * The host's request as the daemon reads it (sys/dev/hyperv/utilities/hv_kvp.c, hv_kvp_convert_hostmsg_to_usermsg), or
 * undefined for one that is too short. `interfaceOf` names the hn of an adapter, which a SET of addresses is told.
 */
export function toNode(
  view: DataView,
  bodyLength: number,
  interfaceOf: (adapterId: string) => string | undefined,
): Uint8Array | undefined {
  const operation = view.getUint8(At.body)
  if (bodyLength < (isIp(operation) ? kvpIpBody.size : kvpBody.size)) return undefined
  const message = new Uint8Array(kvpDeviceMessage.size)
  const out = viewOf(message)
  message[0] = operation
  message[1] = view.getUint8(At.body + 1)
  if (isIp(operation)) {
    const info = readIpText(view, At.body + IP_TEXT_PAYLOAD)
    if (info === undefined) return undefined
    const name = operation === KvpOperation.setIp ? interfaceOf(info.adapterId) : undefined
    writeNodeIp(message, name === undefined ? info : { ...info, adapterId: name })
    return message
  }
  const at = At.body + PAYLOAD
  const key = (size: number, from: number): Uint8Array =>
    utf8z(readUtf16(view, from, Math.min(size, KEY_BYTES))).subarray(0, KEY_BYTES)
  switch (operation) {
    case KvpOperation.set:
    case KvpOperation.get: {
      const found = key(kvpValue.read.key_size(view, at), at + kvpValue.offsets.key)
      message.set(found, BODY + kvpValue.offsets.key)
      kvpValue.write.key_size(out, BODY, found.length)
      if (operation === KvpOperation.get) break
      const value = utf8z(valueText(view, at)).subarray(0, VALUE_BYTES)
      message.set(value, BODY + kvpValue.offsets.value)
      kvpValue.write.value_size(out, BODY, value.length)
      break
    }
    case KvpOperation.delete:
      message.set(key(kvpDelete.read.key_size(view, at), at + kvpDelete.offsets.key), BODY + kvpDelete.offsets.key)
      break
    case KvpOperation.enumerate:
      kvpEnumerate.write.index(out, BODY, kvpEnumerate.read.index(view, at))
      break
  }
  return message
}

/** Puts the daemon's answer into the host's request (hv_kvp_convert_usermsg_to_hostmsg): REG_SZ only. Returns the status. */
export function fromNode(answer: Uint8Array, view: DataView): number {
  const operation = view.getUint8(At.body)
  const error = kvpDeviceMessage.read.error(viewOf(answer), 0)
  const at = At.body + PAYLOAD
  if (operation === KvpOperation.getIp) {
    if (error === 0) writeIpText(view, At.body + IP_TEXT_PAYLOAD, readNodeIp(answer))
    return error === 0 ? HResult.ok : HResult.fail
  }
  if (error !== 0) return error === HResult.noMoreItems ? error : HResult.fail
  if (operation === KvpOperation.get) {
    const key = readUtf16(view, at + kvpValue.offsets.key, kvpValue.read.key_size(view, at))
    writeItem(view, at, carried({ key, value: readUtf8(answer, BODY + kvpValue.offsets.value, VALUE_BYTES) }, SPARE))
  }
  if (operation === KvpOperation.enumerate) {
    const from = BODY + kvpEnumerate.offsets.data
    const key = readUtf8(answer, from + kvpValue.offsets.key, KEY_BYTES)
    const value = readUtf8(answer, from + kvpValue.offsets.value, VALUE_BYTES)
    writeItem(view, at + kvpEnumerate.offsets.data, carried({ key, value }, SPARE))
  }
  return HResult.ok
}
