import { At } from '@vmbus/ic'
import {
  IP_BINARY_SINCE,
  IP_TEXT_PAYLOAD,
  KvpOperation,
  KvpPool,
  PAYLOAD,
  fitsText,
  kvpBody,
  kvpDelete,
  kvpEnumerate,
  kvpIpBody,
  readIpBinary,
  readIpText,
  readItem,
  utf16z,
  writeIpBinary,
  writeIpQuery,
  writeIpText,
  writeItem,
  writeKey,
  type IpInfo,
  type IpQuery,
  type KvpItem,
  type KvpPoolName,
} from '../protocol/index.ts'

/** A request under way: plain, so that it is saved and restored as it is. */
export type KvpRequest = { readonly id: number; readonly pool: KvpPoolName } & (
  | { readonly operation: 'set'; readonly item: KvpItem }
  | { readonly operation: 'get'; readonly key: string }
  | { readonly operation: 'delete'; readonly key: string }
  | { readonly operation: 'enumerate'; readonly items: KvpItem[] }
  | { readonly operation: 'getIp'; readonly query: IpQuery }
  | { readonly operation: 'setIp'; readonly info: IpInfo }
)

const isBinary = (version: number): boolean => version >= IP_BINARY_SINCE
const isIp = ({ operation }: KvpRequest): boolean => operation === 'getIp' || operation === 'setIp'

/** The body of a request, in full length as hosts send it; undefined when the form of this version cannot carry it. */
export function requestBody(request: KvpRequest, version: number): Uint8Array | undefined {
  const body = new Uint8Array(isIp(request) ? kvpIpBody.size : kvpBody.size)
  const view = new DataView(body.buffer)
  body[0] = KvpOperation[request.operation]
  body[1] = KvpPool[request.pool]
  switch (request.operation) {
    case 'set':
      writeItem(view, PAYLOAD, request.item)
      break
    case 'get':
      writeKey(view, PAYLOAD, request.key)
      break
    case 'delete':
      kvpDelete.encode({ key_size: 2 * request.key.length + 2, key: utf16z(request.key) }, view, PAYLOAD)
      break
    case 'enumerate':
      kvpEnumerate.write.index(view, PAYLOAD, request.items.length)
      break
    case 'getIp':
      writeIpQuery(view, isBinary(version) ? PAYLOAD : IP_TEXT_PAYLOAD, request.query, isBinary(version))
      break
    case 'setIp':
      if (!writeInfo(view, request.info, version)) return undefined
      break
  }
  return body
}

function writeInfo(view: DataView, info: IpInfo, version: number): boolean {
  if (isBinary(version)) return writeIpBinary(view, PAYLOAD, info)
  if (!fitsText(info)) return false
  writeIpText(view, IP_TEXT_PAYLOAD, info)
  return true
}

/** What a successful answer holds, undefined when it cannot be read. `view` is the packet's payload. */
export function readAnswer(
  request: KvpRequest,
  view: DataView,
  bodyLength: number,
  version: number,
): KvpItem | IpInfo | undefined {
  if (request.operation === 'getIp') {
    if (bodyLength < kvpIpBody.size) return undefined
    return isBinary(version) ? readIpBinary(view, At.body + PAYLOAD) : readIpText(view, At.body + IP_TEXT_PAYLOAD)
  }
  if (bodyLength < kvpBody.size) return undefined
  return readItem(view, At.body + PAYLOAD + (request.operation === 'enumerate' ? kvpEnumerate.offsets.data : 0))
}
