import { NETVSC_GUEST_REJECTS, NETVSC_HOST_REJECTS, netvsc, type NetvscGuest, type NetvscHost } from '@vmbus/netvsc'
import { createSwitch } from '@vmbus/switch'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import type { AttackedWorld, DeviceTarget } from '../../src/index.ts'
import { often, phase, type JudgedTarget } from './target.ts'

const PAGE = 4096
const PEER = '00:15:5d:00:00:02'
const FRAME = 100
/** NVSP words of versions 1, 4, 5 and 6.1 (wire/04 §1). */
const VERSIONS = [0x2, 0x4_0000, 0x5_0000, 0x6_0001]
/** SEND_RNDIS_PKT, and where its section stands in the message: index, then bytes. */
const RNDIS_PACKET = 107
const SECTION_AT = 8
const NO_SECTION = 0xffff_ffff
const SECTION_BYTES = 6144

/** Messages that only a fresh connection or a newer version knows: send buffer, data path, subchannels. */
const SETUP: readonly [number, ...number[]] = [104, 129, 133]
/** INITIALIZE for RNDIS 1.0 (wire/04 §4). */
const INITIALIZE = [2, 24, 1, 1, 0, 0x4000]
/** Types of RNDIS messages, and lengths that are too short, right or too long. */
const WORDS: readonly [number, ...number[]] = [0, 1, 2, 4, 5, 8, 12, 16, 36, 44, 100, 0x7fff_ffff, 0xffff_ffff]

/** Changes words of RNDIS messages in the pages behind `at` bytes of a buffer. */
function changePage(
  { world, choose }: AttackedWorld,
  pfns: readonly number[],
  from: number,
  isControl = false,
): boolean {
  const [first] = pfns
  if (isControl && choose.chance(40) && first !== undefined && from === 0 && first * PAGE < world.memory.size)
    for (const [index, word] of INITIALIZE.entries()) world.memory.view.setUint32(first * PAGE + index * 4, word, true)
  for (let count = 1 + choose.below(2); count > 0; count--) {
    const at = from + choose.below(choose.chance(80) ? 16 : 32) * 4
    const pfn = pfns[Math.floor(at / PAGE)]
    if (pfn === undefined || (pfn + 1) * PAGE > world.memory.size || (at % PAGE) + 4 > PAGE) return false
    const value = choose.chance(70) ? choose.pick(WORDS) : choose.u32()
    world.memory.view.setUint32(pfn * PAGE + (at % PAGE), value, true)
  }
  return true
}

/** The buffers that a driver granted. */
const buffers = (driver: AttackedWorld['driver']) =>
  driver?.save() as
    | { readonly receive: { readonly pfns: number[] } | null; readonly send: { readonly pfns: number[] } | null }
    | undefined

function frame(choose: AttackedWorld['choose'], to: number): Uint8Array {
  const bytes = new Uint8Array(FRAME + choose.below(1400))
  bytes.set([0, 0x15, 0x5d, 0, 0, to, 0, 0x15, 0x5d, 0, 0, 3 - to, 8, 0])
  return bytes
}

const target: DeviceTarget = {
  name: 'netvsc',
  memoryMB: 2,
  span: 40,
  grace: 24,
  seconds: 100,
  create(choose) {
    const net = createSwitch({ clock: virtualClock(), timers: timerQueue(() => {}), seed: seeded(1) })
    const peer = net.connect({ name: 'peer', mac: PEER, receive() {} })
    const version = choose.any(VERSIONS)
    return {
      device: netvsc({ switch: net, mac: '00:15:5d:00:00:01', queues: 2 }),
      driver: netvsc.driver({
        receiveBufferBytes: 32 * PAGE,
        sendBufferBytes: 12 * PAGE,
        ringPages: 4,
        sendPages: 16,
        channels: 2,
        ...(version !== undefined && choose.chance(50) && { versions: [version] }),
      }),
      exercise({ host, driver }) {
        const guest = driver as NetvscGuest | undefined
        const end = host as NetvscHost | undefined
        const way = choose.below(20)
        if (way < 8) {
          if (guest?.phase === 'ready') guest.send({ bytes: frame(choose, 2) })
        } else if (way < 16) peer.send({ bytes: frame(choose, 1) })
        else if (way === 16) end?.connectLink()
        else if (way === 17) end?.disconnectLink()
        else if (way === 18) end?.associateVf(1 + choose.below(3))
        else end?.dissociateVf()
      },
    }
  },
  ends: {
    host: {
      short: ['message-short', 'message-type', 'rndis-short'],
      state: ({ version, initialized, filter, queues }) =>
        version === null
          ? 'new'
          : `${version as string}${initialized === true ? ' initialized' : ''}${filter === 0 ? '' : ' up'} ${Number(queues)}`,
      // A copy of a message of the set-up ends the conversation; these do not. An end costs `grace` whole inputs, so that few may.
      forgedShare: 93,
      // RNDIS messages in a section of the send buffer; as control messages its frames would end the conversation, too.
      forge(choose) {
        const payload = new Uint8Array(40)
        const view = new DataView(payload.buffer)
        view.setUint32(0, choose.chance(98) ? RNDIS_PACKET : choose.pick(SETUP), true)
        view.setUint32(4, choose.chance(95) ? 0 : 1, true)
        view.setUint32(SECTION_AT, choose.below(10), true)
        view.setUint32(SECTION_AT + 4, choose.pick([8, 44, 100, 160, 600, 6144, 7000]), true)
        return { payload, wants: true, transaction: [5000 + choose.below(100), 1] }
      },
      pages(attacked, packet) {
        if (packet.payloadLength < SECTION_AT + 8 || packet.view.getUint32(packet.payloadOffset, true) !== RNDIS_PACKET)
          return false
        const isControl = packet.view.getUint32(packet.payloadOffset + 4, true) === 1
        const index = packet.view.getUint32(packet.payloadOffset + SECTION_AT, true)
        const [range] = packet.gpaRanges
        if (index !== NO_SECTION)
          return changePage(
            attacked,
            buffers(attacked.driver)?.send?.pfns ?? [],
            (index % 64) * SECTION_BYTES,
            isControl,
          )
        return range !== undefined && changePage(attacked, range.pfns, range.byteOffset)
      },
    },
    guest: {
      short: [],
      state: phase,
      pages(attacked, packet) {
        const range = attacked.choose.any(packet.transferRanges)
        return (
          range !== undefined && changePage(attacked, buffers(attacked.driver)?.receive?.pfns ?? [], range.byteOffset)
        )
      },
    },
  },
}

/** What ends the conversation is reached once in each of them. */
const OFTEN = ['message-type', 'message-early', 'message-subchannel', 'rndis-short']
const RARE = { host: Object.keys(NETVSC_HOST_REJECTS).filter((branch) => !OFTEN.includes(branch)) }

export const netvscTarget: JudgedTarget = {
  target,
  branches: { host: often(NETVSC_HOST_REJECTS, RARE.host), guest: Object.keys(NETVSC_GUEST_REJECTS) },
  rare: RARE,
}
