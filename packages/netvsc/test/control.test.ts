import { describe, expect, test } from 'vitest'
import { GUEST_MAC, PEER_MAC, connected, frameTo, world as make, type World } from './world.ts'

// What an owner changes of a driver that is up. Values by hand from the Windows SDK's ntddndis.h, and wire/04 §4 and §9.

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
/** RNDIS messages of the guest, and of these the sets of an OID, from the OID on. */
const requests = ({ said }: World): string[] =>
  said.flatMap((event) => (event.kind === 'transfer' && event.to === 'host' ? [hex(event.bytes)] : []))
const setsOf = (world: World, oid: string): string[] =>
  requests(world)
    .filter((text) => text.startsWith('05000000') && text.slice(24, 32) === oid)
    .map((text) => text.slice(24))

const SCALE = '04020100'
const OFFLOADS = '0c0201fc'
const KEY = Uint8Array.from({ length: 40 }, (_, at) => at)
const table = (channel: number): number[] => Array.from({ length: 128 }, () => channel)

describe('receive side scaling', () => {
  test('is turned off and on with the key and the table that are chosen', () => {
    const world = connected({ vps: 2 })
    world.said.length = 0
    world.driver.setRss({ key: KEY, table: table(1) })
    world.settle()
    // Header 0x89 rev 2 of 40; flags: off is 0x10; what is hashed; 512 bytes of table at 40, 40 of key at 552.
    const parameters = (flags: string): string =>
      `${SCALE} 50020000 14000000 00000000 89022800 ${flags}0000 01170000 00020000 28000000 28000000 28020000 ${'00'.repeat(12)} ${'01000000'.repeat(128)} ${hex(KEY)}`.replaceAll(
        ' ',
        '',
      )
    expect(setsOf(world, SCALE)).toEqual([parameters('1000'), parameters('0000')])
    expect([world.driver.rss?.enabled, world.driver.rss?.table, world.driver.rss?.key]).toEqual([true, table(1), KEY])
    expect(world.events.filter((event) => event.endsWith(' rss'))).toHaveLength(1)
  })

  test('keeps what is not given', () => {
    const world = connected({ vps: 2 })
    world.driver.setRss({ table: table(1) })
    world.driver.setRss({ key: KEY })
    world.settle()
    expect([world.driver.rss?.table, world.driver.rss?.key]).toEqual([table(1), KEY])
    expect(world.nic.inspect()['rss']).toBe(true)
  })

  test('has no table of one channel', () => {
    const world = connected({ vps: 1 })
    world.said.length = 0
    expect(world.driver.rss).toBe(null)
    world.driver.setRss({ table: table(0) })
    world.settle()
    expect(setsOf(world, SCALE)).toEqual([])
  })

  test.each([
    ['a channel that is not there', { table: table(2) }, 'netvsc.setRss.table[0]'],
    ['127 entries', { table: table(0).slice(1) }, 'netvsc.setRss.table'],
    ['a key of 39 bytes', { key: KEY.subarray(1) }, 'netvsc.setRss.key'],
  ])('is refused with %s', (_what, change, field) => {
    const world = connected({ vps: 2 })
    expect(() => world.driver.setRss(change)).toThrow(expect.objectContaining({ code: 'VMBUS_OPTIONS_INVALID', field }))
    expect(world.driver.rss?.table.slice(0, 3)).toEqual([0, 1, 0])
  })
})

