import { PacketType } from '@vmbus/core'
import { CALLBACK_SECONDS } from './ic.ts'
import * as messages from './netvsc-messages.ts'
import { newState } from './netvsc-state.ts'
import * as rndis from './netvsc-rndis.ts'
import { NETVSC_GUEST, NETVSC_HOST } from './netvsc-rules.ts'
import { hex, protocol, type Protocol, type SeenPacket, type Session, type Watch } from './protocol.ts'

const NO_SECTION = 0xffff_ffff
/** Ranges of a packet to a guest of NDIS 5 and of NDIS 6 (Linux hyperv_net.h). */
const MOST_RANGES_NDIS5 = 64
const MOST_RANGES = 375
const LAST_STATUS = 7
/** A request's word that its completion is about: version, or count of subchannels. */
const WORD_AT: Readonly<Record<number, number>> = { [messages.INIT]: 4, [messages.SUBCHANNEL]: 8 }

interface Asked {
  readonly type: number
  readonly word: number
  /** The section of the send buffer that the guest gets back, -1 without one. */
  readonly section: number
}

function netvscSession(watch: Watch): Session {
  const state = newState(watch)
  const asked = new Map<string, Asked>()
  /** Packets that are with the guest, and the sections of the receive buffer in them. */
  const lent = new Map<string, readonly number[]>()
  const keyOf = ({ subchannel, transaction }: SeenPacket): string => `${subchannel}/${transaction}`

  function said(seen: SeenPacket): void {
    if (!messages.fromGuest(state, seen)) return
    const { view } = seen
    const type = view.getUint32(0, true)
    const section = type === messages.RNDIS ? view.getUint32(8, true) : NO_SECTION
    if (section !== NO_SECTION) {
      const isFree = ![...asked.values()].some((each) => each.section === section)
      watch.check('guest-netvsc-section', isFree, () => `section ${section} is in use`)
    }
    if (!seen.wantsCompletion) return
    const at = WORD_AT[type]
    const word = at === undefined ? 0 : view.getUint32(at, true)
    asked.set(keyOf(seen), { type, word, section: section === NO_SECTION ? -1 : section })
    watch.expect('host-netvsc-completes', `to ${keyOf(seen)}`, CALLBACK_SECONDS, `no completion of message ${type}`)
  }

  function completedByHost(seen: SeenPacket): void {
    const key = keyOf(seen)
    const given = asked.get(key)
    asked.delete(key)
    watch.met(`to ${key}`)
    if (given !== undefined) messages.completed(state, given.type, given.word, seen.view)
  }

  function completedByGuest(seen: SeenPacket): void {
    const key = keyOf(seen)
    if (!lent.delete(key)) return
    const { view } = seen
    const [type, status] = view.byteLength < 8 ? [0, 0] : [view.getUint32(0, true), view.getUint32(4, true)]
    const isSound = type === messages.RNDIS_COMPLETE && status > 0 && status <= LAST_STATUS
    watch.check('guest-netvsc-completion', isSound, () => `completion ${type}, status ${status}`)
    watch.check('guest-netvsc-taken', status === 1 || !isSound, () => `status ${status}`)
    watch.met(`from ${key}`)
    if (isSound && state.filter !== 0) watch.served('guest')
  }

  function transferred(seen: SeenPacket): void {
    const { packet, view } = seen
    const { receive } = state
    const [id, count] = [packet.getUint16(16, true), packet.getUint32(20, true)]
    const most = state.ndisMajor >= 6 ? MOST_RANGES : MOST_RANGES_NDIS5
    const isMessage =
      view.byteLength >= 16 && view.getUint32(0, true) === messages.RNDIS && view.getUint32(8, true) === NO_SECTION
    watch.check(
      'host-netvsc-transfer',
      isMessage && receive !== undefined && id === receive.id && count > 0 && count <= most && seen.wantsCompletion,
      () => `set ${hex(id)}, ${count} ranges, ${view.byteLength} bytes`,
    )
    if (receive === undefined || view.byteLength < 8) return
    state.channelType = view.getUint32(4, true)
    const busy = new Set([...lent.values()].flat())
    const sections: number[] = []
    for (let index = 0; index < Math.min(count, MOST_RANGES); index++) {
      const [bytes, at] = [packet.getUint32(24 + 8 * index, true), packet.getUint32(28 + 8 * index, true)]
      const isInside = bytes > 0 && bytes <= receive.size && at + bytes <= receive.size * receive.count
      watch.check('host-netvsc-ranges', isInside, () => `${bytes} bytes at ${at} of ${receive.bytes}`)
      const section = Math.floor(at / Math.max(1, receive.size))
      watch.check('host-netvsc-lent', !busy.has(section), () => `section ${section} is with the guest`)
      busy.add(section)
      sections.push(section)
    }
    lent.set(keyOf(seen), sections)
    watch.expect('guest-netvsc-returns', `from ${keyOf(seen)}`, CALLBACK_SECONDS, 'a packet that never came back')
  }

  return {
    packet(seen) {
      const isCompletion = seen.type === PacketType.completion
      if (seen.to === 'host') return isCompletion ? completedByGuest(seen) : said(seen)
      if (isCompletion) completedByHost(seen)
      else if (seen.type === PacketType.transferPages) transferred(seen)
      else messages.fromHost(state, seen.view)
    },
    transfer(to, bytes) {
      if (to === 'host') rndis.fromGuest(state, bytes)
      else rndis.fromHost(state, bytes)
    },
    message() {
      if (state.subchannels < 0) return
      const offered = watch.subchannels
      const isFew = offered <= state.subchannels
      watch.check('host-netvsc-subchannels', isFew, () => `${offered} subchannels for ${state.subchannels}`)
      if (offered === state.subchannels) watch.met('subchannels')
    },
  }
}

export const netvscProtocol: Protocol = protocol({
  kind: 'netvsc',
  interfaceIds: ['f8615163-df3e-46c5-913f-f2d2f965ed0e'],
  serves: 'the host initialises the adapter, and the guest opens its filter and gives back what it receives',
  guest: NETVSC_GUEST,
  host: NETVSC_HOST,
  session: netvscSession,
})
