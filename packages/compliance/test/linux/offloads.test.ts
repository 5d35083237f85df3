import type { Feature, LinuxInterface } from '@vmbus/guest-linux'
import { ws2008, ws2008r2, ws2012r2, ws2022 } from '@vmbus/host'
import { describe, expect, test } from 'vitest'
import { connected, without, type Net } from './net.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const REFUSED = expect.objectContaining({ code: 'VMBUS_LINUX_NET' }) as unknown

/** Of a simulated Linux to the peer: 02:00:00:00:00:01, 10.0.0.2:5001 to 10.0.0.1:5002, sequence number 1000, PSH and ACK. */
const ETHERNET = '020000000001 00155d000001 0800'
const IPV4 = (length: string): string => `4500 ${length} 0000 4000 4006 0000 0a000002 0a000001`
const TCP = '1389 138a 000003e8 00000000 5018 0000 0000 0000'

/** A segment of `payload` zeros; its checksums are left out. */
function segment(payload: number): Uint8Array {
  const length = (40 + payload).toString(16).padStart(4, '0')
  const header = Buffer.from(`${ETHERNET}${IPV4(length)}${TCP}`.replaceAll(' ', ''), 'hex')
  return Uint8Array.from([...header, ...Array<number>(payload).fill(0)])
}

/** The one's complement sum of RFC 1071 over 16-bit words. */
function sum(bytes: Uint8Array, start = 0): number {
  let total = start
  for (let at = 0; at < bytes.length; at += 2) total += ((bytes[at] ?? 0) << 8) + (bytes[at + 1] ?? 0)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}

interface Segment {
  readonly length: number
  readonly sequence: number
  readonly flags: number
  readonly isRight: boolean
}

/** What the peer's wire carried of TCP, looked at here. */
function watch({ lan }: Net): Segment[] {
  const seen: Segment[] = []
  lan.capture(({ bytes, port, direction }) => {
    if (port !== 'peer' || direction !== 'outbound' || bytes[23] !== 6) return
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const length = view.getUint16(16)
    const tcp = bytes.subarray(34, 14 + length)
    // The pseudo-header: both addresses, protocol 6 and the length of what follows it.
    const isRight =
      sum(bytes.subarray(14, 34)) === 0xffff && sum(tcp, sum(bytes.subarray(26, 34), 6 + tcp.length)) === 0xffff
    seen.push({ length: bytes.length, sequence: view.getUint32(38), flags: view.getUint8(47), isRight })
  })
  return seen
}

/** The RNDIS packets of a guest that carry TCP, from the per-packet infos on (44 bytes after the beginning). */
const sentInfos = ({ crossed }: Net): string[] =>
  crossed
    .filter((line) => line.startsWith('transfer to host: 01000000') && line.includes('1389138a'))
    .map((line) => line.slice('transfer to host: '.length + 88))

/** 4000 bytes in pieces of 1460: PSH (8) on the last alone, sequence numbers by payload, lengths with 54 bytes of headers. */
const CUT: readonly Segment[] = [
  { length: 1514, sequence: 1000, flags: 0x10, isRight: true },
  { length: 1514, sequence: 2460, flags: 0x10, isRight: true },
  { length: 1134, sequence: 3920, flags: 0x18, isRight: true },
]