describe('channels', () => {
  test('change in number over a new opening, at most to what the host has', () => {
    const world = connected({ vps: 4, host: { queues: 3 } })
    const seen = [[world.driver.queues, world.driver.channels]]
    for (const count of [1, 2, 64]) {
      world.driver.setChannels(count)
      world.settle()
      seen.push([world.driver.queues, world.driver.channels])
    }
    expect(seen).toEqual([
      [3, { most: 3, limit: 4 }],
      [1, { most: 3, limit: 1 }],
      [2, { most: 3, limit: 2 }],
      [3, { most: 3, limit: 64 }],
    ])
    for (const count of [0, 65, 1.5, Number.NaN])
      expect(() => world.driver.setChannels(count)).toThrow(expect.objectContaining({ code: 'VMBUS_OPTIONS_INVALID' }))
  })

  test('count what passes them', () => {
    const world = connected({ vps: 2 })
    expect(world.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 60) }, { queue: 1 })).toBe(true)
    world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 100) })
    world.settle()
    expect(world.driver.queueStatistics()).toEqual([
      { framesSent: 0, bytesSent: 0, framesReceived: 1, bytesReceived: 100 },
      { framesSent: 1, bytesSent: 60, framesReceived: 0, bytesReceived: 0 },
    ])
  })

  test('a change in number, and a chosen table, are part of the state', () => {
    const world = connected({ vps: 4 })
    world.driver.setChannels(2)
    world.settle()
    world.driver.setRss({ table: table(1) })
    world.settle()
    const again = make({ vps: 4 })
    again.restore(world.save())
    again.settle()
    expect([again.driver.channels.limit, again.driver.rss?.table]).toEqual([2, table(1)])
    again.driver.setMtu(1400)
    again.settle()
    expect([again.driver.queues, again.driver.rss?.table]).toEqual([2, table(1)])
  })

  test('fewer than a chosen table names undo it', () => {
    const world = connected({ vps: 4 })
    world.driver.setRss({ table: table(3) })
    world.settle()
    world.driver.setChannels(2)
    world.settle()
    expect(world.driver.rss?.table.slice(0, 3)).toEqual([0, 1, 0])
  })
})

describe('offloads', () => {
  const parameters = (settings: string): string =>
    `${OFFLOADS} 1c000000 14000000 00000000 80031c00 ${settings}`.replaceAll(' ', '')

  test.each([
    // IPv4 header, TCPv4, UDPv4, TCPv6, UDPv6: 1 is off, 4 both ways; LSOv1, IPsec; LSOv2: 2 is on; …; RSC: 2 is on.
    ['all', {}, '0104040404 0000 0202 000000 00000000 0000 0202 00000000', true],
    ['no checksums', { checksum: false }, '0101010101 0000 0202 000000 00000000 0000 0202 00000000', true],
    ['no large sends', { lso: false }, '0104040404 0000 0101 000000 00000000 0000 0202 00000000', true],
    ['coalescing left off', { coalesces: false }, '0104040404 0000 0202 000000 00000000 0000 0101 00000000', true],
    ['no coalescing', { rsc: false }, '0104040404 0000 0202 000000 00000000 0000 0000 00000000', false],
  ] as const)('%s', (_what, guest, settings, rsc) => {
    const world = connected({ vps: 1, guest })
    expect(setsOf(world, OFFLOADS)).toEqual([parameters(settings)])
    const fills = !('checksum' in guest)
    // The host cuts up to 0xf53c bytes (OpenVMM rndisprot.rs).
    const cuts = 'lso' in guest ? 0 : 62_780
    expect(world.driver.offloads).toEqual({
      tcpV4: fills,
      udpV4: fills,
      tcpV6: fills,
      udpV6: fills,
      lsoV4: cuts,
      lsoV6: cuts,
      rsc,
    })
  })

  test('none of which is asked for at all', () => {
    const world = connected({ vps: 1, guest: { checksum: false, lso: false, rsc: false } })
    // OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES 0xfc01020d either.
    expect(requests(world).filter((text) => text.includes('0d0201fc') || text.includes(OFFLOADS))).toEqual([])
    expect([world.driver.up, world.driver.linkUp, world.driver.offloads.lsoV4]).toEqual([true, true, 0])
  })

  test('coalescing is turned off and on alone, and is not where it was not agreed on', () => {
    const world = connected({ vps: 1 })
    world.said.length = 0
    world.driver.setCoalescing(false)
    world.driver.setCoalescing(true)
    world.settle()
    const alone = (value: string): string => parameters(`${'00'.repeat(18)}${value}${value}00000000`)
    expect(setsOf(world, OFFLOADS)).toEqual([alone('01'), alone('02')])
    const without = connected({ vps: 1, guest: { rsc: false } })
    without.said.length = 0
    without.driver.setCoalescing(true)
    without.settle()
    expect(setsOf(without, OFFLOADS)).toEqual([])
  })
})
