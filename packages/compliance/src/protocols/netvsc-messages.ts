import { PacketType } from '@vmbus/core'
import { CALLBACK_SECONDS } from './ic.ts'
import { CONTROL, DATA, NVSP_VERSIONS, V2, V4, V5, V6_1, type NetvscState } from './netvsc-state.ts'
import { hex, type SeenPacket } from './protocol.ts'

/** Messages of a guest (wire/04 §1): first version, bytes with the type, and the completion, 0 for one without a body. */
export const INIT = 1
const NDIS_VERSION = 100
const RECEIVE_BUFFER = 101
const REVOKE_RECEIVE = 103
const SEND_BUFFER = 104
const REVOKE_SEND = 106
export const RNDIS = 107
export const RNDIS_COMPLETE = 108
const NDIS_CONFIG = 125
const VF_ASSOCIATION = 128
const DATA_PATH = 129
export const SUBCHANNEL = 133
const SEND_TABLE = 134
const MESSAGES = new Map<number, readonly [since: number, bytes: number, wants: boolean]>([
  [INIT, [0, 12, true]],
  [NDIS_VERSION, [2, 12, false]],
  [RECEIVE_BUFFER, [2, 10, true]],
  [REVOKE_RECEIVE, [2, 6, false]],
  [SEND_BUFFER, [2, 10, true]],
  [REVOKE_SEND, [2, 6, false]],
  [RNDIS, [2, 16, true]],
  [NDIS_CONFIG, [V2, 20, false]],
  [DATA_PATH, [V4, 8, false]],
  [SUBCHANNEL, [V5, 12, true]],
])
/** Requests shorter than this are never answered (FreeBSD and DPDK, hn_nvs). */
const SHORTEST = 32
const MIB = 1 << 20
const NO_SECTION = 0xffff_ffff
const MOST_RANGES = 32
const MOST_SUBCHANNELS = 63
const SRIOV = 4
const TEAMING = 32
const RSC = 128
const LEAST_FRAME = 68 + 14

/** A message of the guest, which is no completion. False when it is not to be read on. */
export function fromGuest(state: NetvscState, seen: SeenPacket): boolean {
  const { watch } = state
  const { view, subchannel } = seen
  const type = view.byteLength < 4 ? 0 : view.getUint32(0, true)
  const [since, bytes, wants] = MESSAGES.get(type) ?? [Infinity, 0, false]
  const how = (): string => `message ${type} of ${view.byteLength} bytes in version ${hex(state.version)}`
  watch.check('guest-netvsc-message', since !== Infinity && view.byteLength >= bytes, how)
  if (since === Infinity || view.byteLength < bytes) return false
  watch.check('guest-netvsc-size', view.byteLength >= SHORTEST, how)
  watch.check('guest-netvsc-init-first', type === INIT || state.version !== 0, how)
  watch.check('guest-netvsc-known', since <= state.version || state.version === 0, how)
  watch.check('guest-netvsc-wants', !wants || seen.wantsCompletion, how)
  watch.check('guest-netvsc-primary', subchannel === 0 || type === RNDIS, how)
  watch.check('guest-netvsc-revoked', !state.isRevoked || type === REVOKE_SEND || type === REVOKE_RECEIVE, how)
  HANDLERS[type]?.(state, view, seen)
  return true
}

type Handler = (state: NetvscState, view: DataView, seen: SeenPacket) => void

