import { INTERRUPT_MODES } from '@vmbus/testbench'
import { describe, expect, test } from 'vitest'
import { tcpFrame } from './ip.ts'
import { GUEST_MAC, PEER_MAC, connected, frameTo, world as make, type World, type WorldOptions } from './world.ts'

// OIDs as a real host answers them: values typed by hand from OpenVMM vm/devices/net/netvsp (lib.rs, handle_oid_query and
// handle_oid_set; rndisprot.rs) and the Windows SDK's ntddndis.h, which it follows.

const SUCCESS = 0
const FAILURE = 0xc000_0001
const NOT_SUPPORTED = 0xc000_00bb
const INVALID_DATA = 0xc001_0015
const [QUERY, SET, HALT] = [4, 5, 3]

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)
const u32 = (value: number): string => hex(words(value))

/** Sends RNDIS bytes as a control message, from the last page of memory; what the host says then, as RNDIS messages. */
function say(world: World, message: Uint8Array): Uint8Array[] {
  const page = world.memory.size / 4096 - 1
  world.memory.bytes.set(message, page * 4096)
  world.said.length = 0
  world.guest.devices[0]?.channels[0]?.channel?.sendGpaDirect(
    [{ byteOffset: 0, byteCount: message.length, pfns: [page] }],
    words(107, 1, 0xffff_ffff, 0, 0, 0, 0, 0, 0, 0),
    400,
    0,
  )
  world.settle()
  return world.said.flatMap((event) => (event.kind === 'transfer' && event.to === 'guest' ? [event.bytes] : []))
}

function oidMessage(type: number, oid: number, given: Uint8Array): Uint8Array {
  return new Uint8Array([...words(type, 28 + given.length, 77, oid, given.length, 20, 0), ...given])
}

/** The answer's value in hexadecimal digits, or its status. */
function query(world: World, oid: number, given = ''): string | number {
  const [answer = new Uint8Array(24)] = say(world, oidMessage(QUERY, oid, unhex(given)))
  const view = new DataView(answer.buffer, answer.byteOffset)
  expect([view.getUint32(0, true), view.getUint32(8, true), view.getUint32(20, true)]).toEqual([0x8000_0004, 77, 16])
  const status = view.getUint32(12, true)
  const value = hex(answer.subarray(24, 24 + view.getUint32(16, true)))
  return status === SUCCESS ? value : status
}

/** The status of the answer, and what the host says after it. */
function set(world: World, oid: number, given: string): { status: number; after: string[] } {
  const [answer = new Uint8Array(16), ...after] = say(world, oidMessage(SET, oid, unhex(given)))
  const view = new DataView(answer.buffer, answer.byteOffset)
  expect([view.getUint32(0, true), view.getUint32(8, true)]).toEqual([0x8000_0005, 77])
  return { status: view.getUint32(12, true), after: after.map(hex) }
}

const made = (options: WorldOptions = {}): World => connected({ vps: 1, ...options })
/** NVSP 2 goes with NDIS 6.1, 5 and later with 6.30. */
const older = (): World => made({ settings: { versions: [0x3_0002] } })

