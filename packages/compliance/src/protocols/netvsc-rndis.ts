import { CALLBACK_SECONDS } from './ic.ts'
import { CONTROL, DATA, type NetvscState } from './netvsc-state.ts'
import { hex } from './protocol.ts'

/** Message types (Linux include/linux/rndis.h); an answer has bit 31 of its request. */
const PACKET = 1
const INITIALIZE = 2
const HALT = 3
const QUERY = 4
const SET = 5
const RESET = 6
const INDICATE = 7
const KEEPALIVE = 8
const ANSWER = 0x8000_0000
const HEADER = 8
/** Bytes of body of each message that a guest begins. */
const REQUEST_BODY = new Map([
  [INITIALIZE, 16],
  [HALT, 4],
  [QUERY, 20],
  [SET, 20],
  [RESET, 4],
  [KEEPALIVE, 4],
])
const QUERY_BODY = 20
const QUERY_ANSWER = 16
/** Header and body of a packet; the shortest frame has its Ethernet header. */
const PACKET_BYTES = 44
const PACKET_BODY = 36
const FRAME = 14
const TAG = 4
const INFO_HEADER = 12
/** Per-packet information: large send offload (wire/04 §4). */
const LSO = 2
const FILTER = 0x0001_010e
const FILTER_BITS = 0x2f
const INDICATIONS = [0x4001_000b, 0x4001_000c, 0x4001_0013, 0x4001_0017, 0x4001_0018, 0x4002_0006]

/** Most bytes that Linux takes of an answer, and what it must hold (wire/04 §4). */
const ANSWERS = new Map<number, (info: DataView) => boolean>([
  [0x0101_0101, (info) => info.byteLength === 6 && (info.getUint8(0) & 1) === 0 && info.getUint32(2, true) !== 0],
  [0x0001_0106, (info) => info.byteLength === 4 && info.getUint32(0, true) >= 68],
  [0x0001_0107, (info) => info.byteLength === 4],
  [0x0001_0114, (info) => info.byteLength === 4 && info.getUint32(0, true) <= 1],
  [0x0001_0203, (info) => info.byteLength <= 18 && info.byteLength >= 4 && info.getUint8(0) === 0x88],
  [0x0002_0216, (info) => info.byteLength <= 512],
  [0xfc01_020d, (info) => info.byteLength <= 156 && info.byteLength >= 4 && info.getUint8(0) === 0xa7],
])

/** The elements of a chain of per-packet information: their types, undefined when one does not fit (wire/04 §4). */
function infosOf(message: DataView, at: number, bytes: number): readonly number[] | undefined {
  const types: number[] = []
  for (let from = at; from < at + bytes;) {
    if (from + INFO_HEADER > at + bytes) return undefined
    const size = message.getUint32(from, true)
    const offset = message.getUint32(from + 8, true)
    if (size < INFO_HEADER || from + size > at + bytes || offset < INFO_HEADER || offset > size) return undefined
    types.push(message.getUint32(from + 4, true) & 0x7fff_ffff)
    from += size
  }
  return types
}

/** One RNDIS packet. Offsets count from behind the header. */
function frame(state: NetvscState, end: 'guest' | 'host', message: DataView): void {
  const { watch } = state
  const room = message.byteLength - HEADER
  const [at, bytes] = [message.getUint32(HEADER, true), message.getUint32(HEADER + 4, true)]
  const isInside = at >= PACKET_BODY && at <= room && bytes <= room - at && bytes >= FRAME
  watch.check(`${end}-netvsc-frame`, isInside, () => `${bytes} bytes at ${at} of ${room}`)
  const [infoAt, infoBytes] = [message.getUint32(HEADER + 20, true), message.getUint32(HEADER + 24, true)]
  const hasPlace = infoBytes === 0 || (infoAt >= PACKET_BODY && infoAt <= room && infoBytes <= room - infoAt)
  const infos = hasPlace ? infosOf(message, HEADER + infoAt, infoBytes) : undefined
  watch.check(`${end}-netvsc-infos`, infos !== undefined, () => `${infoBytes} bytes of information at ${infoAt}`)
  if (end === 'host' || infos?.includes(LSO) === true) return
  const most = (state.config?.frameBytes ?? FRAME + 1500) + TAG
  watch.check('guest-netvsc-mtu', bytes <= most, () => `a frame of ${bytes} bytes`)
}

