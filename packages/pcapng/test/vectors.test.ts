import { describe, expect, test } from 'vitest'
import { pcapngReader, pcapngWriter, readPcapng, unixTicksOf } from '@vmbus/pcapng'
import { concat, hex } from './bytes.ts'

// Typed by hand from draft-ietf-opsawg-pcapng, figures 9 (SHB), 10 (IDB), 11 (EPB), 15 (ISB).
const SECTION = hex(`
  0a 0d 0d 0a  2c 00 00 00             # section header, 44 bytes
  4d 3c 2b 1a  01 00 00 00             # magic, version 1.0
  ff ff ff ff ff ff ff ff              # section length not given
  04 00 05 00  76 6d 62 75 73 00 00 00 # shb_userappl "vmbus"
  00 00 00 00                          # opt_endofopt
  2c 00 00 00`)
const INTERFACE = hex(`
  01 00 00 00  34 00 00 00             # interface description, 52 bytes
  01 00 00 00  40 00 00 00             # Ethernet, snaplen 64
  02 00 03 00  6c 61 6e 00             # if_name "lan"
  06 00 06 00  02 00 00 00 00 01 00 00 # if_MACaddr
  09 00 01 00  07 00 00 00             # if_tsresol 10^-7
  00 00 00 00
  34 00 00 00`)
const OFFSET_INTERFACE = hex(`
  01 00 00 00  24 00 00 00             # interface description, 36 bytes
  01 00 00 00  00 00 00 00             # Ethernet, no limit
  0e 00 08 00  00 00 00 00 00 00 00 00 # if_tsoffset
  00 00 00 00
  24 00 00 00`)
const PACKET = hex(`
  06 00 00 00  3c 00 00 00             # enhanced packet, 60 bytes
  00 00 00 00                          # interface 0
  02 00 00 00  01 00 00 00             # time: high word 2, low word 1
  05 00 00 00  05 00 00 00             # captured and original length
  de ad be ef 99 00 00 00
  01 00 02 00  68 69 00 00             # opt_comment "hi"
  02 00 04 00  0e 00 00 00             # epb_flags: outbound, broadcast (2 | 3 << 2)
  00 00 00 00
  3c 00 00 00`)
const STATISTICS = hex(`
  05 00 00 00  34 00 00 00             # interface statistics, 52 bytes
  00 00 00 00
  02 00 00 00  03 00 00 00
  04 00 08 00  07 00 00 00 00 00 00 00 # isb_ifrecv 7
  05 00 08 00  01 00 00 00 00 00 00 00 # isb_ifdrop 1
  00 00 00 00
  34 00 00 00`)
const FILE = concat([SECTION, INTERFACE, PACKET, STATISTICS])

// The same packet in a big-endian section, with the default microsecond resolution and no options.
const BIG_ENDIAN = hex(`
  0a 0d 0d 0a  00 00 00 1c  1a 2b 3c 4d  00 01 00 00  00 00 00 00 00 00 00 3c  00 00 00 1c
  00 00 00 01  00 00 00 14  00 01 00 00  00 00 00 00  00 00 00 14
  00 00 00 06  00 00 00 28  00 00 00 00  00 00 00 02  00 00 00 01  00 00 00 05  00 00 00 05
  de ad be ef 99 00 00 00  00 00 00 28`)