describe('a large segment of a simulated Linux', () => {
  test('goes to the host as one, which cuts it', async () => {
    const made = await connected('6.1')
    const seen = watch(made)
    expect(made.eth0.send(segment(4000), { segment: 1460 })).toBe(true)
    made.world.run({ ms: 10 })
    expect(seen).toEqual(CUT)
    const infos = sentInfos(made)
    expect(infos).toHaveLength(1)
    // Large send v2 (type 2): MSS 0x5b4, TCP header at 34 (from bit 20 on), version bit 30, IPv4 (wire/04 §6).
    expect(infos[0]?.slice(0, 32)).toBe('10000000020000000c000000b4052042')
    // Length and checksum of the IP header are zero, and TCP's is the sum of 0a00 0002 0a00 0001 and 6.
    const [frame = ''] = infos.map((info) => info.slice(32))
    expect(frame.slice(28, 68)).toBe('4500000000004000400600000a0000020a000001')
    expect(frame.slice(68, 108)).toBe('1389138a000003e8000000005018000014090000')
  })

  test.each([
    ['3.13', undefined],
    ['3.10.0-123.el7.x86_64', undefined],
    ['6.1', 'tx-tcp-segmentation'],
    ['6.1', 'tx-checksum-ipv4'],
  ] as const)('is cut by the system itself: %s %s', async (kernel, off: Feature | undefined) => {
    const made = await connected(kernel)
    const seen = watch(made)
    if (off !== undefined) made.eth0.setFeature(off, false)
    expect(made.eth0.send(segment(4000), { segment: 1460 })).toBe(true)
    made.world.run({ ms: 10 })
    expect(seen).toEqual(CUT)
    const infos = sentInfos(made)
    expect(infos).toHaveLength(3)
    for (const info of infos) expect(info.startsWith('10000000020000000c000000')).toBe(false)
  })

  test('of a VLAN has its tag, and so has each piece', async () => {
    const made = await connected('6.1', { port: { vlan: { access: 5 } }, adapter: { vlan: { trunk: [5] } } })
    const seen = watch(made)
    const vlan = made.eth0.addVlan(5)
    vlan.up()
    expect(vlan.send(segment(4000), { segment: 1460 })).toBe(true)
    made.world.run({ ms: 10 })
    expect(seen).toEqual(CUT)
    expect(sentInfos(made)[0]?.slice(0, 64)).toBe(
      '10000000060000000c00000050000000' + '10000000020000000c000000b4052042',
    )
  })

  test.each([
    ['that is longer than the host takes: 62780 bytes', 64_000, 1460, 44, 44],
    ['of the largest length that it takes', 62_780 - 54, 1460, 43, 1],
  ])('%s', async (_what, payload, size, pieces, messages) => {
    const made = await connected('6.1')
    const seen = watch(made)
    expect(made.eth0.send(segment(payload), { segment: size })).toBe(true)
    made.world.run({ ms: 10 })
    expect([seen.length, seen.every(({ isRight }) => isRight), sentInfos(made).length]).toEqual([
      pieces,
      true,
      messages,
    ])
  })

  test('that is none, or whose pieces are beyond the MTU, is not sent', async () => {
    const made = await connected('6.1')
    const udp = segment(100)
    udp[23] = 17
    expect(made.eth0.send(udp, { segment: 50 })).toBe(false)
    expect(made.eth0.send(segment(4000), { segment: 1461 })).toBe(false)
    made.world.run({ ms: 10 })
    expect(sentInfos(made)).toEqual([])
  })
})

describe('a checksum of a simulated Linux', () => {
  // 10.0.0.2 and 10.0.0.1, 6 and 24 bytes: 0x1421. With ports, sequence number, 0x5018 and zeros: 0x8f34; the rest to 0xffff.
  const WITH_LENGTH = '1421'
  const WHOLE = '70cb'

  test.each([
    // Checksum (type 0): IPv4 (1) and TCP (4), TCP header at 34 from bit 16 on.
    ['6.1', undefined, `10000000000000000c00000005002200`, WITH_LENGTH],
    ['6.1', 'tx-checksum-ipv4', '', WHOLE],
    ['3.13', undefined, '', WHOLE],
  ] as const)('with %s and %s off', async (kernel, off: Feature | undefined, infos, left) => {
    const made = await connected(kernel)
    const wire: string[] = []
    made.lan.capture(({ bytes, port, direction }) => {
      if (port === 'peer' && direction === 'outbound' && bytes[23] === 6) wire.push(hex(bytes.subarray(34, 54)))
    })
    if (off !== undefined) made.eth0.setFeature(off, false)
    const bytes = segment(4)
    // The stack has filled in the IP header: 0x4500 + 0x2c + 0x4000 + 0x4006 + 0x0a00 + 2 + 0x0a00 + 1 = 0xd935.
    bytes.set([0x26, 0xca], 24)
    expect(made.eth0.send(bytes, { checksum: true })).toBe(true)
    made.world.run({ ms: 10 })
    const [sent = ''] = sentInfos(made)
    expect(sent.slice(0, infos.length)).toBe(infos)
    expect(sent.slice(infos.length + 68, infos.length + 108)).toBe(`1389138a000003e80000000050180000${left}0000`)
    expect(wire).toEqual([`1389138a000003e80000000050180000${WHOLE}0000`])
  })

  test('of UDP is the system’s own below NVSP 5, where hosts refuse it', async () => {
    const made = await connected('5.10', { profile: ws2008r2 })
    expect(made.nic.version).toBe(0x3_0002)
    const bytes = segment(4)
    bytes[23] = 17
    bytes.set([0x13, 0x89, 0x13, 0x8a, 0, 24, 0, 0], 34)
    bytes.fill(0, 42)
    expect(made.eth0.send(bytes, { checksum: true })).toBe(true)
    made.world.run({ ms: 10 })
    // 0x1403, 17 and 24, then 5001, 5002 and 24: 0x3b57.
    expect(sentInfos(made)[0]?.slice(68, 84)).toBe('1389138a0018c4a8')
  })
})