const HANDLERS: Readonly<Record<number, Handler>> = {
  [INIT](state, view) {
    const asked = view.getUint32(4, true)
    state.watch.check(
      'guest-netvsc-init',
      state.version === 0 && NVSP_VERSIONS.includes(asked) && asked < state.asked,
      () => `version ${hex(asked)} after ${hex(state.asked)}`,
    )
    state.asked = asked
  },
  [NDIS_VERSION](state, view) {
    const [major, minor] = [view.getUint32(4, true), view.getUint32(8, true)]
    const right = major === 6 && minor === (state.version >= V5 ? 30 : 1)
    state.watch.check('guest-netvsc-ndis', right && state.ndisMajor === 0, () => `NDIS ${major}.${minor}`)
    state.ndisMajor = major
  },
  [NDIS_CONFIG](state, view) {
    const frameBytes = view.getUint32(4, true)
    const capabilities = view.getUint32(12, true)
    const none = (state.version >= V5 ? 0 : SRIOV | TEAMING) | (state.version >= V6_1 ? 0 : RSC)
    state.watch.check(
      'guest-netvsc-config',
      state.config === undefined && frameBytes >= LEAST_FRAME && (capabilities & none) === 0,
      () => `frames of ${frameBytes} bytes, capabilities ${hex(capabilities)}`,
    )
    state.config = { frameBytes, capabilities }
  },
  [RECEIVE_BUFFER](state, view) {
    const bytes = state.watch.grantBytes(view.getUint32(4, true))
    const most = (state.version >= V4 ? 31 : 15) * MIB
    const isTime = state.receive === undefined && (state.version < V2 || state.config !== undefined)
    const isSound = isTime && bytes !== undefined && bytes <= most
    state.watch.check('guest-netvsc-receive-buffer', isSound, () => `a buffer of ${bytes} bytes`)
    if (bytes !== undefined) state.receive ??= { id: view.getUint16(8, true), bytes, size: 0, count: 0 }
  },
  [SEND_BUFFER](state, view) {
    const bytes = state.watch.grantBytes(view.getUint32(4, true))
    const isSound = state.send === undefined && bytes !== undefined && bytes <= 15 * MIB
    state.watch.check('guest-netvsc-send-buffer', isSound, () => `a buffer of ${bytes} bytes`)
    if (bytes !== undefined) state.send ??= { id: view.getUint16(8, true), bytes, size: 0, count: 0 }
  },
  [REVOKE_RECEIVE](state, view) {
    const id = view.getUint16(4, true)
    state.watch.check('guest-netvsc-revoke', id === state.receive?.id, () => `receive buffer ${hex(id)}`)
    state.receive = undefined
    state.isRevoked = true
  },
  [REVOKE_SEND](state, view) {
    const id = view.getUint16(4, true)
    state.watch.check('guest-netvsc-revoke', id === state.send?.id, () => `send buffer ${hex(id)}`)
    state.send = undefined
  },
  [DATA_PATH](state, view) {
    const path = view.getUint32(4, true)
    const isPath = path === 0 || (path === 1 && state.hasVf)
    state.watch.check('guest-netvsc-data-path', isPath, () => `data path ${path}`)
  },
  [SUBCHANNEL](state, view) {
    const [operation, count] = [view.getUint32(4, true), view.getUint32(8, true)]
    const isSound = operation === 1 && count > 0 && count <= MOST_SUBCHANNELS && state.subchannels < 0
    state.watch.check('guest-netvsc-subchannels', isSound, () => `operation ${operation}, ${count} subchannels`)
  },
  [RNDIS](state, view, { type, packet }) {
    const { watch, send } = state
    const [kind, index, size] = [4, 8, 12].map((at) => view.getUint32(at, true))
    state.channelType = kind ?? 0
    const ranges = type === PacketType.gpaDirect ? packet.getUint32(20, true) : 0
    const how = (): string => `kind ${kind}, section ${index} of ${size} bytes, ${ranges} ranges`
    watch.check('guest-netvsc-rndis', kind === DATA || kind === CONTROL, how)
    const isNone = index === NO_SECTION
    const isInside = send !== undefined && (index ?? 0) < send.count && (size ?? 0) <= send.size && (size ?? 0) > 0
    watch.check('guest-netvsc-section', isNone ? ranges > 0 : isInside, how)
    watch.check('guest-netvsc-ranges', ranges <= MOST_RANGES, how)
    if (kind === CONTROL) watch.check('guest-netvsc-control-pages', isNone, how)
  },
}

