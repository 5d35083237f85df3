import { HResult, IcType } from '@vmbus/ic'
import { DAEMON_SECONDS, icProtocol, type IcMessage, type IcPart } from './ic.ts'
import { hex, type Protocol, type Watch } from './protocol.ts'

/** Operations, and pools up to the last that travels (wire/06 §6). */
const GET = 0
const SET = 1
const DELETE = 2
const ENUMERATE = 3
const LAST_OPERATION = 5
const LAST_POOL = 3
const IP_SINCE = 3 << 16
/** Bodies as hosts send them (OpenVMM hyperv_ic_protocol/src/kvp.rs, KvpMessage, KvpMessage2). */
const BODY_BYTES = 2580
const IP_BODY_BYTES = 7428
/** Where an operation's payload begins, and a value in an ENUMERATE's. */
const PAYLOAD = 4
const LISTED = PAYLOAD + 4
const KEY_BYTES = 512
const VALUE_BYTES = 2048
/** Sizes of numbers by registry type: REG_DWORD, Linux's and Windows's quad word. */
const NUMBER_BYTES = new Map([
  [4, 4],
  [8, 8],
  [11, 8],
])
const STRING_TYPES = [1, 2]
const REG_SZ = 1
/** No enumeration of a suite is longer. */
const MOST_ITEMS = 1024
const STATUSES: readonly number[] = Object.values(HResult)

interface Item {
  readonly key: string
  readonly value: string
  readonly type: number
}

/** The text of so many bytes, which end with a NUL; undefined for any other. */
function textAt(view: DataView, at: number, bytes: number, room: number): string | undefined {
  if (bytes < 2 || bytes > room || bytes % 2 !== 0 || view.getUint16(at + bytes - 2, true) !== 0) return undefined
  let text = ''
  for (let i = 0; i < bytes - 2; i += 2) text += String.fromCharCode(view.getUint16(at + i, true))
  return text
}

/** Type, sizes, key and value at `at`; undefined when a size is not one. */
function itemAt(view: DataView, at: number): Item | undefined {
  const type = view.getUint32(at, true)
  const key = textAt(view, at + 12, view.getUint32(at + 4, true), KEY_BYTES)
  const valueBytes = view.getUint32(at + 8, true)
  const valueAt = at + 12 + KEY_BYTES
  const number = NUMBER_BYTES.get(type)
  const value =
    number === undefined
      ? textAt(view, valueAt, valueBytes, VALUE_BYTES)
      : valueBytes === number
        ? String(number === 4 ? view.getUint32(valueAt, true) : view.getBigUint64(valueAt, true))
        : undefined
  if (key === undefined || key === '' || value === undefined) return undefined
  return number === undefined && !STRING_TYPES.includes(type) ? undefined : { key, value, type }
}

/** What the host says in a request, or undefined when it cannot be read. */
function keyOf(operation: number, body: DataView): string | undefined {
  if (operation === SET) return itemAt(body, PAYLOAD)?.key
  if (operation === GET) return textAt(body, PAYLOAD + 12, body.getUint32(PAYLOAD + 4, true), KEY_BYTES)
  return operation === DELETE
    ? textAt(body, PAYLOAD + 4, body.getUint32(PAYLOAD, true), KEY_BYTES)
    : `index ${body.getUint32(PAYLOAD, true)}`
}