describe('a query', () => {
  const world = made({ host: { queues: 4, speed: 25_000_000_000 } })

  test.each([
    ['hardware status', 0x0001_0102, '00000000'],
    ['media supported', 0x0001_0103, '00000000'],
    ['media in use', 0x0001_0104, '00000000'],
    ['maximum lookahead', 0x0001_0105, u32(1500)],
    ['maximum frame size', 0x0001_0106, u32(1500)],
    ['link speed, in 100 bit/s', 0x0001_0107, u32(250_000_000)],
    ['transmit buffer space', 0x0001_0108, u32(256 * 1024)],
    ['receive buffer space', 0x0001_0109, u32(256 * 1024)],
    ['transmit block size', 0x0001_010a, u32(1514)],
    ['receive block size', 0x0001_010b, u32(1514)],
    ['vendor id', 0x0001_010c, '5d150000'],
    // NDIS: a text that ends with a zero.
    ['vendor description', 0x0001_010d, `${hex(Buffer.from('Microsoft Corporation'))}00`],
    ['packet filter', 0x0001_010e, u32(0x0d)],
    ['current lookahead', 0x0001_010f, u32(1500)],
    ['driver version', 0x0001_0110, '0001'],
    ['maximum total size', 0x0001_0111, u32(1514)],
    // Copy lookahead data 1, transfers not pend 4, no loopback 8, 802.1p 0x40, 802.1Q 0x200.
    ['MAC options', 0x0001_0113, u32(0x24d)],
    ['media connect status', 0x0001_0114, '00000000'],
    ['maximum send packets', 0x0001_0115, 'ffffffff'],
    ['vendor driver version', 0x0001_0116, '0001'],
    ['permanent address', 0x0101_0101, '00155d000001'],
    ['current address', 0x0101_0102, '00155d000001'],
    ['alignment errors', 0x0102_0101, '00000000'],
    ['one collision', 0x0102_0102, '00000000'],
    ['more collisions', 0x0102_0103, '00000000'],
    ['friendly name', 0x0002_0216, hex(Buffer.from('Network Device'.padEnd(256, '\0'), 'utf16le'))],
    // 0x80 rev 1 size 40; connected 1, duplex unknown 0, padding, both speeds, no pause functions, no auto-negotiation.
    [
      'link state',
      0x0001_0207,
      `80012800 01000000 00000000 00000000 00ba1dd205000000 00ba1dd205000000 00000000 00000000`,
    ],
    ['maximum link speed', 0x0001_0206, '00ba1dd205000000 00ba1dd205000000'],
    // 0xA8 rev 1 size 28; IPv4 and IPv6: supported, 802.3, 14 bytes of header.
    ['offload encapsulation', 0x0101_010a, 'a8011c00 01000000 02000000 0e000000 01000000 02000000 0e000000'],
    // 0x88 rev 2 size 18; Toeplitz, TCP over IPv4 and IPv6; one interrupt message; queues; 128 entries.
    ['RSS capabilities', 0x0001_0203, '88021200 01030000 01000000 04000000 8000'],
  ])('of the %s', (_name, oid, value) => {
    expect(query(world, oid)).toBe(value.replaceAll(' ', ''))
  })

  // Linux turns IPv4 header checksums off, TCP and UDP on both ways, both large sends and coalescing on.
  const tcpUdp = u32(0x55)
  const large = `02000000 3cf50000 02000000`
  const offloads = (size: string, revision: number, ipv4: string, csum6: string, rest: string): string =>
    `a70${revision}${size}00 ${`02000000${ipv4}`.repeat(2)} ${`02000000${csum6}`.repeat(2)} ${'00'.repeat(44)} ${large} ${large} 05000000 00000000 ${rest}`.replaceAll(
      ' ',
      '',
    )

  test('of what the hardware can offload, in the revision that is asked for', () => {
    // Flags of the checksums: options 1 and 4, TCP 0x10, UDP 0x40, IPv4 header 0x100; no UDP before NVSP 5.
    const newest = offloads('9c', 3, u32(0x155), tcpUdp, `${'00'.repeat(32)} 0101 0000 ${'00'.repeat(8)}`)
    expect(query(world, 0xfc01_020d, 'a7039c00')).toBe(newest)
    expect(query(world, 0xfc01_020d)).toBe(newest)
    expect(query(older(), 0xfc01_020d, 'a7017000')).toBe(offloads('70', 1, u32(0x115), u32(0x15), ''))
  })

  test('of the offloads that are on now follows what is set', () => {
    const own = made()
    expect(query(own, 0xfc01_020b)).toBe(
      offloads('9c', 3, tcpUdp, tcpUdp, `${'00'.repeat(32)} 0101 0000 ${'00'.repeat(8)}`),
    )
    // Header 0x80 rev 1 size 20; IPv4 no change, TCPv4 receive, UDPv4 off, TCPv6 transmit, UDPv6 off, LSOv1 no change, IPsec
    // no change, LSOv2 off over IPv4 and on over IPv6.
    const { status, after } = set(own, 0xfc01_020c, '80011400 00 03 01 02 01 00 00 01 02 00 00 00 00000000')
    const now = [
      'a7039c00',
      '02000000 00000000 02000000 15000000',
      '02000000 15000000 02000000 00000000',
      '00'.repeat(44),
      '00'.repeat(12),
      large,
      '05000000 00000000',
      '00'.repeat(32),
      '0101 0000',
      '00'.repeat(8),
    ]
      .join('')
      .replaceAll(' ', '')
    expect(status).toBe(SUCCESS)
    expect(query(own, 0xfc01_020b)).toBe(now)
    // INDICATE of 8 + 12 + 156 bytes: task offload current config.
    expect(after).toEqual([`07000000b0000000060002409c0000000c000000${now}`])
  })

  test('of the speed of a link that nobody has set is 10 Gbit/s', () => {
    expect(query(made(), 0x0001_0206)).toBe('00e40b5402000000'.repeat(2))
  })

  test('of bytes is answered in 64 bits', () => {
    const own = made()
    own.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 100) })
    own.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 200) })
    own.settle()
    expect([query(own, 0x0002_021a), query(own, 0x0002_0219)]).toEqual(['6400000000000000', 'c800000000000000'])
  })

  test('of the list names what the guest’s NDIS version knows, and each of it is known', () => {
    const oids = (from: World): number[] => {
      const bytes = unhex(String(query(from, 0x0001_0101)))
      return [...new Uint32Array(bytes.buffer, 0, bytes.length / 4)]
    }
    const newest = oids(world)
    const old = oids(older())
    expect(newest.filter((oid) => !old.includes(oid))).toEqual([0x0001_0203, 0x0001_0204])
    for (const oid of [0x0001_0207, 0x0101_010a, 0xfc01_020b, 0xfc01_020c, 0x0001_021b, 0x0101_0103])
      expect(old).toContain(oid)
    expect(new Set(newest).size).toBe(newest.length)
    for (const oid of newest)
      if (query(world, oid) === NOT_SUPPORTED)
        expect([SUCCESS, INVALID_DATA, FAILURE]).toContain(set(world, oid, '').status)
  })

  test('of what is not known, or not by the guest’s NDIS version, is not supported', () => {
    expect(query(world, 0x0001_0999)).toBe(NOT_SUPPORTED)
    expect(query(older(), 0x0001_0203)).toBe(NOT_SUPPORTED)
  })

  test('by NVSP’s own message is not supported either', () => {
    const own = made()
    own.said.length = 0
    // 131, header 0x80 rev 1 size 4, OID.
    own.guest.devices[0]?.channels[0]?.channel?.sendInBand(
      new Uint8Array([...words(131, 0x0004_0180, 0x0001_0107), ...new Uint8Array(28)]),
      500,
      0,
      true,
    )
    own.settle()
    const answers = own.said.flatMap((event) =>
      event.kind === 'packet' && event.to === 'guest' ? [hex(event.bytes.subarray(16, 28))] : [],
    )
    // 132, NDIS_STATUS_NOT_SUPPORTED, no bytes.
    expect(answers).toEqual([`84000000${u32(NOT_SUPPORTED)}00000000`])
    expect(own.nic.up).toBe(true)
  })
})