describe('coalesced receive of a simulated Linux', () => {
  /** What the interface hears of a segment that the peer's side sends as one. */
  async function heard(made: Net, eth0: LinuxInterface): Promise<number[]> {
    const lengths: number[] = []
    const stop = eth0.onFrame((frame) => void lengths.push(frame.length))
    const bytes = segment(4000)
    bytes.set([0, 0x15, 0x5d, 0, 0, 1, 2, 0, 0, 0, 0, 1])
    made.port.send({ bytes, offload: { segment: 1460 } })
    made.world.run({ ms: 10 })
    stop()
    return lengths
  }

  test.each([
    ['4.20', true, [4054]],
    ['6.1', true, [4054]],
    ['4.19', false, [1514, 1514, 1134]],
  ])('%s has it: %s', async (kernel, has, lengths) => {
    const made = await connected(kernel)
    expect([made.eth0.features['large-receive-offload'], await heard(made, made.eth0)]).toEqual([has, lengths])
    if (!has) expect(() => made.eth0.setFeature('large-receive-offload', true)).toThrow(REFUSED)
  })

  test('is turned off and on by the host, and stays as it was over another MTU', async () => {
    const made = await connected('6.1', { mtu: 9000 })
    const { eth0, guest, crossed } = made
    const set = async (on: boolean): Promise<string> => {
      crossed.length = 0
      eth0.setFeature('large-receive-offload', on)
      await guest.until('driver:set')
      // SET of OID_TCP_OFFLOAD_PARAMETERS 0xfc01020c, 28 bytes at 20: type 0x80, revision 3; both RSC bytes at 22 and 23.
      const found = /0c0201fc1c0000001400000000000000(.{56})/.exec(crossed.join('\n'))
      return found?.[1] ?? ''
    }
    const parameters = (value: string): string => `80031c00${'00'.repeat(18)}${value}${value}${'00'.repeat(4)}`
    expect(await set(false)).toBe(parameters('01'))
    expect([eth0.features['large-receive-offload'], await heard(made, eth0)]).toEqual([false, [1514, 1514, 1134]])
    eth0.setMtu(9000)
    await guest.until('driver:up')
    expect(await heard(made, eth0)).toEqual([1514, 1514, 1134])
    expect(await set(true)).toBe(parameters('02'))
    expect([eth0.features['large-receive-offload'], await heard(made, eth0)]).toEqual([true, [4054]])
  })

  test('is not there below NVSP 6.1', async () => {
    const made = await connected('6.1', { profile: ws2012r2 })
    expect([made.nic.version, made.eth0.features['large-receive-offload']]).toEqual([0x5_0000, false])
  })
})

describe('the features of a simulated Linux', () => {
  const on = async (kernel: string): Promise<string[]> => {
    const { features } = (await connected(kernel)).eth0
    return Object.entries(features).flatMap(([name, value]) => (value ? [name] : []))
  }
  const CHECKSUMS = ['rx-checksumming', 'tx-checksum-ipv4', 'tx-checksum-ipv6']
  const SEGMENTS = ['tx-tcp-segmentation', 'tx-tcp6-segmentation']
  const TAGS = ['tx-vlan-offload', 'rx-vlan-offload']

  test.each([
    ['3.13', TAGS],
    ['4.1', [...CHECKSUMS, ...SEGMENTS, ...TAGS]],
    ['6.1', [...CHECKSUMS, ...SEGMENTS, 'large-receive-offload', ...TAGS]],
  ])('%s', async (kernel, features) => {
    expect(await on(kernel)).toEqual(features)
  })

  test('change by name, but for the tags', async () => {
    const { eth0 } = await connected('6.1')
    eth0.setFeature('tx-checksum-ipv6', false)
    expect([eth0.features['tx-checksum-ipv6'], eth0.features['tx-tcp6-segmentation']]).toEqual([false, false])
    eth0.setFeature('tx-checksum-ipv6', true)
    expect(eth0.features['tx-tcp6-segmentation']).toBe(true)
    eth0.setFeature('rx-checksumming', false)
    expect(eth0.features['rx-checksumming']).toBe(false)
    expect(() => eth0.setFeature('tx-vlan-offload', false)).toThrow(REFUSED)
    // As from JavaScript.
    expect(() => eth0.setFeature('tso' as Feature, false)).toThrow(REFUSED)
  })

  test('a driver without any asks the host for none', async () => {
    const without = await connected('3.13')
    const asks = ({ crossed }: Net): boolean =>
      crossed.some((line) => line.includes('0c0201fc') || line.includes('0d0201fc'))
    expect([asks(without), asks(await connected('4.1'))]).toEqual([false, true])
  })
})

describe('the MTU of a simulated Linux', () => {
  test.each([
    ['6.1', ws2022, 9000, undefined],
    ['6.1', ws2022, 67, 'VMBUS_LINUX_NET'],
    ['6.1', ws2022, 65_522, 'VMBUS_LINUX_NET'],
    // NVSP 1 has no NDIS_CONFIG to say a larger one with.
    ['5.10', ws2008, 1500, undefined],
    ['5.10', ws2008, 1501, 'VMBUS_LINUX_NET'],
    [without('6.1', 'jumbo'), ws2022, 1501, 'VMBUS_LINUX_NET'],
  ])('case %#', async (kernel, profile, mtu, code) => {
    const { eth0 } = await connected(kernel, { mtu: 9000, profile })
    const tried = (): unknown => {
      try {
        eth0.setMtu(mtu)
        return undefined
      } catch (error) {
        return error instanceof Error && 'code' in error ? error.code : error
      }
    }
    expect(tried()).toBe(code)
  })
})