describe('pcapng byte vectors', () => {
  test('the writer makes the typed bytes, one block per call', () => {
    const chunks: Uint8Array[] = []
    const capture = pcapngWriter({ write: (chunk) => chunks.push(chunk), application: 'vmbus' })
    const lan = capture.addInterface({ name: 'lan', snaplen: 64, mac: hex('020000000001') })
    capture.packet(lan, {
      time: 0x2_0000_0001n,
      bytes: hex('deadbeef99'),
      direction: 'outbound',
      reception: 'broadcast',
      comment: 'hi',
    })
    capture.statistics(lan, { time: 0x2_0000_0003n, received: 7, dropped: 1n })
    expect(chunks).toEqual([SECTION, INTERFACE, PACKET, STATISTICS])
  })

  test('the reader reads them', () => {
    expect(readPcapng(FILE)).toEqual([
      { type: 'section', littleEndian: true, version: [1, 0], length: undefined, application: 'vmbus', comments: [] },
      {
        type: 'interface',
        id: 0,
        linkType: 1,
        snaplen: 64,
        unitsPerSecond: 10_000_000n,
        name: 'lan',
        mac: hex('020000000001'),
        comments: [],
      },
      {
        type: 'packet',
        interfaceId: 0,
        time: 0x2_0000_0001n,
        bytes: hex('deadbeef99'),
        length: 5,
        direction: 'outbound',
        reception: 'broadcast',
        comments: ['hi'],
      },
      { type: 'statistics', interfaceId: 0, time: 0x2_0000_0003n, received: 7n, dropped: 1n, comments: [] },
    ])
  })

  test('a big-endian section with a length, microseconds and no options', () => {
    const [section, described, packet] = readPcapng(BIG_ENDIAN)
    expect(section).toMatchObject({ littleEndian: false, length: 60n })
    expect(described).toMatchObject({ unitsPerSecond: 1_000_000n, snaplen: 0 })
    expect(packet).toMatchObject({ time: 0x2_0000_0001n, bytes: hex('deadbeef99'), direction: 'unknown' })
  })

  test('a second section starts its interfaces anew', () => {
    const blocks = readPcapng(concat([BIG_ENDIAN, FILE]))
    expect(blocks.filter((block) => block.type === 'interface').map((block) => block.id)).toEqual([0, 0])
  })

  test('a saved writer goes on where it was', () => {
    const chunks: Uint8Array[] = []
    const first = pcapngWriter({ write: (chunk) => chunks.push(chunk), application: 'vmbus' })
    first.addInterface({ name: 'lan', snaplen: 64, mac: hex('020000000001') })
    const state = JSON.parse(JSON.stringify(first.save())) as ReturnType<typeof first.save>
    const second = pcapngWriter({ write: (chunk) => chunks.push(chunk), resume: state })
    second.packet(0, {
      time: 0x2_0000_0001n,
      bytes: hex('deadbeef99'),
      direction: 'outbound',
      reception: 'broadcast',
      comment: 'hi',
    })
    second.statistics(0, { time: 0x2_0000_0003n, received: 7, dropped: 1n })
    expect(concat(chunks)).toEqual(FILE)
  })

  test('times with the seconds of if_tsoffset, in packets and statistics', () => {
    // draft-ietf-opsawg-pcapng, 4.2: if_tsoffset (14) is a signed 64-bit number of seconds that is added to each time.
    const offset = (seconds: bigint): Uint8Array => {
      const file = concat([SECTION, OFFSET_INTERFACE, PACKET, STATISTICS])
      new DataView(file.buffer).setBigInt64(SECTION.length + 20, seconds, true)
      return file
    }
    const times = (file: Uint8Array): unknown[] =>
      readPcapng(file).flatMap((block) =>
        'time' in block ? [block.time] : 'offsetSeconds' in block ? [block.offsetSeconds] : [],
      )
    expect(times(offset(1_700_000_000n))).toEqual([
      1_700_000_000n,
      8_589_934_593n + 1_700_000_000_000_000n,
      8_589_934_595n + 1_700_000_000_000_000n,
    ])
    expect(times(offset(-1n))).toEqual([-1n, 8_588_934_593n, 8_588_934_595n])
    expect(times(FILE)).toEqual([8_589_934_593n, 8_589_934_595n])
  })

  test('time of a FILETIME', () => {
    // 2024-01-01T00:00:00Z is Unix second 1704067200 and FILETIME 0x01DA3C45A8A28000.
    expect(unixTicksOf(133_485_408_000_000_000n)).toBe(17_040_672_000_000_000n)
  })
})