/** RNDIS packets back to back, as guests send them. */
function frames(state: NetvscState, view: DataView): void {
  const { watch } = state
  watch.check('guest-netvsc-initialized', state.initialize === 'done', () => 'a frame before INITIALIZE')
  for (let at = 0; at < view.byteLength;) {
    const left = view.byteLength - at
    const [type, bytes] = left < HEADER ? [0, 0] : [view.getUint32(at, true), view.getUint32(at + 4, true)]
    const isSound = type === PACKET && bytes >= PACKET_BYTES && bytes <= left
    watch.check('guest-netvsc-packets', isSound, () => `type ${type}, ${bytes} bytes of ${left}`)
    if (!isSound) return
    frame(state, 'guest', new DataView(view.buffer, view.byteOffset + at, bytes))
    at += bytes
  }
}

function setFilter(state: NetvscState, message: DataView, at: number, bytes: number): void {
  const value = bytes === 4 && at + 4 <= message.byteLength ? message.getUint32(at, true) : -1
  state.watch.check('guest-netvsc-filter', value >= 0 && value <= FILTER_BITS, () => `a filter of ${bytes} bytes`)
  state.filter = Math.max(0, value)
}

/** A control message of the guest. */
export function fromGuest(state: NetvscState, bytes: Uint8Array): void {
  const { watch, requests } = state
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (state.channelType === DATA) return frames(state, view)
  const type = bytes.length < HEADER ? 0 : view.getUint32(0, true)
  const length = bytes.length < HEADER ? 0 : view.getUint32(4, true)
  const body = REQUEST_BODY.get(type)
  const isSound = body !== undefined && length >= HEADER + body && length <= bytes.length
  watch.check('guest-netvsc-control', isSound, () => `type ${type}, ${length} bytes of ${bytes.length}`)
  if (!isSound) return
  const id = view.getUint32(HEADER, true)
  if (type === INITIALIZE) {
    const version = [view.getUint32(HEADER + 4, true), view.getUint32(HEADER + 8, true)].join('.')
    watch.check(
      'guest-netvsc-initialize',
      state.initialize === 'none' && version === '1.0' && state.receive !== undefined,
      () => `INITIALIZE ${version}, ${state.initialize} before`,
    )
    state.initialize = 'asked'
  } else watch.check('guest-netvsc-initialized', state.initialize === 'done', () => `type ${type} before INITIALIZE`)
  if (type === HALT) {
    state.initialize = 'none'
    return
  }
  let oid = 0
  if (type === QUERY || type === SET) {
    oid = view.getUint32(HEADER + 4, true)
    const [count, at] = [view.getUint32(HEADER + 8, true), view.getUint32(HEADER + 12, true)]
    const isInside = at >= QUERY_BODY && at + count <= length - HEADER
    watch.check('guest-netvsc-information', isInside, () => `OID ${hex(oid)}: ${count} bytes at ${at} of ${length}`)
    if (type === SET && oid === FILTER && isInside) setFilter(state, view, HEADER + at, count)
  }
  requests.set(id, { type, oid })
  watch.expect('host-netvsc-answers', `request ${id}`, CALLBACK_SECONDS, `no answer to type ${type}, OID ${hex(oid)}`)
}

