import { INTERRUPT_MODES } from '@vmbus/testbench'
import { locate, pseudoHeader, addWords, finishChecksum, internetChecksum } from '@vmbus/switch'
import { describe, expect, test } from 'vitest'
import { Filter, NvspVersion, RxChecksum } from '../src/protocol/index.ts'
import { tcpFrame } from './ip.ts'
import { GUEST_MAC, PEER_MAC, connected as connect, frameTo, type World, type WorldOptions } from './world.ts'

/** For what has to happen before the other end looks. */
const deferred = (options: WorldOptions = {}): World => connect({ ...options, interrupts: 'deferred' })

describe.each(INTERRUPT_MODES)('with interrupts %s', (interrupts) => {
  const connected = (options: WorldOptions = {}): World => connect({ interrupts, ...options })

  describe('sending', () => {
    test('frames that wait for more go together in one message, padded apart', () => {
      const world = connected()
      const before = world.trace.length
      const frames = [60, 61, 62, 600, 1514].map((length, index) => frameTo(PEER_MAC, GUEST_MAC, length, index))
      for (const bytes of frames) expect(world.driver.send({ bytes }, { more: true })).toBe(true)
      world.driver.flush()
      world.settle()
      expect(world.out.map(({ bytes }) => bytes)).toEqual(frames)
      expect(world.driver.statistics()).toMatchObject({ framesSent: 5, aggregated: 1, sendErrors: 0 })
      expect(world.trace.slice(before)).toHaveLength(2)
    })

    test('a frame that no section takes goes from pages, whole', () => {
      for (const pageRanges of [false, true]) {
        const world = connected({ guest: { mtu: 9000, pageRanges } })
        const bytes = frameTo(PEER_MAC, GUEST_MAC, 9014)
        expect(world.driver.send({ bytes })).toBe(true)
        world.settle()
        expect(world.out.map((frame) => frame.bytes)).toEqual([bytes])
      }
    })

    test('a full ring loses nothing: what was refused is told of when there is room', () => {
      const world = deferred({ guest: { ringPages: 2 } })
      const sent: Uint8Array[] = []
      for (let number = 0; number < 600; number++) {
        const bytes = frameTo(PEER_MAC, GUEST_MAC, 64, number)
        // The host runs while the guest signals; the guest learns of completions only when it is interrupted.
        if (world.driver.send({ bytes })) sent.push(bytes)
        else break
      }
      expect(sent.length).toBeLessThan(600)
      expect(world.writable).toBe(0)
      world.settle()
      expect(world.writable).toBeGreaterThan(0)
      const last = frameTo(PEER_MAC, GUEST_MAC, 64, 1)
      expect(world.driver.send({ bytes: last })).toBe(true)
      world.settle()
      expect(world.out.map(({ bytes }) => bytes)).toEqual([...sent, last])
      expect(world.driver.inspect()['underWay']).toBe(0)
    })

    test('checksums and large segments are left to the host, and are right on the wire', () => {
      const world = connected()
      const large = tcpFrame(20_000, { toPeer: true, raw: true })
      // As Linux hands over LSO: length and checksum of the IP header zero.
      large[16] = large[17] = 0
      expect(world.driver.send({ bytes: large, offload: { segment: 1448 } })).toBe(true)
      expect(
        world.driver.send({
          bytes: tcpFrame(100, { toPeer: true, raw: true }),
          offload: { transportChecksum: true, ipv4Checksum: true },
        }),
      ).toBe(true)
      world.settle()
      expect(world.out).toHaveLength(15)
      for (const { bytes } of world.out) {
        const at = locate(bytes)
        expect(at).toBeDefined()
        if (at === undefined) continue
        expect(internetChecksum(bytes, at.network, at.transport)).toBe(0)
        expect(
          finishChecksum(
            addWords(
              bytes,
              at.transport,
              at.end,
              pseudoHeader(bytes, at.addresses, at.addressesEnd, 6, at.end - at.transport),
            ),
          ),
        ).toBe(0)
      }
      const payload = world.out.slice(0, 14).flatMap(({ bytes }) => [...bytes.subarray(54)])
      expect(Uint8Array.from(payload)).toEqual(large.slice(54))
    })

    test('tags go beside the frame, both ways', () => {
      const world = connected({ host: { vlan: { trunk: [10, 20] } } })
      world.peer.configure({ vlan: { trunk: [10, 20] } })
      const bytes = frameTo(PEER_MAC, GUEST_MAC, 100)
      expect(world.driver.send({ bytes, vlan: { id: 20, priority: 5, dei: false } })).toBe(true)
      world.settle()
      // The peer takes tags in the bytes.
      expect([...(world.out[0]?.bytes.subarray(12, 16) ?? [])]).toEqual([0x81, 0, 0xa0, 20])
      world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 100), vlan: { id: 10, priority: 3, dei: true } })
      world.settle()
      expect(world.seen[0]?.vlan).toEqual({ id: 10, priority: 3, dei: true })
    })
  })

  describe('receiving', () => {
    test('a burst comes in one packet, in order; what is sent outside of one in a packet of its own', () => {
      const world = connected()
      const before = world.trace.length
      const frames = [60, 1514, 61].map((length, index) => frameTo(GUEST_MAC, PEER_MAC, length, index))
      world.peer.burst(() => {
        for (const bytes of frames) world.peer.send({ bytes })
        expect(world.seen).toEqual([])
      })
      world.settle()
      expect(world.seen.map(({ bytes }) => bytes)).toEqual(frames)
      // The packet and its completion.
      expect(world.trace.slice(before)).toHaveLength(2)
      for (const bytes of frames) world.peer.send({ bytes })
      world.settle()
      expect(world.seen.map(({ bytes }) => bytes)).toEqual([...frames, ...frames])
      expect(world.trace.slice(before)).toHaveLength(2 + 2 * 3)
    })

    test('what fills the buffer before the guest looks is kept, the rest is counted as dropped', () => {
      const world = deferred()
      const frames = Array.from({ length: 400 }, (_, number) => frameTo(GUEST_MAC, PEER_MAC, 100 + number, number))
      for (const bytes of frames) world.peer.send({ bytes })
      const { noBuffer } = world.nic.statistics()
      expect(noBuffer).toBeGreaterThan(0)
      world.settle()
      expect(world.seen.map(({ bytes }) => bytes)).toEqual(frames.slice(0, 400 - noBuffer))
      world.peer.send({ bytes: frames[0] ?? new Uint8Array() })
      world.settle()
      expect(world.seen).toHaveLength(401 - noBuffer)
      expect(world.diagnostics).toEqual([])
    })

    test('the filter holds: directed, broadcast, multicast, promiscuous, nothing', () => {
      const world = connected()
      const send = (): number => {
        world.seen.length = 0
        for (const to of [GUEST_MAC, 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '02:00:00:00:00:77'])
          world.peer.send({ bytes: frameTo(to, PEER_MAC, 60) })
        world.settle()
        return world.seen.length
      }
      expect(send()).toBe(3)
      for (const [filter, count] of [
        [Filter.directed, 1],
        [Filter.broadcast, 1],
        [Filter.allMulticast, 1],
        [Filter.promiscuous, 4],
        [0, 0],
        [Filter.directed | Filter.broadcast, 2],
      ] as const) {
        world.driver.setFilter(filter)
        world.settle()
        expect(send(), `filter ${filter}`).toBe(count)
      }
    })

    test('checksums are judged by their bytes', () => {
      const world = connected()
      const good = tcpFrame(500)
      const bad = good.slice()
      bad[60] = (bad[60] ?? 0) ^ 1
      world.peer.send({ bytes: good })
      world.peer.send({ bytes: bad })
      world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 60) })
      world.settle()
      expect(world.seen.map(({ checksum }) => checksum)).toEqual([RxChecksum.tcpSucceeded, RxChecksum.tcpFailed, 0])
    })

    test('a large segment is coalesced for a guest that asks for it, and cut for others', () => {
      for (const [rsc, version, fragments] of [
        [true, NvspVersion.v6_1, 14],
        [false, NvspVersion.v6_1, 1],
        [true, NvspVersion.v6, 1],
      ] as const) {
        const world = connected({ guest: { rsc, receiveBufferBytes: 128 * 4096 }, settings: { versions: [version] } })
        const large = tcpFrame(20_000)
        world.peer.send({ bytes: large, offload: { segment: 1448 } })
        world.settle()
        expect(world.seen[0]?.fragments).toBe(fragments)
        expect(world.seen).toHaveLength(fragments === 1 ? 14 : 1)
        expect(Uint8Array.from(world.seen.flatMap(({ bytes }) => [...bytes.subarray(54)]))).toEqual(large.slice(54))
        expect(world.seen.every(({ checksum }) => (checksum & RxChecksum.tcpSucceeded) !== 0)).toBe(true)
      }
    })
  })

  describe('several channels', () => {
    test('flows spread over them by the guest’s table, and each flow keeps its channel', () => {
      const world = connected({ guest: { channels: 4 }, vps: 4 })
      expect([world.driver.queues, world.nic.queues]).toEqual([4, 4])
      const ports = Array.from({ length: 32 }, (_, index) => 6000 + index)
      for (const sourcePort of [...ports, ...ports]) {
        world.peer.send({ bytes: tcpFrame(10, { sourcePort }) })
        world.settle()
      }
      const queueOf = (port: number, round: number): number | undefined =>
        world.seen[round * 32 + ports.indexOf(port)]?.queue
      expect(new Set(ports.map((port) => queueOf(port, 0)))).toEqual(new Set([0, 1, 2, 3]))
      for (const port of ports) expect(queueOf(port, 1)).toBe(queueOf(port, 0))
      expect(world.seen.every(({ hash }) => hash >= 0)).toBe(true)
      for (let queue = 0; queue < 4; queue++)
        expect(world.driver.send({ bytes: tcpFrame(50, { toPeer: true }) }, { queue })).toBe(true)
      world.settle()
      expect(world.out).toHaveLength(4)
      expect(world.diagnostics).toEqual([])
    })

    test.each([1, 2, 3, 5, 8, 64])('a host of %i queues and a guest of any number agree', (queues) => {
      for (const channels of [1, 2, 4, 9]) {
        const world = connected({ host: { queues }, guest: { channels, ringPages: 2 }, vps: 4 })
        expect(world.driver.queues).toBe(Math.min(queues, channels))
        expect(world.driver.phase).toBe('ready')
      }
    })
  })

  describe('life', () => {
    test('an MTU change opens the adapter again, for jumbo frames', () => {
      const world = connected({ guest: { channels: 3, receiveBufferBytes: 96 * 4096 } })
      const before = world.available
      world.driver.setMtu(9000)
      world.settle()
      expect([world.driver.phase, world.driver.mtu, world.driver.queues]).toEqual(['ready', 9000, 3])
      const jumbo = frameTo(GUEST_MAC, PEER_MAC, 9014)
      world.peer.send({ bytes: jumbo })
      world.settle()
      expect(world.seen.map(({ bytes }) => bytes)).toEqual([jumbo])
      expect(world.available).toBe(before)
      expect(world.diagnostics).toEqual([])
    })

    test('the cable, its speed and the guest’s own state are told', () => {
      const world = connected()
      world.nic.disconnectLink()
      world.settle()
      expect(world.driver.linkUp).toBe(false)
      world.nic.connectLink()
      world.settle()
      expect(world.driver.linkUp).toBe(true)
      world.nic.setSpeed(40_000_000_000)
      world.settle()
      expect(world.driver.inspect()).toMatchObject({ linkUp: true })
      expect(world.events).toContain('guest speed')
      expect(world.diagnostics).toEqual([])
    })

    test('traffic moves to the VF and back, also when the VF goes', () => {
      const vf: Uint8Array[] = []
      const world = connected({ host: { vfReceive: ({ bytes }) => void vf.push(bytes.slice()) } })
      world.driver.switchDataPath('vf')
      expect(world.driver.dataPath).toBe('synthetic')
      world.nic.associateVf(7)
      world.settle()
      expect(world.driver.vf).toEqual({ serial: 7 })
      world.driver.switchDataPath('vf')
      world.settle()
      expect(world.nic.dataPath).toBe('vf')
      world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 60) })
      world.settle()
      expect([vf.length, world.seen.length]).toEqual([1, 0])
      world.nic.dissociateVf()
      world.settle()
      expect([world.nic.dataPath, world.driver.dataPath, world.driver.vf]).toEqual(['synthetic', 'synthetic', null])
      const told = world.trace.flatMap((event) =>
        event.kind === 'packet' && event.bytes[16] === 128
          ? [Buffer.from(event.bytes.subarray(16, 28)).toString('hex')]
          : [],
      )
      expect(told).toEqual(['800000000100000007000000', '800000000000000007000000'])
      world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 60) })
      world.settle()
      expect(world.seen).toHaveLength(1)
      // On the VF at the end: a stop leaves the synthetic path.
      world.nic.associateVf(8)
      world.settle()
      world.driver.switchDataPath('vf')
      world.driver.stop()
      world.settle()
      expect(world.nic.dataPath).toBe('synthetic')
    })

    test('removed and added while frames are under way: every page comes back, and it works again', () => {
      const world = connected({ guest: { channels: 4 } })
      const before = world.available
      for (let round = 0; round < 3; round++) {
        for (let number = 0; number < 20; number++) {
          world.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 700, number) }, { more: number % 3 === 0 })
          world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 700, number) })
        }
        world.handle.rescind()
        world.settle()
        expect(world.guest.devices).toHaveLength(0)
        world.offer()
        world.settle()
        expect([world.driver.phase, world.driver.queues]).toEqual(['ready', 4])
        expect(world.available).toBe(before)
      }
    })
  })
})
