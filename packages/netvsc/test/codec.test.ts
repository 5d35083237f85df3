import { describe, expect, test } from 'vitest'
import {
  DEFAULT_RSS_KEY,
  HashType,
  PpiType,
  checksumWord,
  hashFrame,
  lsoMss,
  lsoWord,
  packetInfo,
  readPacketInfo,
  toeplitz,
  vlanOf,
  vlanWord,
  writePpi,
} from '../src/protocol/index.ts'

const view = (text: string): DataView =>
  new DataView(Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)).buffer)

describe('per-packet infos', () => {
  test('a chain of hash, tag and checksum', () => {
    //          size     type     offset   data
    const wire = view(
      '10000000080000000c000000efbeadde' + '10000000060000000c00000055000000' + '10000000000000000c00000005002200',
    )
    const info = packetInfo()
    expect(readPacketInfo(wire, 0, 48, info)).toBe(true)
    expect([info.hash, info.vlan, info.checksum, info.lso]).toEqual([0xdeadbeef, 0x55, 0x220005, -1])
    expect(vlanOf(info.vlan)).toEqual({ id: 5, priority: 5, dei: false })
  })

  test('say nothing before they are read', () => {
    expect(packetInfo()).toEqual({ checksum: -1, lso: -1, vlan: -1, hash: -1, hashInfo: -1, idFlags: -1, id: -1 })
  })

  test('the packet id is an internal type', () => {
    const info = packetInfo()
    expect(readPacketInfo(view('1000000001000080' + '0c00000001060700'), 0, 16, info)).toBe(true)
    expect([info.idFlags, info.id]).toEqual([6, 7])
  })

  test.each([
    ['empty', '00000000080000000c000000efbeadde', 16],
    ['longer than what is left', '14000000080000000c000000efbeadde', 16],
    ['shorter than its header', '08000000080000000c000000efbeadde', 16],
    ['with data beyond itself', '100000000800000011000000efbeadde', 16],
    ['with data within its header', '100000000800000008000000efbeadde', 16],
    ['cut short', '1000000008000000', 8],
    ['of all ones', 'ffffffffffffffffffffffffffffffff', 16],
  ])('an element that is %s is refused', (_what, text, length) => {
    expect(readPacketInfo(view(text), 0, length, packetInfo())).toBe(false)
  })

  test('every tag survives', () => {
    const lost = Array.from({ length: 0x10000 }, (_, word) => word).filter((word) => vlanWord(vlanOf(word)) !== word)
    expect(lost).toEqual([])
    // Priority in the low bits, then DEI, then the id.
    expect(vlanWord({ id: 0xabc, priority: 3, dei: true })).toBe(0xabcb)
  })

  test('LSO and checksum words', () => {
    expect(lsoWord(1448, 34, false)).toBe(0x422005a8)
    expect(lsoWord(1448, 54, true)).toBe(0xc36005a8)
    expect(lsoMss(0xc36005a8)).toBe(1448)
    expect(checksumWord(5, 34)).toBe(0x220005)
    const made = new DataView(new ArrayBuffer(16))
    expect(writePpi(made, 0, PpiType.lso, 0x422005a8)).toBe(16)
    expect(Buffer.from(made.buffer).toString('hex')).toBe('10000000020000000c000000a8052042')
  })
})

/** Microsoft's "Verifying the RSS Hash Calculation". */
describe('the Toeplitz hash', () => {
  const number = (text: string): number[] => text.split('.').map(Number)
  const port = (value: number): number[] => [value >> 8, value & 255]
  test.each([
    ['66.9.149.187', 2794, '161.142.100.80', 1766, 0x51ccc178, 0x323e8fc2],
    ['199.92.111.2', 14230, '65.69.140.83', 4739, 0xc626b0ea, 0xd718262a],
    ['24.19.198.95', 12898, '12.22.207.184', 38024, 0x5c2b394a, 0xd2d0a5de],
  ])('%s:%i → %s:%i', (source, sourcePort, destination, destinationPort, withPorts, addresses) => {
    const input = Uint8Array.from([
      ...number(source),
      ...number(destination),
      ...port(sourcePort),
      ...port(destinationPort),
    ])
    expect(toeplitz(DEFAULT_RSS_KEY, input, 0, 12)).toBe(withPorts)
    expect(toeplitz(DEFAULT_RSS_KEY, input, 0, 8)).toBe(addresses)
    const frame = Uint8Array.from([
      ...Array.from({ length: 12 }, () => 0),
      8,
      0,
      0x45,
      0,
      0,
      40,
      0,
      0,
      0,
      0,
      64,
      6,
      0,
      0,
      ...number(source),
      ...number(destination),
      ...port(sourcePort),
      ...port(destinationPort),
      ...Array.from({ length: 16 }, () => 0),
    ])
    const hash = { value: 0, type: 0 }
    hashFrame(DEFAULT_RSS_KEY, HashType.ipv4 | HashType.tcpIpv4, frame, hash)
    expect(hash).toEqual({ value: withPorts, type: HashType.tcpIpv4 })
    hashFrame(DEFAULT_RSS_KEY, HashType.ipv4, frame, hash)
    expect(hash).toEqual({ value: addresses, type: HashType.ipv4 })
  })
})