function queried(state: NetvscState, oid: number, message: DataView): void {
  const { watch } = state
  const status = message.getUint32(HEADER + 4, true)
  const [count, at] = [message.getUint32(HEADER + 8, true), message.getUint32(HEADER + 12, true)]
  const isInside = count === 0 || (at >= QUERY_ANSWER && at + count <= message.byteLength - HEADER)
  watch.check(
    'host-netvsc-information',
    isInside && (status === 0 || count === 0),
    () => `OID ${hex(oid)}: status ${hex(status)}, ${count} bytes at ${at}`,
  )
  const holds = ANSWERS.get(oid)
  if (holds === undefined || !isInside || status !== 0) return
  const info = new DataView(message.buffer, message.byteOffset + HEADER + at, count)
  watch.check('host-netvsc-oid', holds(info), () => `OID ${hex(oid)}: ${count} bytes`)
}

function answered(state: NetvscState, type: number, message: DataView): void {
  const { watch, requests } = state
  if (type === (RESET | ANSWER) >>> 0) return
  const id = message.getUint32(HEADER, true)
  const asked = requests.get(id)
  const isAnswer = asked !== undefined && type === (asked.type | ANSWER) >>> 0
  watch.check('host-netvsc-answer-id', isAnswer, () => `type ${hex(type)} for id ${id}, which waits for no such answer`)
  if (asked === undefined || !isAnswer) return
  requests.delete(id)
  watch.met(`request ${id}`)
  if (asked.type === QUERY) queried(state, asked.oid, message)
  if (asked.type !== INITIALIZE) return
  const status = message.getUint32(HEADER + 4, true)
  const word = (index: number): number => message.getUint32(HEADER + 8 + 4 * index, true)
  const isSound =
    message.byteLength >= HEADER + 44 && status === 0 && word(0) === 1 && word(1) === 0 && word(3) === 0 && word(4) > 0
  watch.check('host-netvsc-initialize', isSound, () => `status ${hex(status)}`)
  if (status !== 0) return
  state.initialize = 'done'
  watch.served('host')
}

/** Body bytes of each message that a host begins or answers. */
const HOST_BODY = new Map([
  [PACKET, PACKET_BODY],
  [INDICATE, 12],
  [(INITIALIZE | ANSWER) >>> 0, 44],
  [(QUERY | ANSWER) >>> 0, 16],
  [(SET | ANSWER) >>> 0, 8],
  [(RESET | ANSWER) >>> 0, 8],
  [(KEEPALIVE | ANSWER) >>> 0, 8],
])

/** What one range of a packet to the guest holds. */
export function fromHost(state: NetvscState, bytes: Uint8Array): void {
  const { watch } = state
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const type = bytes.length < HEADER ? 0 : view.getUint32(0, true)
  const length = bytes.length < HEADER ? 0 : view.getUint32(4, true)
  const body = HOST_BODY.get(type)
  const isKind = (type === PACKET ? DATA : CONTROL) === state.channelType
  const isSound = body !== undefined && length >= HEADER + body && length <= bytes.length && isKind
  watch.check('host-netvsc-rndis', isSound, () => `type ${hex(type)}, ${length} bytes of ${bytes.length}`)
  if (!isSound) return
  const message = new DataView(bytes.buffer, bytes.byteOffset, length)
  if (type === PACKET) {
    watch.check('host-netvsc-filter', state.filter !== 0, () => 'a frame while the filter is 0')
    return frame(state, 'host', message)
  }
  if (type !== INDICATE) return answered(state, type, message)
  watch.check('host-netvsc-early', state.initialize === 'done', () => 'an indication before INITIALIZE')
  const [status, count, at] = [0, 4, 8].map((offset) => message.getUint32(HEADER + offset, true))
  const isInside = count === 0 || ((at ?? 0) >= 12 && (at ?? 0) + (count ?? 0) <= length - HEADER)
  watch.check(
    'host-netvsc-indicate',
    INDICATIONS.includes(status ?? 0) && isInside,
    () => `status ${hex(status ?? 0)}, ${count} bytes at ${at}`,
  )
}
