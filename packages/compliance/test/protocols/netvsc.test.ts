import { PacketType, type HostDeviceHandle } from '@vmbus/core'
import { netvsc, type NetvscGuest, type NetvscHost } from '@vmbus/netvsc'
import { createSwitch } from '@vmbus/switch'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import type { Ends } from '../../src/index.ts'
import {
  add32,
  also,
  before,
  both,
  cut,
  first,
  later,
  never,
  on,
  set16,
  set32,
  twice,
  u32,
  type At,
  type Change,
  type Sent,
} from './interposer.ts'
import { judge } from './judge.ts'

const PAGE = 4096
const SECTION = 6144
const NONE = 0xffff_ffff
/** NVSP messages (wire/04 §1). */
const [INIT, NDIS, RECEIVE, REVOKE, SEND, REVOKE_SEND, RNDIS, DONE] = [1, 100, 101, 103, 104, 106, 107, 108]
const [CONFIG, VF, PATH, SUBCHANNEL, TABLE] = [125, 128, 129, 133, 134]
/** RNDIS messages and OIDs (wire/04 §4). */
const [INITIALIZE, QUERY, SET, INDICATE] = [2, 4, 5, 7]
const ANSWER = 0x8000_0000
const MEDIA = 0x0001_0114
const FILTER = 0x0001_010e

const says =
  (type: number) =>
  (sent: Sent): boolean =>
    sent.type !== PacketType.completion && u32(sent, 0) === type
const completes =
  (type: number) =>
  (sent: Sent): boolean =>
    sent.type === PacketType.completion && u32(sent, 0) === type
const data = (sent: Sent): boolean => says(RNDIS)(sent) && u32(sent, 4) === 0
const control = (sent: Sent): boolean => says(RNDIS)(sent) && u32(sent, 4) === 1

/** Changes the RNDIS message of a control packet of the guest, which is in a page, if it is of this type and OID. */
function asks(type: number, oid: number, change: (message: DataView) => void): (sent: Sent, at: At) => readonly Sent[] {
  return (sent, { memory }) => {
    const [range] = sent.ranges
    if (!control(sent) || range === undefined) return [sent]
    const message = new DataView(memory.bytes.buffer, (range.pfns[0] ?? 0) * PAGE + range.byteOffset, range.byteCount)
    if (message.getUint32(0, true) === type && (oid === 0 || message.getUint32(12, true) === oid)) change(message)
    return [sent]
  }
}

/** Changes the RNDIS packet of a frame of the guest, which is in a section of the send buffer. */
function sends(change: (message: DataView) => void): Change {
  let granted = 0
  return (sent, { channel }) => {
    if (says(SEND)(sent)) granted = u32(sent, 4)
    const buffer = channel.gpadl(granted)
    if (!data(sent) || u32(sent, 8) === NONE || buffer === undefined) return [sent]
    const bytes = new Uint8Array(u32(sent, 12))
    buffer.read(u32(sent, 8) * SECTION, bytes)
    change(new DataView(bytes.buffer))
    buffer.write(u32(sent, 8) * SECTION, bytes)
    return [sent]
  }
}

/** Changes an RNDIS message of the host, which is in the receive buffer, if it is of this type. */
const tells =
  (type: number, change: (message: DataView) => void): Change =>
  (sent, { channel, heard }) => {
    const buffer = channel.gpadl(heard(RECEIVE)?.getUint32(4, true) ?? 0)
    const [range] = sent.transfer
    if (range === undefined || buffer === undefined) return [sent]
    const bytes = new Uint8Array(range.byteCount)
    buffer.read(range.byteOffset, bytes)
    const message = new DataView(bytes.buffer)
    if (message.getUint32(0, true) !== type >>> 0) return [sent]
    change(message)
    buffer.write(range.byteOffset, bytes)
    return [sent]
  }
const put =
  (at: number, value: number) =>
  (message: DataView): void =>
    message.setUint32(at, value, true)
/** The answer to a QUERY whose information is so long, with a word of it changed. */
const answers = (bytes: number, at: number, value: number): Change =>
  tells(QUERY | ANSWER, (message) => {
    if (message.getUint32(16, true) === bytes) message.setUint32(at, value, true)
  })
const transfers = (sent: Sent): boolean => sent.type === PacketType.transferPages
const ranges =
  (change: (range: { byteCount: number; byteOffset: number }) => { byteCount: number; byteOffset: number }): Change =>
  (sent) => [{ ...sent, transfer: sent.transfer.map(change) }]

/** SEND_VF_ASSOCIATION of a VF with serial 7. */
const association: Change = (sent, at) => {
  const message = { ...sent, type: PacketType.inBand, payload: new Uint8Array(32), low: 0, high: 0, wants: false }
  return both(set32(0, VF), both(set32(4, 1), set32(8, 7)))(message, at)
}