describe('a set', () => {
  test.each([
    ['is right', 'a8011c00 01000000 02000000 0e000000 01000000 02000000 0e000000', SUCCESS],
    ['turns nothing on', 'a8011c00 02000000 00000000 00000000 02000000 00000000 00000000', SUCCESS],
    ['has the type of an offload', 'a7011c00 01000000 02000000 0e000000 01000000 02000000 0e000000', INVALID_DATA],
    ['says more than there is', 'a8012000 01000000 02000000 0e000000 01000000 02000000 0e000000', INVALID_DATA],
    ['has revision 0', 'a8001c00 01000000 02000000 0e000000 01000000 02000000 0e000000', INVALID_DATA],
    ['wants other headers', 'a8011c00 01000000 02000000 12000000 01000000 02000000 0e000000', NOT_SUPPORTED],
    ['wants another encapsulation', 'a8011c00 01000000 02000000 0e000000 01000000 04000000 0e000000', NOT_SUPPORTED],
  ])('of the encapsulation that %s', (_what, given, status) => {
    expect(set(made(), 0x0101_010a, given).status).toBe(status)
  })

  test.each([
    [
      'revision 3 of 22 bytes, as Linux up to NVSP 4',
      '80031600 00 04 00 04 00 00 00 02 02 00 00 00 00000000 0000',
      SUCCESS,
    ],
    ['another type', 'a7011400 00 03 01 02 01 00 00 01 02 00 00 00 00000000', INVALID_DATA],
    ['a size below 20', '80011000 00 03 01 02 01 00 00 01 02 00 00 00 00000000', INVALID_DATA],
    ['a size beyond its end', '80011800 00 03 01 02 01 00 00 01 02 00 00 00 00000000', INVALID_DATA],
    ['large sends of version 1', '80011400 00 00 00 00 00 02 00 00 00 00 00 00 00000000', NOT_SUPPORTED],
  ])('of offload parameters with %s', (_what, given, status) => {
    expect(set(made(), 0xfc01_020c, given).status).toBe(status)
  })

  test('of offloads turns coalescing off over IPv4 alone', () => {
    const world = made({ guest: { receiveBufferBytes: 128 * 4096 } })
    const fragments = (): number[] => {
      world.seen.length = 0
      world.peer.send({ bytes: tcpFrame(4000), offload: { segment: 1448 } })
      world.settle()
      return world.seen.map((frame) => frame.fragments)
    }
    expect(fragments()).toEqual([3])
    // Header 0x80 rev 3 size 28; all left, but RSC: 1 is off over IPv4, 2 on over IPv6.
    const { status } = set(world, 0xfc01_020c, `80031c00 ${'00'.repeat(18)} 0102 00000000`)
    expect([status, fragments()]).toEqual([SUCCESS, [1, 1, 1]])
  })

  test('of a packet filter that is not there fails, and changes nothing', () => {
    const world = made()
    expect(set(world, 0x0001_010e, '0100').status).toBe(FAILURE)
    expect(world.nic.up).toBe(true)
  })

  describe('of RSS', () => {
    const KEY = '6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa'
    interface Rss {
      readonly type?: string
      readonly flags?: number
      readonly info?: number
      readonly table?: readonly number[]
      readonly tableBytes?: number
      readonly key?: string
      readonly keyBytes?: number
    }
    /** NDIS_RECEIVE_SCALE_PARAMETERS of revision 2 with a table and a key behind it. */
    const rss = ({ type = '89', flags = 0, info = 0x301, table = [0, 1], key = KEY, ...sizes }: Rss): string => {
      const { tableBytes = table.length * 4, keyBytes = key.length / 2 } = sizes
      const u16 = (value: number): string => u32(value).slice(0, 4)
      return `${type}022800 ${u16(flags)}0000 ${u32(info)} ${u16(tableBytes)}0000 ${u32(40)} ${u16(keyBytes)}0000 ${u32(40 + table.length * 4)} ${'00'.repeat(12)} ${table.map(u32).join('')} ${key}`
    }
    const world = (): World => made({ host: { queues: 4 }, guest: { channels: 4 }, vps: 4 })

    test.each([
      ['is whole', rss({}), SUCCESS],
      ['has another type in its header, which is not looked at', rss({ type: '80' }), SUCCESS],
      ['has a key of 39 bytes', rss({ key: KEY.slice(2) }), INVALID_DATA],
      ['has a key of 41 bytes', rss({ key: `${KEY}00` }), INVALID_DATA],
      ['has no key', rss({ key: '' }), INVALID_DATA],
      ['has no table', rss({ table: [] }), INVALID_DATA],
      ['has a table of 6 bytes', rss({ tableBytes: 6 }), INVALID_DATA],
      [
        'has a table of more than 128 entries, of which those are taken',
        rss({ table: Array.from({ length: 200 }, (_, n) => (n < 128 ? 1 : 99)) }),
        SUCCESS,
      ],
      ['names the last queue of the host', rss({ table: [3] }), SUCCESS],
      ['names a queue that the host does not have', rss({ table: [4] }), INVALID_DATA],
      ['has its key beyond the end', rss({ key: KEY.slice(4), keyBytes: 40 }), FAILURE],
      ['turns it off', rss({ flags: 0x10, key: '' }), SUCCESS],
      ['names no hash function, which turns it off', rss({ info: 0x300, key: '' }), SUCCESS],
      [
        'is the first revision of 28 bytes, turned off',
        '89011c00 10000000 00000000 00000000 00000000 00000000 00000000',
        SUCCESS,
      ],
    ])('that %s', (_what, given, status) => {
      expect(set(world(), 0x0001_0204, given).status).toBe(status)
    })

    test('with few entries fills the table in turn, and off is off', () => {
      const own = world()
      const table = (): number[] =>
        (own.nic.save() as { connection: { rss: { table: number[] } } }).connection.rss.table
      set(own, 0x0001_0204, rss({ table: [2, 0, 3] }))
      expect(table()).toEqual(Array.from({ length: 128 }, (_, n) => [2, 0, 3][n % 3]))
      expect(own.nic.inspect()['rss']).toBe(true)
      set(own, 0x0001_0204, rss({ flags: 0x10 }))
      expect(own.nic.inspect()['rss']).toBe(false)
    })

    test('keeps what is hashed only where its flags say so: 2, not 1, which is the base processor', () => {
      const own = world()
      const hashInfo = (): number =>
        (own.nic.save() as { connection: { rss: { hashInfo: number } } }).connection.rss.hashInfo
      set(own, 0x0001_0204, rss({ flags: 1, info: 0x101 }))
      expect(hashInfo()).toBe(0x101)
      set(own, 0x0001_0204, rss({ flags: 2, info: 0x301 }))
      expect(hashInfo()).toBe(0x101)
    })

    test('is not known below NDIS 6.30', () => {
      expect(set(older(), 0x0001_0204, rss({})).status).toBe(NOT_SUPPORTED)
    })
  })

  describe('of a configuration parameter', () => {
    const parameter = (name: string, value: string, type = 2, longer = 0): string => {
      const [nameBytes, valueBytes] = [name, value].map((text) => hex(Buffer.from(text, 'utf16le'))) as [string, string]
      const [length, at] = [nameBytes.length / 2, 20 + nameBytes.length / 2]
      return `${u32(20)}${u32(length + longer)}${u32(type)}${u32(at)}${u32(valueBytes.length / 2)}${nameBytes}${valueBytes}`
    }

    test('by an offload’s keyword: 1 transmit, 2 receive, 3 both', () => {
      const world = made()
      const offload = (): unknown => world.nic.inspect()['offload']
      expect(set(world, 0x0001_021b, parameter('*TCPChecksumOffloadIPv4', '2')).status).toBe(SUCCESS)
      expect(set(world, 0x0001_021b, parameter('*IPChecksumOffloadIPv4', '3')).status).toBe(SUCCESS)
      expect(set(world, 0x0001_021b, parameter('*LsoV2IPv6', '0')).status).toBe(SUCCESS)
      expect(offload()).toMatchObject({
        transmit: { ipv4: true, tcpV4: false, udpV4: true },
        receive: { ipv4: true, tcpV4: true, udpV4: true },
        lsoV4: true,
        lsoV6: false,
      })
    })

    test.each([
      ['is its own from then on', '021111111111', SUCCESS, '02:11:11:11:11:11'],
      ['of a group is refused', '010000000002', INVALID_DATA, GUEST_MAC],
    ])('with an address that an adapter with spoofing may have: it %s', (_what, address, status, mac) => {
      const world = made({ host: { macSpoofing: true } })
      expect(set(world, 0x0001_021b, parameter('NetworkAddress', address)).status).toBe(status)
      expect(world.nic.mac).toBe(mac)
    })

    test.each([
      ['of a name that nobody knows means nothing', parameter('*JumboPacket', '1514'), SUCCESS],
      ['that is a number means nothing', parameter('*JumboPacket', '1', 0), SUCCESS],
      ['without a digit', parameter('*LsoV2IPv4', 'on'), INVALID_DATA],
      ['with a name of 256 bytes', parameter('x'.repeat(128), '1'), INVALID_DATA],
      ['with a name beyond its end', parameter('ab', '1', 2, 200), FAILURE],
      ['with its own address', parameter('NetworkAddress', '00155d000001'), SUCCESS],
      ['with another address, which it may not have', parameter('NetworkAddress', '00155d000002'), FAILURE],
    ])('%s', (_what, given, status) => {
      expect(set(made(), 0x0001_021b, given).status).toBe(status)
    })
  })
})

