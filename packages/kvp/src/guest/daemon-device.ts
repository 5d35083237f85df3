import {
  KEY_BYTES,
  KvpOperation,
  VALUE_BYTES,
  kvpDelete,
  kvpDeviceMessage,
  kvpEnumerate,
  kvpRegister,
  kvpValue,
  poolName,
  readUtf8,
  utf8z,
  type KvpItem,
  type KvpPoolName,
} from '../protocol/index.ts'

/** How a kernel talks to its key-value daemon. */
export interface DaemonDevice {
  readonly node: string
  readonly poolDirectory: string
  /** First byte of the message with which the daemon registers. */
  readonly register: number
  /** The kernel answers a registration with a message that holds its version. */
  readonly answersRegistration: boolean
  /** Seconds that the kernel gives the daemon before it answers the host with E_FAIL. */
  readonly replySeconds: number
}

/** Linux drivers/hv/hv_kvp.c and hv_utils_transport.c; a daemon that registers with 4 gets no answer. */
export const LINUX_KVP_DEVICE: DaemonDevice = {
  node: '/dev/vmbus/hv_kvp',
  poolDirectory: '/var/lib/hyperv',
  register: 100,
  answersRegistration: true,
  replySeconds: 30,
}

/** FreeBSD sys/dev/hyperv/utilities/hv_kvp.c. */
export const FREEBSD_KVP_DEVICE: DaemonDevice = {
  node: '/dev/hv_kvp_dev',
  poolDirectory: '/var/db/hyperv/pool',
  register: 4,
  answersRegistration: false,
  replySeconds: 5,
}

/** Bytes of every message on the device, both ways; another length is refused with EINVAL. */
const DEVICE_MESSAGE_BYTES: number = kvpDeviceMessage.size
const BODY = 4

/** What a daemon writes first. */
export const registration = (device: DaemonDevice): Uint8Array =>
  kvpDeviceMessage.toBytes({ header: { operation: device.register } })

/** The version of the services in the kernel's answer to a registration. */
export const registeredVersion = (message: Uint8Array): string => readUtf8(message, BODY, kvpRegister.size)

/** A request as the daemon reads it: strings are UTF-8 already. IP requests are their whole message. */
export type DaemonRequest = { readonly pool: KvpPoolName } & (
  | { readonly operation: 'get' | 'delete'; readonly key: string }
  | { readonly operation: 'set'; readonly item: KvpItem }
  | { readonly operation: 'enumerate'; readonly index: number }
  | { readonly operation: 'getIp' | 'setIp'; readonly message: Uint8Array }
)

/** The request in a message, undefined when it is none. */
export function readDaemonRequest(message: Uint8Array): DaemonRequest | undefined {
  if (message.length !== DEVICE_MESSAGE_BYTES) return undefined
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  const pool = poolName(message[1] ?? 0)
  if (pool === undefined) return undefined
  const key = readUtf8(message, BODY + kvpValue.offsets.key, KEY_BYTES)
  switch (message[0]) {
    case KvpOperation.get:
      return { operation: 'get', pool, key }
    case KvpOperation.set:
      return {
        operation: 'set',
        pool,
        item: { key, value: readUtf8(message, BODY + kvpValue.offsets.value, VALUE_BYTES) },
      }
    case KvpOperation.delete:
      return { operation: 'delete', pool, key: readUtf8(message, BODY + kvpDelete.offsets.key, KEY_BYTES) }
    case KvpOperation.enumerate:
      return { operation: 'enumerate', pool, index: kvpEnumerate.read.index(view, BODY) }
    case KvpOperation.getIp:
      return { operation: 'getIp', pool, message }
    case KvpOperation.setIp:
      return { operation: 'setIp', pool, message }
    default:
      return undefined
  }
}

/** The answer to write: the request's message with the error in front, and for an enumeration the item found. */
export function daemonAnswer(request: Uint8Array, error: number, item?: KvpItem): Uint8Array {
  const message = Uint8Array.from(request)
  const view = new DataView(message.buffer)
  kvpDeviceMessage.write.error(view, 0, error)
  if (item === undefined) return message
  const at = BODY + kvpEnumerate.offsets.data
  const key = utf8z(item.key)
  const value = utf8z(item.value)
  kvpValue.encode(
    { ...kvpValue.create(), value_type: 1, key_size: key.length, value_size: value.length, key, value },
    view,
    at,
  )
  return message
}