/** What a request of the guest is completed with, and the fewest bytes that Linux takes; 0 for a completion without a body. */
const COMPLETIONS = new Map<number, readonly [type: number, bytes: number]>([
  [INIT, [2, 28]],
  [RECEIVE_BUFFER, [102, 28]],
  [SEND_BUFFER, [105, 12]],
  [RNDIS, [RNDIS_COMPLETE, 8]],
  [SUBCHANNEL, [SUBCHANNEL, 12]],
])
const SUCCESS = 1
const LAST_STATUS = 7
/** Linux hyperv_net.h: the smallest section of either buffer. */
const LEAST_SECTION = 68

/** The completion of a request of the guest. */
export function completed(state: NetvscState, asked: number, word: number, view: DataView): void {
  const { watch } = state
  const [type, bytes] = COMPLETIONS.get(asked) ?? [0, 0]
  const given = view.byteLength < 4 ? 0 : view.getUint32(0, true)
  const how = (): string => `message ${asked}: completion ${given} of ${view.byteLength} bytes`
  watch.check('host-netvsc-completion', given === type, how)
  watch.check('host-netvsc-size', view.byteLength >= bytes && (bytes > 0 || view.byteLength === 0), how)
  if (given !== type || view.byteLength < bytes) return
  const words = Array.from({ length: bytes / 4 - 1 }, (_, index) => view.getUint32(4 + 4 * index, true))
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = words
  const told = (): string => `message ${asked}: ${words.join(' ')}`
  if (asked === INIT) {
    watch.check('host-netvsc-init', third <= 4, told)
    if (third === SUCCESS) state.version = word
  } else if (asked === RECEIVE_BUFFER && state.receive !== undefined) {
    const isSound = first === SUCCESS && second === 1 && third === 0 && fourth >= LEAST_SECTION && fifth > 0
    watch.check('host-netvsc-receive-buffer', isSound && fourth * fifth <= state.receive.bytes, told)
    Object.assign(state.receive, { size: fourth, count: fifth })
  } else if (asked === SEND_BUFFER && state.send !== undefined) {
    const isSound = first === SUCCESS && second >= LEAST_SECTION && second <= state.send.bytes
    watch.check('host-netvsc-send-buffer', isSound, told)
    Object.assign(state.send, { size: second, count: Math.floor(state.send.bytes / Math.max(1, second)) })
  } else if (asked === RNDIS) watch.check('host-netvsc-sent', first > 0 && first <= LAST_STATUS, told)
  else if (asked === SUBCHANNEL) {
    watch.check('host-netvsc-subchannels', first !== SUCCESS || second <= word, told)
    if (first !== SUCCESS) return
    state.subchannels = second
    watch.expect('host-netvsc-subchannels', 'subchannels', CALLBACK_SECONDS, `fewer than ${second} subchannels offered`)
  }
}

/** A message that the host begins in-band. */
export function fromHost(state: NetvscState, view: DataView): void {
  const { watch } = state
  const type = view.byteLength < 4 ? 0 : view.getUint32(0, true)
  const isVf = type === VF_ASSOCIATION && view.byteLength >= 12
  const isTable = type === SEND_TABLE && view.byteLength >= 12
  watch.check('host-netvsc-message', isVf || isTable, () => `message ${type} of ${view.byteLength} bytes`)
  if (isVf) {
    const wants = state.version >= V4 && ((state.config?.capabilities ?? 0) & SRIOV) !== 0
    watch.check('host-netvsc-vf', wants, () => 'a VF for a guest that wants none')
    state.hasVf = view.getUint32(4, true) !== 0
  } else if (isTable) {
    const [count, offset] = [view.getUint32(4, true), view.getUint32(8, true)]
    const isInside = count === 16 && offset >= 12 && offset + 4 * count <= view.byteLength && state.version >= V5
    const isChannels =
      isInside &&
      Array.from({ length: count }, (_, at) => view.getUint32(offset + 4 * at, true)).every(
        (queue) => queue <= Math.max(0, state.subchannels),
      )
    watch.check('host-netvsc-table', isChannels, () => `${count} entries at ${offset}`)
  }
}