function kvpPart(watch: Watch): IcPart {
  /** Pool → what the guest has acknowledged; undefined once it acknowledged that it is gone. */
  const known = new Map<number, Map<string, Item | undefined>>()
  let list: { pool: number; next: number; readonly found: Map<string, Item> } | undefined

  function compare(pool: number, found: ReadonlyMap<string, Item>): void {
    for (const [key, item] of known.get(pool) ?? []) {
      const listed = found.get(key)
      if (item === undefined) watch.check('guest-kvp-deleted', listed === undefined, () => `${key} is listed still`)
      else if (item.type === REG_SZ)
        watch.check('guest-kvp-list', listed?.value === item.value, () => `${key} is ${listed?.value ?? 'not listed'}`)
    }
  }

  function listed(pool: number, index: number, status: number, body: DataView): void {
    if (list === undefined || list.pool !== pool) return
    if (status === HResult.noMoreItems) {
      compare(pool, list.found)
      list = undefined
    } else if (status === HResult.ok) {
      watch.check('guest-kvp-end', index < MOST_ITEMS, () => `item ${index}`)
      list.next = index + 1
      const item = itemAt(body, LISTED)
      if (item !== undefined) list.found.set(item.key, item)
    } else list = undefined
  }

  function keep(pool: number, key: string, item: Item | undefined): void {
    const items = known.get(pool) ?? new Map<string, Item | undefined>()
    known.set(pool, items.set(key, item))
    // What changes under an enumeration may be in it or not.
    list = undefined
  }

  function asked({ body, version }: IcMessage): void {
    watch.served('host')
    if (body.byteLength < PAYLOAD) return watch.check('host-kvp-body', false, () => `${body.byteLength} bytes`)
    const [operation, pool] = [body.getUint8(0), body.getUint8(1)]
    const isIp = operation > ENUMERATE
    watch.check(
      'host-kvp-operation',
      operation <= LAST_OPERATION && pool <= LAST_POOL && (!isIp || version >= IP_SINCE),
      () => `operation ${operation} on pool ${pool}`,
    )
    const bytes = isIp ? IP_BODY_BYTES : BODY_BYTES
    watch.check('host-kvp-body', body.byteLength === bytes, () => `${body.byteLength} bytes`)
    if (isIp || body.byteLength < BODY_BYTES) return
    const key = keyOf(operation, body)
    if (operation !== ENUMERATE) return watch.check('host-kvp-item', key !== undefined && key !== '', () => 'no item')
    const index = body.getUint32(PAYLOAD, true)
    const goesOn = list?.pool === pool && list.next === index
    watch.check('host-kvp-index', index === 0 || goesOn, () => `index ${index}`)
    if (index === 0) list = { pool, next: 0, found: new Map() }
  }

  function answered({ body: request }: IcMessage, { body, status }: IcMessage): void {
    if (request.byteLength < BODY_BYTES) return
    const [operation, pool] = [request.getUint8(0), request.getUint8(1)]
    const index = request.getUint32(PAYLOAD, true)
    const isSame = body.getUint8(0) === operation && body.getUint8(1) === pool
    const isPlace = operation !== ENUMERATE || body.getUint32(PAYLOAD, true) === index
    watch.check('guest-kvp-echo', isSame && isPlace, () => `operation ${body.getUint8(0)} of pool ${body.getUint8(1)}`)
    watch.check('guest-kvp-status', STATUSES.includes(status), () => `status ${hex(status)}`)
    if (operation > ENUMERATE) return
    const ok = status === HResult.ok
    if (ok) watch.served('guest')
    const key = keyOf(operation, request) ?? ''
    const present = known.get(pool)?.get(key) !== undefined
    if (ok && (operation === GET || operation === ENUMERATE)) {
      const item = itemAt(body, operation === GET ? PAYLOAD : LISTED)
      watch.check('guest-kvp-item', item !== undefined, () => 'an item whose sizes are none')
    }
    if (operation === ENUMERATE) return listed(pool, index, status, body)
    if (operation === GET && present) watch.check('guest-kvp-get', ok, () => `${key}: ${hex(status)}`)
    if (operation === DELETE && present) watch.check('guest-kvp-delete', ok, () => `${key}: ${hex(status)}`)
    if (operation === SET) watch.check('guest-kvp-set', ok, () => `${key}: ${hex(status)}`)
    if (ok && operation === SET) keep(pool, key, itemAt(request, PAYLOAD))
    if (ok && operation === DELETE) keep(pool, key, undefined)
  }

  return { request: asked, answer: answered }
}

const SOURCE = 'wire/06 §6; Linux include/uapi/linux/hyperv.h'

export const kvpProtocol: Protocol = icProtocol({
  kind: 'kvp',
  interfaceIds: ['a9a0f4e7-5a45-4d96-b827-8a841e8c03e6'],
  type: IcType.kvp,
  seconds: DAEMON_SECONDS,
  serves: 'the host sets an item or asks for one, and the guest takes or tells it',
  guest: {
    'guest-kvp-echo': ['An answer keeps operation, pool and index of its request.', 'wire/06 §1, §6'],
    'guest-kvp-status': ['A status is one of those that the services know.', 'wire/06 §6'],
    'guest-kvp-set': ['A SET is taken with success.', SOURCE],
    'guest-kvp-get': ['A GET of a key that was set succeeds.', SOURCE],
    'guest-kvp-delete': ['A DELETE of a key that was set succeeds.', SOURCE],
    'guest-kvp-item': ['An item has sizes within their room, a type that there is, and texts with their NUL.', SOURCE],
    'guest-kvp-list': ['An enumeration has each key that was set, with its value.', SOURCE],
    'guest-kvp-deleted': ['An enumeration has no key that was deleted.', SOURCE],
    'guest-kvp-end': ['An enumeration ends with 0x80070103 behind the last item, and before item 1024.', SOURCE],
  },
  host: {
    'host-kvp-body': ['A request has its full length: 2580 bytes, 7428 for addresses.', SOURCE],
    'host-kvp-operation': [
      'A request is of operation 0 to 5 on pool 0 to 3; addresses from version 3.0 on.',
      'wire/06 §6',
    ],
    'host-kvp-item': ['Keys and values have sizes within their room, and texts their NUL.', SOURCE],
    'host-kvp-index': ['An enumeration asks from index 0 on, one by one, until it ends.', 'wire/06 §6'],
  },
  part: kvpPart,
})
