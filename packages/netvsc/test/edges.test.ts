import type { Channel, HostDevice } from '@vmbus/core'
import { deviceWorld, rawDriver, type DeviceWorld } from '@vmbus/testbench'
import { createSwitch } from '@vmbus/switch'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { netvsc } from '../src/index.ts'
import { NETVSC_INTERFACE } from '../src/protocol/index.ts'
import { GUEST_MAC, PEER_MAC, connected, frameTo, world as make, type World } from './world.ts'

// Values that are right in the usual run whatever they are: each typed by hand, from MS-RNDIS, the Windows SDK's ntddndis.h and
// Linux drivers/net/hyperv.

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
/** RNDIS messages of the guest that were traced. */
const requests = (world: World): string[] =>
  world.said.flatMap((event) => (event.kind === 'transfer' && event.to === 'host' ? [hex(event.bytes)] : []))
/** Sets of an OID, from the OID on: the request's id is left out. */
const setsOf = (world: World, oid: string): string[] =>
  requests(world)
    .filter((text) => text.startsWith('05000000') && text.slice(24, 32) === oid)
    .map((text) => text.slice(24))

describe('a setup', () => {
  test('turns RSS off and on with one table and key (wire/04 §9.3)', () => {
    const world = connected({ vps: 2, guest: { channels: 2 } })
    const key = '6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa'
    // 592 bytes at 20; header 0x89 rev 2 of 40; flags, base CPU; what is hashed; 512 bytes of table at 40; 40 of key at 552; no masks.
    const parameters = (flags: string): string =>
      `04020100 50020000 14000000 00000000 89022800 ${flags}0000 01170000 00020000 28000000 28000000 28020000 ${'00'.repeat(12)} ${'0000000001000000'.repeat(64)} ${key}`.replaceAll(
        ' ',
        '',
      )
    expect(setsOf(world, '04020100')).toEqual([parameters('1000'), parameters('0000')])
  })

  test('turns on what the host can do, and no more', () => {
    const world = make({ vps: 1 })
    world.guest.start()
    const bytes = Buffer.from(world.memory.bytes.buffer, world.memory.bytes.byteOffset, world.memory.bytes.length)
    // Header 0xA7 rev 3 of 156 bytes; encapsulation 802.3; checksums over IPv4 as a host of NVSP 6.1 has them.
    const capabilities = unhex('a7039c00 02000000 55010000')
    for (let count = 0; count < 10_000 && bytes.indexOf(capabilities) < 0; count++) world.step()
    const at = bytes.indexOf(capabilities)
    expect(at).toBeGreaterThan(0)
    // Over IPv4 options 1, TCP 0x10 and header 0x100, no UDP 0x40; over IPv6 options 5 and UDP, no TCP; no large sends over IPv6.
    bytes.writeUInt32LE(0x111, at + 8)
    bytes.writeUInt32LE(0x45, at + 24)
    bytes.writeUInt32LE(0, at + 92)
    world.settle()
    // 28 bytes at 20; header 0x80 rev 3; 1 is off, 4 both ways, 2 on: IPv4 header off, TCPv4 4, UDPv4 1, TCPv6 1, UDPv6 4; LSOv1 and
    // IPsec left; LSOv2 on and off; RSC on over both.
    expect(setsOf(world, '0c0201fc')).toEqual([
      '0c0201fc 1c000000 14000000 00000000 80031c00 0104010104 0000 0201 000000 00000000 0000 0202 00000000'.replaceAll(
        ' ',
        '',
      ),
    ])
    expect(world.driver.up).toBe(true)
  })

  // Bits of the capability word (wire/04 §1): SR-IOV 4, 802.1Q 8, teaming 0x20, coalescing 0x80.
  test.each([
    [0x6_0001, {}, 'ac'],
    [0x6_0001, { teaming: false }, '8c'],
    [0x6_0001, { sriov: false }, 'a8'],
    [0x6_0001, { rsc: false }, '2c'],
    [0x6_0000, {}, '2c'],
    [0x4_0000, {}, '08'],
  ])('of NVSP %i with %o says what it can do', (version, guest, capability) => {
    const world = connected({ vps: 1, guest, settings: { versions: [version] } })
    const configurations = world.trace.flatMap((event) =>
      event.kind === 'packet' && event.to === 'host' && event.bytes[16] === 125
        ? [hex(event.bytes.subarray(16, 36))]
        : [],
    )
    expect(configurations).toEqual([`7d000000ea05000000000000${capability}00000000000000`])
  })

  test('has no version before one is agreed on', () => {
    const world = make({ vps: 1 })
    world.guest.start()
    while (world.guest.devices[0]?.driver === undefined) world.step()
    expect([world.driver.phase, world.driver.version, world.driver.inspect()['version']]).toEqual(['opening', 0, null])
    world.settle()
    expect(world.driver.version).toBe(0x60001)
  })

  test('without a version in common gives back nothing that it never gave', () => {
    const world = connected({ vps: 1, guest: { versions: [2] }, settings: { versions: [0x60001] } })
    expect([world.driver.phase, world.driver.failure]).toEqual(['failed', 'no NVSP version in common'])
    // INIT alone: no HALT, no revoke.
    const types = world.trace.flatMap((event) =>
      event.kind === 'packet' && event.to === 'host' ? [event.bytes[(event.bytes[2] ?? 0) * 8]] : [],
    )
    expect(types).toEqual([1])
  })

  test.each([
    ['the largest that the host takes', 1600, 1600, 1614],
    ['more than the host takes, which then goes by Ethernet’s', 1601, 1500, 1514],
    ['less than Ethernet’s', 1400, 1400, 1514],
  ])('asks for packets of %s', (_what, mtu, agreed, frameBytes) => {
    const world = connected({ vps: 1, host: { mtu: 1600 }, guest: { mtu } })
    expect([world.driver.mtu, world.nic.inspect()['frameBytes']]).toEqual([agreed, frameBytes])
    const largest = frameTo(GUEST_MAC, PEER_MAC, frameBytes)
    world.peer.send({ bytes: largest })
    world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, frameBytes + 1) })
    world.settle()
    expect(world.seen.map(({ bytes }) => bytes)).toEqual([largest])
  })

  test('has 64 pages for sends that no section takes, unless told otherwise', () => {
    const pages = (sendPages?: number): number =>
      (connected({ vps: 1, guest: { sendPages } }).driver.save() as { pages: number[] }).pages.length
    expect([pages(), pages(3)]).toEqual([64, 3])
  })

  test('knows an address by all of its six bytes', () => {
    const world = connected({ vps: 1, host: { mac: '00:15:5d:a1:b2:c3' } })
    expect([world.driver.mac, world.nic.mac]).toEqual(['00:15:5d:a1:b2:c3', '00:15:5d:a1:b2:c3'])
    for (const to of ['00:15:5d:a1:b2:c3', '00:15:5d:a1:b2:c2', '00:15:5d:a0:b2:c3', '00:15:5c:a1:b2:c3'])
      world.peer.send({ bytes: frameTo(to, PEER_MAC, 60) })
    world.settle()
    expect(world.seen.map(({ bytes }) => hex(bytes.subarray(0, 6)))).toEqual(['00155da1b2c3'])
  })
})