/** A switch with a peer that sends a frame in each round. */
let peer: { send(frame: { bytes: Uint8Array }): void } | undefined
function device() {
  const lan = createSwitch({ clock: virtualClock(), timers: timerQueue(() => {}), seed: seeded(1) })
  peer = lan.connect({ name: 'peer', mac: '00:15:5d:00:00:02', receive() {} })
  return netvsc({ switch: lan, mac: '00:15:5d:00:00:01', queues: 2 })
}

/** The peer's frame; a VF that comes, is used and goes; and at last the driver stops. */
function use({ host, drivers, round }: Ends): void {
  const [adapter] = (host.bus?.devices ?? []) as readonly HostDeviceHandle<NetvscHost>[]
  const [driver] = drivers as readonly NetvscGuest[]
  peer?.send({
    bytes: Uint8Array.from({ length: 60 }, (_, at) => (at < 6 ? 0xff : at === 12 ? 0x88 : at === 13 ? 0xb5 : at)),
  })
  if (round === 1) adapter?.device.associateVf(7)
  if (driver?.phase !== 'ready') return
  driver.send({ bytes: new Uint8Array(60) }, { queue: 1 })
  if (round === 2) driver.switchDataPath('vf')
  if (round === 3) driver.stop()
}

judge({
  kind: 'netvsc',
  device,
  driver: () =>
    netvsc.driver({
      receiveBufferBytes: 16 * PAGE,
      sendBufferBytes: 12 * PAGE,
      ringPages: 4,
      sendPages: 16,
      channels: 2,
    }),
  options: { use, seconds: 22 },
  drivers: () => [
    ['says nothing', 'guest-netvsc-serves', on(() => true, never)],
    ['never opens its filter', 'guest-netvsc-serves', asks(SET, FILTER, put(28, 0))],
    ['says what there is not', 'guest-netvsc-message', on(says(NDIS), set32(0, 99))],
    ['speaks as a host', 'guest-netvsc-message', on(says(NDIS), set32(0, 128))],
    ['sends short requests', 'guest-netvsc-size', on(says(INIT), cut(16))],
    ['skips INIT', 'guest-netvsc-init-first', on(says(INIT), before(set32(0, NDIS)))],
    ['asks for a version that there is not', 'guest-netvsc-init', first(says(INIT), set32(4, 0x7_0000))],
    [
      'asks for a version when it has one',
      'guest-netvsc-init',
      on(says(NDIS), before(both(set32(0, INIT), set32(4, 2)))),
    ],
    [
      'knows subchannels below NVSP 5',
      'guest-netvsc-known',
      on(says(INIT), both(set32(4, 0x4_0000), set32(8, 0x4_0000))),
    ],
    ['wants no completion of a packet', 'guest-netvsc-wants', on(data, (sent) => [{ ...sent, wants: false }])],
    ['wants no completion of INIT', 'guest-netvsc-wants', on(says(INIT), (sent) => [{ ...sent, wants: false }])],
    ['says what the host refuses', 'guest-netvsc-accepted', on(says(NDIS), set32(0, 99))],
    [
      'speaks NVSP on a subchannel',
      'guest-netvsc-primary',
      (sent, at) =>
        at.channel.subchannelIndex === 1 && data(sent) ? both(set32(0, PATH), set32(4, 0))(sent, at) : [sent],
    ],
    ['tells NDIS 6.1', 'guest-netvsc-ndis', on(says(NDIS), set32(8, 1))],
    ['tells NDIS twice', 'guest-netvsc-ndis', on(says(NDIS), twice)],
    ['configures frames of nothing', 'guest-netvsc-config', on(says(CONFIG), set32(4, 0))],
    ['configures twice', 'guest-netvsc-config', on(says(CONFIG), twice)],
    ['never configures', 'guest-netvsc-receive-buffer', on(says(CONFIG), never)],
    ['names a buffer that it did not grant', 'guest-netvsc-receive-buffer', on(says(RECEIVE), set32(4, 0x999))],
    ['grants its receive buffer twice', 'guest-netvsc-receive-buffer', on(says(RECEIVE), twice)],
    ['names a send buffer that it did not grant', 'guest-netvsc-send-buffer', on(says(SEND), set32(4, 0x999))],
    ['grants its send buffer twice', 'guest-netvsc-send-buffer', on(says(SEND), twice)],
    ['asks for no subchannel', 'guest-netvsc-subchannels', on(says(SUBCHANNEL), set32(8, 0))],
    ['asks for too many subchannels', 'guest-netvsc-subchannels', on(says(SUBCHANNEL), set32(8, 64))],
    ['frees subchannels', 'guest-netvsc-subchannels', on(says(SUBCHANNEL), set32(4, 2))],
    ['sends neither data nor control', 'guest-netvsc-rndis', on(data, set32(4, 2))],
    ['sends a section that there is not', 'guest-netvsc-section', on(data, set32(8, 500))],
    ['fills a section with more than it holds', 'guest-netvsc-section', on(data, set32(12, 7000))],
    ['sends nothing', 'guest-netvsc-section', on(data, set32(8, NONE))],
    [
      'sends too many ranges',
      'guest-netvsc-ranges',
      on(control, (sent) => [
        { ...sent, ranges: sent.ranges.flatMap((range) => new Array<typeof range>(33).fill(range)) },
      ]),
    ],
    ['sends control in a section', 'guest-netvsc-control-pages', on(control, both(set32(8, 0), set32(12, 100)))],
    ['sends control that there is not', 'guest-netvsc-control', asks(QUERY, MEDIA, put(0, 12))],
    ['sends control that is cut', 'guest-netvsc-control', asks(QUERY, MEDIA, put(4, 20))],
    ['sends control that is longer than it is', 'guest-netvsc-control', asks(QUERY, MEDIA, put(4, 4000))],
    ['initialises RNDIS 2.0', 'guest-netvsc-initialize', asks(INITIALIZE, 0, put(12, 2))],
    [
      'initialises twice',
      'guest-netvsc-initialize',
      asks(QUERY, MEDIA, (message) => (put(0, INITIALIZE)(message), put(12, 1)(message), put(16, 0)(message))),
    ],
    ['asks before it initialises', 'guest-netvsc-initialized', asks(INITIALIZE, 0, (message) => put(0, 8)(message))],
    ['asks with its information at 0', 'guest-netvsc-information', asks(QUERY, MEDIA, put(20, 0))],
    ['asks with its information outside', 'guest-netvsc-information', asks(SET, FILTER, put(20, 4000))],
    ['sets a filter of bits that there are not', 'guest-netvsc-filter', asks(SET, FILTER, put(28, 0x8000))],
    ['sends a frame that is cut', 'guest-netvsc-packets', sends(put(4, 40))],
    ['sends a frame of no type', 'guest-netvsc-packets', sends(put(0, 9))],
    ['sends a frame outside of its packet', 'guest-netvsc-frame', sends(put(8, 5000))],
    ['sends a frame without a header', 'guest-netvsc-frame', sends(put(12, 4))],
    [
      'sends information of no length',
      'guest-netvsc-infos',
      sends((message) => (put(28, 36)(message), put(32, 16)(message), put(44, 0)(message))),
    ],
    ['sends information outside of its packet', 'guest-netvsc-infos', sends(put(32, 5000))],
    ['sends frames longer than it said', 'guest-netvsc-mtu', on(says(CONFIG), set32(4, 82 - 50))],
    ['gives nothing back', 'guest-netvsc-returns', on(completes(DONE), never)],
    ['gives one packet back', 'guest-netvsc-returns', later(completes(DONE), never)],
    ['gives back with another message', 'guest-netvsc-completion', on(completes(DONE), set32(0, RNDIS))],
    ['gives back without a status', 'guest-netvsc-completion', on(completes(DONE), set32(4, 0))],
    ['refuses what it receives', 'guest-netvsc-taken', on(completes(DONE), set32(4, 2))],
    ['takes a path that there is not', 'guest-netvsc-data-path', on(says(PATH), set32(4, 2))],
    ['revokes another buffer', 'guest-netvsc-revoke', on(says(REVOKE), set16(4, 0xbeef))],
    ['revokes another send buffer', 'guest-netvsc-revoke', on(says(REVOKE_SEND), set16(4, 0xbeef))],
    ['goes on behind a revoke', 'guest-netvsc-revoked', on(says(REVOKE_SEND), both(set32(0, PATH), set32(4, 0)))],
  ],
  devices: () => [
    ['answers nothing', 'host-netvsc-completes', on((sent) => sent.type === PacketType.completion, never)],
    ['completes no packet', 'host-netvsc-completes', on(completes(DONE), never)],
    ['completes with another message', 'host-netvsc-completion', on(completes(102), set32(0, 105))],
    ['completes INIT too short', 'host-netvsc-size', on(completes(2), cut(16))],
    ['completes INIT with a status that there is not', 'host-netvsc-init', on(completes(2), set32(12, 9))],
    ['takes no receive buffer', 'host-netvsc-receive-buffer', on(completes(102), set32(4, 2))],
    ['divides the receive buffer in two', 'host-netvsc-receive-buffer', on(completes(102), set32(8, 2))],
    ['answers what the driver refuses', 'host-netvsc-accepted', tells(QUERY | ANSWER, put(8, 0x7777))],
    ['begins its sections behind 0', 'host-netvsc-receive-buffer', on(completes(102), set32(12, 64))],
    ['makes sections that are too small', 'host-netvsc-receive-buffer', on(completes(102), set32(16, 32))],
    ['makes more sections than there is room', 'host-netvsc-receive-buffer', on(completes(102), set32(20, 10_000))],
    ['takes no send buffer', 'host-netvsc-send-buffer', on(completes(105), set32(4, 2))],
    ['makes send sections that are too small', 'host-netvsc-send-buffer', on(completes(105), set32(8, 4))],
    ['completes a packet without a status', 'host-netvsc-sent', on(completes(DONE), set32(4, 0))],
    ['grants more subchannels than were asked for', 'host-netvsc-subchannels', on(completes(SUBCHANNEL), add32(8, 5))],
    ['offers more subchannels than it granted', 'host-netvsc-subchannels', on(completes(SUBCHANNEL), set32(8, 0))],
    ['says what there is not', 'host-netvsc-message', on(says(TABLE), set32(0, 99))],
    ['sends a table of another length', 'host-netvsc-table', on(says(TABLE), set32(4, 8))],
    ['sends a table outside of its message', 'host-netvsc-table', on(says(TABLE), set32(8, 40))],
    ['sends a table of channels that there are not', 'host-netvsc-table', on(says(TABLE), set32(12, 9))],
    [
      'indicates before INITIALIZE is answered',
      'host-netvsc-early',
      tells(
        INITIALIZE | ANSWER,
        (message) => (put(0, INDICATE)(message), put(8, 0x4001_000b)(message), put(12, 0)(message)),
      ),
    ],
    [
      'sends frames before there is a filter',
      'host-netvsc-filter',
      on(
        transfers,
        both(
          set32(4, 0),
          tells(QUERY | ANSWER, (message) => void (message.byteLength > 100 && put(0, 1)(message))),
        ),
      ),
    ],
    ['names another buffer', 'host-netvsc-transfer', on(transfers, (sent) => [{ ...sent, setId: 7 }])],
    ['sends a packet of no kind', 'host-netvsc-transfer', on(transfers, set32(0, 99))],
    ['sends a packet with a section of the guest', 'host-netvsc-transfer', on(transfers, set32(8, 0))],
    [
      'fills beyond a section',
      'host-netvsc-ranges',
      on(
        transfers,
        ranges((range) => ({ ...range, byteCount: 9000 })),
      ),
    ],
    [
      'fills beyond the buffer',
      'host-netvsc-ranges',
      on(
        transfers,
        ranges((range) => ({ ...range, byteOffset: 16 * PAGE })),
      ),
    ],
    [
      'fills one section twice',
      'host-netvsc-lent',
      on(
        transfers,
        also((sent) => [{ ...sent, low: sent.low + 500 }]),
      ),
    ],
    ['sends RNDIS that there is not', 'host-netvsc-rndis', tells(INDICATE, put(0, 77))],
    ['sends RNDIS that is cut', 'host-netvsc-rndis', tells(INDICATE, put(4, 10))],
    ['calls control data', 'host-netvsc-rndis', on(transfers, set32(4, 0))],
    ['indicates instead of an answer', 'host-netvsc-answers', tells(QUERY | ANSWER, put(0, INDICATE))],
    ['answers under another id', 'host-netvsc-answer-id', tells(QUERY | ANSWER, put(8, 0x7777))],
    ['answers another request', 'host-netvsc-answer-id', tells(QUERY | ANSWER, put(0, SET | ANSWER))],
    ['initialises RNDIS 2.0', 'host-netvsc-initialize', tells(INITIALIZE | ANSWER, put(16, 2))],
    ['refuses to initialise', 'host-netvsc-serves', tells(INITIALIZE | ANSWER, put(12, 0xc000_0001))],
    ['puts information outside of its answer', 'host-netvsc-information', tells(QUERY | ANSWER, put(20, 4000))],
    ['fails with information', 'host-netvsc-information', tells(QUERY | ANSWER, put(12, 0xc000_0001))],
    ['has a multicast address', 'host-netvsc-oid', answers(6, 24, 0x0101_0101)],
    ['has a medium that is neither up nor down', 'host-netvsc-oid', answers(4, 24, 50)],
    ['indicates what there is not', 'host-netvsc-indicate', tells(INDICATE, put(8, 1))],
    [
      'indicates with a buffer outside',
      'host-netvsc-indicate',
      tells(INDICATE, (message) => (put(12, 40)(message), put(16, 400)(message))),
    ],
    ['sends a frame outside of its packet', 'host-netvsc-frame', tells(1, put(8, 60_000))],
    ['sends a frame without a header', 'host-netvsc-frame', tells(1, put(12, 4))],
    ['sends information of no length', 'host-netvsc-infos', tells(1, put(44, 0))],
    ['sends information outside of its packet', 'host-netvsc-infos', tells(1, put(32, 5000))],
    ['tells a VF before the guest wants one', 'host-netvsc-vf', on(completes(2), also(association))],
  ],
})
