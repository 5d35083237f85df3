import { describe, expect, test } from 'vitest'
import { fillChecksums, internetChecksum, locate, segmentTcp } from '@vmbus/switch'
import { hex } from './world.ts'

// RFC 1071, section 3: the bytes 00 01 f2 03 f4 f5 f6 f7 sum to ddf2, so their checksum is 220d.
const RFC_1071 = hex('0001f203f4f5f6f7')
// The IPv4 header in everybody's textbook (172.16.10.99 to 172.16.10.12, length 60): checksum b1e6.
const IPV4_HEADER = hex('45 00 00 3c 1c 46 40 00 40 06 b1 e6 ac 10 0a 63 ac 10 0a 0c')

const ETHERNET_V4 = '02 00 00 00 00 02  02 00 00 00 00 01  08 00'
// UDP 10.0.0.1:1 → 10.0.0.2:2 with payload 41 42 43 ("ABC"). Summed by hand:
// 0a00+0001+0a00+0002 + 0011 + 000b + 0001+0002+000b + 4142+4300 = 986f, so the checksum is 6790.
const UDP = (checksum: string): string =>
  `${ETHERNET_V4} 45 00 00 1f 00 00 00 00 40 11 66 cc 0a 00 00 01 0a 00 00 02  00 01 00 02 00 0b ${checksum} 41 42 43`

describe('checksums', () => {
  test('RFC 1071', () => {
    expect(internetChecksum(RFC_1071, 0, 8)).toBe(0x220d)
    expect(internetChecksum(RFC_1071, 0, 7)).toBe(0x2304) // the last byte counts as f600
  })
  test('an IPv4 header', () => {
    const without = IPV4_HEADER.slice()
    without.fill(0, 10, 12)
    expect(internetChecksum(without, 0, 20)).toBe(0xb1e6)
    expect(internetChecksum(IPV4_HEADER, 0, 20)).toBe(0)
  })
  test('UDP over IPv4: the sum is 0x986f, its complement 0x6790', () => {
    const filled = fillChecksums(hex(UDP('de ad')), { transportChecksum: true, ipv4Checksum: true })
    expect(filled).toEqual(hex(UDP('67 90')))
  })
  test('what is not there is not filled', () => {
    expect(fillChecksums(hex(UDP('00 00')).subarray(0, 40), { transportChecksum: true })).toBeUndefined()
    expect(
      fillChecksums(hex(`${ETHERNET_V4} 45 00 00 14 00 00 20 00 40 11 00 00 0a 00 00 01 0a 00 00 02`), {
        transportChecksum: true,
      }),
    ).toBeUndefined()
    expect(
      fillChecksums(hex('ff ff ff ff ff ff 02 00 00 00 00 01 08 06 00 00'), { ipv4Checksum: true }),
    ).toBeUndefined()
  })
})

describe('large segments', () => {
  // 10 bytes of payload in pieces of 4, as Linux hands it over: total length, checksums zero. Flags CWR PSH ACK FIN (99).
  const LARGE = hex(`${ETHERNET_V4} 45 00 00 00 ff ff 40 00 40 06 00 00 0a 00 00 01 0a 00 00 02
    00 01 00 02 ff ff ff fc 00 00 00 05 50 99 10 00 00 00 00 00  30 31 32 33 34 35 36 37 38 39`)
  const piece = (
    length: string,
    id: string,
    ip: string,
    sequence: string,
    flags: string,
    tcp: string,
    payload: string,
  ): Uint8Array =>
    hex(`${ETHERNET_V4} 45 00 ${length} ${id} 40 00 40 06 ${ip} 0a 00 00 01 0a 00 00 02
    00 01 00 02 ${sequence} 00 00 00 05 50 ${flags} 10 00 ${tcp} 00 00 ${payload}`)

  test('are cut as typed: lengths, ids, sequence numbers over the wrap, flags', () => {
    const frames = segmentTcp(LARGE, 4, 1500, 10)
    expect(frames?.map((frame) => frame.length)).toEqual([58, 58, 56])
    // The checksums are those of an independent sum in Python's struct module.
    expect(frames).toEqual([
      piece('00 2c', 'ff ff', '26 ca', 'ff ff ff fc', '90', '28 e5', '30 31 32 33'),
      piece('00 2c', '00 00', '26 ca', '00 00 00 00', '10', '21 5a', '34 35 36 37'),
      piece('00 2a', '00 01', '26 cb', '00 00 00 04', '19', '53 82', '38 39'),
    ])
  })
  test('a segment that makes no sense is refused', () => {
    expect(segmentTcp(LARGE, 0, 1500, 10)).toBeUndefined()
    expect(segmentTcp(LARGE, 1, 1500, 9)).toBeUndefined() // ten frames
    expect(segmentTcp(LARGE, 4, 43, 10)).toBeUndefined() // 44-byte packets
    expect(segmentTcp(hex(UDP('00 00')), 4, 1500, 10)).toBeUndefined()
  })
  test('IPv6 with a hop-by-hop header is found', () => {
    const v6 = hex(`02 00 00 00 00 02  02 00 00 00 00 01  86 dd
      60 00 00 00 00 1c 00 40  ${'00'.repeat(15)} 01  ${'00'.repeat(15)} 02
      06 00 01 04 00 00 00 00  00 01 00 02 00 00 00 00 00 00 00 00 50 00 00 00 00 00 00 00`)
    expect(locate(v6)).toMatchObject({ version: 6, transport: 62, protocol: 6, end: 82 })
  })
})