describe('the offloads of a frame are told beside it', () => {
  /** A frame of `protocol` over IPv6, without checksums. */
  const ipv6 = (protocol: number, payload: number): Uint8Array => {
    const bytes = frameTo(PEER_MAC, GUEST_MAC, 54 + payload)
    bytes.set(unhex('86dd 60000000'), 12)
    new DataView(bytes.buffer).setUint16(18, payload)
    bytes.set([protocol, 64], 20)
    // A TCP header of 20 bytes, or a UDP header with its length.
    bytes[66] = 0x50
    if (protocol === 17) new DataView(bytes.buffer).setUint16(58, payload)
    return bytes
  }

  test.each([
    ['TCP over IPv6', 6, { transportChecksum: true }, '00000000', '06003600'],
    ['UDP over IPv6', 17, { transportChecksum: true }, '00000000', '0a003600'],
    ['a large send over IPv6', 6, { segment: 1448 }, '02000000', 'a80560c3'],
  ])('%s', (_what, protocol, offload, type, word) => {
    const world = connected({ vps: 1 })
    world.said.length = 0
    expect(world.driver.send({ bytes: ipv6(protocol, 200), offload })).toBe(true)
    world.settle()
    const [message = ''] = requests(world)
    // After 44 bytes: 16 bytes of this type, whose word is at 12 (wire/04 §6: IPv6 is bit 1, TCP bit 2, UDP bit 3; the header at 54).
    expect(message.slice(88, 120)).toBe(`10000000${type}0c000000${word}`)
  })
})

describe('a VF that goes', () => {
  test('takes the traffic off it at once, before the guest has heard', () => {
    const world = connected({ vps: 1, interrupts: 'deferred' })
    world.nic.associateVf(7)
    world.settle()
    world.driver.switchDataPath('vf')
    world.settle()
    expect(world.nic.dataPath).toBe('vf')
    world.nic.dissociateVf()
    expect([world.nic.dataPath, world.driver.dataPath]).toEqual(['synthetic', 'vf'])
  })
})

test('an adapter that was removed does not start', () => {
  const world = connected({ vps: 1 })
  const { driver } = world
  world.handle.rescind()
  world.settle()
  driver.start()
  expect(driver.phase).toBe('stopped')
})

test('a guest that asks for completions of setup messages gets each, empty where there is nothing to say', () => {
  const lan = createSwitch({ clock: virtualClock(), timers: timerQueue(() => undefined), seed: seeded(1) })
  const made: DeviceWorld<HostDevice> = deviceWorld(
    netvsc({ switch: lan, queues: 1 }),
    rawDriver(NETVSC_INTERFACE, () => []),
    { settings: { versions: [0x6_0001] } },
  )
  made.settle()
  const ring = made.guestBus.devices[0]?.channels[0]?.channel as Channel
  const say = (message: string): string => {
    const before = made.messages.length
    ring.sendInBand(unhex(message.replaceAll(' ', '').padEnd(80, '0')), 5, 0, true)
    made.settle()
    const answers = made.messages.slice(before).filter(({ to }) => to === 'guest')
    expect(answers).toHaveLength(1)
    return hex(answers[0]?.bytes ?? new Uint8Array(1))
  }
  // INIT_COMPLETE: 0xFFFFFFFF, 34, success; still 32 bytes.
  expect(say('01000000 01000600 01000600')).toBe(`02000000ffffffff2200000001000000${'00'.repeat(16)}`)
  expect(say('7d000000 ea050000 00000000 ac000000 00000000')).toBe('')
  expect(say('64000000 06000000 1e000000')).toBe('')
  // Success, and none: the host has one queue.
  expect(say('85000000 01000000 03000000')).toBe(`850000000100000000000000${'00'.repeat(28)}`)
  expect(say('81000000 00000000')).toBe('')
  expect(say('67000000 feca')).toBe('')
  expect(say('6a000000 0000')).toBe('')
  expect(made.diagnostics).toEqual([])
})