describe('what other drivers than Linux’s do', () => {
  test('a HALT of 12 bytes that says length 0 is a HALT', () => {
    const world = made()
    expect(say(world, words(HALT, 0, 77))).toEqual([])
    expect(world.events).toContain('host halted')
    expect(world.diagnostics.filter(({ source }) => source !== 'netvsc/guest')).toEqual([])
    expect(world.hostChannel(0)?.isOpen).toBe(true)
  })

  test('a query whose length is 0, or beyond its end, is answered', () => {
    const world = made()
    for (const length of [0, 4, 4000]) {
      const message = oidMessage(QUERY, 0x0001_0106, new Uint8Array(0))
      message.set(words(length), 4)
      const [answer] = say(world, message)
      expect(hex(answer?.subarray(24) ?? new Uint8Array(0))).toBe(u32(1500))
    }
  })

  test('a monitored channel carries frames both ways, without a hypercall of the guest', () => {
    const world = make({ vps: 1, host: { monitored: true } })
    world.guest.start()
    for (let count = 0; count < 5000 && world.guest.devices[0]?.driver === undefined; count++) world.step()
    for (let count = 0; count < 50_000 && !world.nic.up; count++) world.step()
    const [channel] = world.guest.devices[0]?.channels ?? []
    expect(channel?.offer).toMatchObject({ monitorAllocated: true, monitorId: 0 })
    world.said.length = 0
    const sent = world.now
    world.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 300) })
    world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 300) })
    expect(world.out).toHaveLength(0)
    for (let count = 0; count < 10 && (world.out.length === 0 || world.seen.length === 0); count++) world.step()
    expect([world.out.length, world.seen.length]).toEqual([1, 1])
    // Within 100 µs, in units of 100 ns.
    expect(world.now - sent).toBeLessThanOrEqual(1000)
  })

  test.each(INTERRUPT_MODES)(
    'an adapter that is taken away under load: the cable, what is under way, the device (%s)',
    (interrupts) => {
      const world = connected({ interrupts, guest: { channels: 2 }, vps: 2 })
      world.said.length = 0
      for (let number = 0; number < 20; number++) {
        world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 300, number) })
        world.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 300, number) })
      }
      const { noBuffer } = world.nic.statistics()
      world.nic.remove()
      expect([world.nic.linkUp, world.nic.inspect()['linkUp']]).toEqual([false, false])
      world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 60) })
      world.settle()
      expect(world.guest.devices).toHaveLength(0)
      expect([world.seen.length + noBuffer, world.out.length]).toEqual([20, 20])
      expect(world.diagnostics).toEqual([])
      const told = world.said.flatMap((event) => {
        if (event.kind === 'transfer' && event.to === 'guest' && event.bytes[0] === 7)
          return [hex(event.bytes.subarray(8, 12))]
        // RESCIND_CHANNELOFFER is message 2.
        return event.kind === 'message' && event.to === 'guest' && event.bytes[0] === 2 ? ['rescind'] : []
      })
      // Media disconnect; the subchannel goes before the primary.
      expect(told).toEqual(['0c000140', 'rescind', 'rescind'])
      world.offer()
      world.settle()
      expect([world.driver.phase, world.driver.linkUp, world.nic.linkUp]).toEqual(['ready', true, true])
    },
  )

  test('an adapter that is taken away from a guest that does not look goes after a second', () => {
    const world = connected({ vps: 1 })
    world.guest.devices[0]?.channels[0]?.channel?.mask(true)
    const before = world.now
    world.nic.remove()
    expect(world.handle.rescinded).toBe(false)
    const saved = structuredClone(world.save())
    world.restore(saved)
    for (let count = 0; count < 1000 && !world.handle.rescinded && world.step(); count++);
    expect([world.handle.rescinded, world.now - before]).toEqual([true, 10_000_000])
  })

  test('a send buffer of 16 MiB and more, and the largest receive buffer that one GPADL has, are taken', () => {
    const bytes = 20 << 20
    const world = made({
      pages: 16_384,
      guest: { sendBufferBytes: bytes, receiveBufferBytes: 8190 * 4096, ringPages: 4 },
    })
    expect([world.driver.phase, world.driver.failure]).toEqual(['ready', ''])
    expect(world.driver.inspect()['sendSections']).toBe(Math.floor(bytes / 6144))
    // 1808 bytes each, less the 16 for control.
    expect(world.nic.inspect()['freeSections']).toBe(Math.floor((8190 * 4096) / 1808) - 16)
    world.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 300) })
    world.settle()
    expect(world.out).toHaveLength(1)
  })
})