describe('strictness', () => {
  const patched = (file: Uint8Array, at: number, ...bytes: number[]): Uint8Array => {
    const copy = file.slice()
    copy.set(bytes, at)
    return copy
  }
  const packetAt = SECTION.length + INTERFACE.length
  test.each([
    ['nothing', new Uint8Array(0), 'file length'],
    ['no section first', INTERFACE, 'first block type'],
    ['a foreign magic', patched(FILE, 8, 0), 'byte-order magic'],
    ['version 2', patched(FILE, 12, 2), 'version'],
    ['a block shorter than its frame', patched(FILE, packetAt + 4, 8), 'block total length'],
    ['an unaligned block', patched(FILE, packetAt + 4, 0x3d), 'block total length'],
    ['a block of 2 GiB', patched(FILE, packetAt + 4, 0, 0, 0, 0x80), 'block total length'],
    ['a trailing length that differs', patched(FILE, packetAt + 56, 0x38), 'trailing total length'],
    ['an interface never described', patched(FILE, packetAt + 8, 1), 'interface id'],
    ['more captured than there is', patched(FILE, packetAt + 20, 0x3f), 'captured length'],
    ['more captured than was sent', patched(FILE, packetAt + 24, 4), 'captured length'],
    ['an option past the end', patched(FILE, packetAt + 38, 0xff), 'length of option 1'],
    ['flags of the wrong size', patched(FILE, packetAt + 46, 3), 'length of option 2'],
    ['a comment that is not UTF-8', patched(FILE, packetAt + 40, 0xff), 'option 1'],
    ['direction 3', patched(FILE, packetAt + 48, 3), 'direction'],
    ['a resolution beyond 64 bits', patched(FILE, SECTION.length + 40, 20), 'if_tsresol exponent'],
    ['a cut file', FILE.subarray(0, FILE.length - 1), 'bytes of the last block'],
    ['a section shorter than said', BIG_ENDIAN.subarray(0, 48), 'file end'],
    ['a section longer than said', patched(BIG_ENDIAN, 23, 0x14), 'block end'],
  ])('%s is refused', (_, file, field) => {
    expect(() => readPcapng(file)).toThrow(expect.objectContaining({ code: 'VMBUS_PCAPNG_FORMAT', field }))
  })

  // draft-ietf-opsawg-pcap, 4: magic number, version 2.4, time zone, accuracy, snaplen, link type.
  test.each([
    'd4c3b2a1 02000400 00000000 00000000 ffff0000 01000000',
    'a1b2c3d4 00020004 00000000 00000000 0000ffff 00000001',
    '4d3cb2a1 02000400 00000000 00000000 ffff0000 01000000',
    'a1b23c4d 00020004 00000000 00000000 0000ffff 00000001',
  ])('a classic pcap file is named as one: %s', (bytes) => {
    expect(() => readPcapng(hex(bytes))).toThrow(/classic pcap file/)
  })

  test('options and states that are none are refused by name', () => {
    const refused = (code: string, field: string): unknown => expect.objectContaining({ code, field })
    const write = (): void => undefined
    const wrong = (options: object): unknown => pcapngWriter({ write, ...options })
    expect(() => wrong({ aplication: 'x' })).toThrow(refused('VMBUS_OPTIONS_INVALID', 'pcapngWriter.aplication'))
    expect(() => wrong({ resume: { kind: 'pcapng', v: 99, snaplens: [] } })).toThrow(
      refused('VMBUS_STATE_INVALID', 'pcapng.v'),
    )
    expect(() => wrong({ resume: { kind: 'pcapng', v: 1, snaplens: [NaN] } })).toThrow(
      refused('VMBUS_STATE_INVALID', 'pcapng.snaplens[0]'),
    )
    expect(() => pcapngReader({ block: write, maxBlockLength: NaN })).toThrow(
      refused('VMBUS_OPTIONS_INVALID', 'pcapngReader.maxBlockLength'),
    )
    const capture = pcapngWriter({ write })
    const lan = capture.addInterface()
    const bytes = new Uint8Array(1)
    const misspelt: object = { direction: 'inbond' }
    expect(() => capture.packet(lan, { time: 0n, bytes, ...misspelt })).toThrow(
      refused('VMBUS_PCAPNG_ARGUMENT', 'direction'),
    )
  })

  test('the writer refuses what the format cannot hold', () => {
    const capture = pcapngWriter({ write: () => undefined })
    const code = 'VMBUS_PCAPNG_ARGUMENT'
    expect(() => capture.packet(0, { time: 0n, bytes: new Uint8Array(1) })).toThrow(
      expect.objectContaining({ code, field: 'interface id' }),
    )
    expect(() => capture.addInterface({ resolution: 20 })).toThrow(
      expect.objectContaining({ code, field: 'resolution' }),
    )
    expect(() => capture.addInterface({ mac: new Uint8Array(5) })).toThrow(
      expect.objectContaining({ code, field: 'mac length' }),
    )
    expect(() => capture.addInterface({ name: 'x'.repeat(0x1_0000) })).toThrow(
      expect.objectContaining({ code, field: 'name' }),
    )
    const lan = capture.addInterface()
    expect(lan).toBe(0) // refused interfaces took no id
    expect(() => capture.packet(lan, { time: -1n, bytes: new Uint8Array(1) })).toThrow(
      expect.objectContaining({ code, field: 'time' }),
    )
    expect(() => capture.packet(lan, { time: 0n, bytes: new Uint8Array(2), length: 1 })).toThrow(
      expect.objectContaining({ code, field: 'length' }),
    )
  })
})
