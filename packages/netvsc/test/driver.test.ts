import type { Channel } from '@vmbus/core'
import { describe, expect, test } from 'vitest'
import { NvspVersion } from '../src/protocol/index.ts'
import { GUEST_MAC, PEER_MAC, connected, frameTo, type World } from './world.ts'

// What Linux's driver does where it has a choice (drivers/net/hyperv/netvsc.c).

test('without a free section small frames go from pages (netvsc_send)', () => {
  const world = connected({ guest: { sendBufferBytes: 2 * 6144, sendPages: 5 } })
  world.host.pause()
  const taken = Array.from({ length: 8 }, (_, index) =>
    world.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 200 + index) }),
  )
  // Two sections and five pages.
  expect(taken).toEqual([true, true, true, true, true, true, true, false])
  world.host.resume()
  world.settle()
  expect(world.out.map(({ bytes }) => bytes.length)).toEqual([200, 201, 202, 203, 204, 205, 206])
  expect(world.writable).toBe(1)
})

test('a frame that fills a section with its padding goes from pages (netvsc_send: pktlen + pkt_align < section size)', () => {
  const world = connected({ vps: 1, guest: { mtu: 9000 } })
  const before = world.trace.length
  // 44 bytes of header; the alignment is 8.
  for (const length of [6144 - 44 - 9, 6144 - 44 - 8])
    world.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, length) })
  world.settle()
  const types = world.trace
    .slice(before)
    .flatMap((event) => (event.kind === 'packet' && event.to === 'host' ? [event.bytes[0]] : []))
  expect(types).toEqual([6, 9])
  expect(world.out).toHaveLength(2)
})

describe('the send table', () => {
  const told = (version: number, offset: number, bytes: number): number[] => {
    const world = connected({ guest: { channels: 4 }, settings: { versions: [version] } })
    const message = new Uint8Array(bytes)
    const view = new DataView(message.buffer)
    for (const [at, word] of [134, 16, offset].entries()) view.setUint32(at * 4, word, true)
    for (const at of [12, 40])
      if (at + 64 <= bytes)
        for (let n = 0; n < 16; n++) view.setUint32(at + n * 4, at === 40 ? 3 - (n % 4) : n % 2, true)
    world.hostChannel(0)?.sendInBand(message, 0, 0, false)
    world.settle()
    return (world.driver.save() as { sendTable: number[] }).sendTable
  }
  const byTwos = Array.from({ length: 16 }, (_, n) => n % 2)
  const byFours = Array.from({ length: 16 }, (_, n) => 3 - (n % 4))

  test.each([NvspVersion.v5, NvspVersion.v6])(
    'up to NVSP 6 stands at byte 40 of a message that is long enough',
    (version) => {
      expect(told(version, 12, 40 + 64)).toEqual(byFours)
      // OpenVMM's is too short, and stands where its header says.
      expect(told(version, 12, 12 + 64)).toEqual(byTwos)
    },
  )

  test('from NVSP 6.1 on stands where the header says', () => {
    expect(told(NvspVersion.v6_1, 40, 40 + 64)).toEqual(byFours)
  })
})

describe('leaving', () => {
  const NVSP: Readonly<Record<number, string>> = { 103: 'revoke-receive', 106: 'revoke-send' }
  const MESSAGES: Readonly<Record<number, string>> = { 7: 'close', 11: 'teardown' }
  const said = (version: number): string[] => {
    const world = connected({ vps: 1, vmbus: [version] })
    world.said.length = 0
    world.driver.stop()
    world.settle()
    expect(world.driver.phase).toBe('stopped')
    const all = world.said.flatMap((event) => {
      if ((event.kind !== 'packet' && event.kind !== 'message') || event.to !== 'host') return []
      const at = event.kind === 'packet' ? (event.bytes[2] ?? 0) * 8 : 0
      return [(event.kind === 'packet' ? NVSP : MESSAGES)[event.bytes[at] ?? 0] ?? '']
    })
    return all.filter((name) => name !== '')
  }

  test('takes each buffer back after its revoke below VMBus 4.0, and after the channel has closed from there on', () => {
    // The last teardown is that of the rings.
    expect(said(0x3_0000)).toEqual(['revoke-receive', 'teardown', 'revoke-send', 'teardown', 'close', 'teardown'])
    expect(said(0x4_0000)).toEqual(['revoke-receive', 'revoke-send', 'close', 'teardown', 'teardown', 'teardown'])
  })

  test('does not wait for a host that has left the channel', () => {
    const world = connected({ vps: 1 })
    const ring = world.guest.devices[0]?.channels[0]?.channel as Channel
    // An NVSP message that no guest sends: the host is gone from the channel.
    const message = new Uint8Array(40)
    message[0] = 110
    ring.sendInBand(message, 200, 0, true)
    const stopped = (made: World): number => {
      const before = made.now
      made.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 100) })
      made.driver.stop()
      for (let count = 0; count < 1000 && made.driver.phase !== 'stopped' && made.step(); count++);
      return (made.now - before) / 10_000_000
    }
    expect(stopped(world)).toBe(1)
    expect(stopped(connected({ vps: 1 }))).toBe(0)
  })
})
