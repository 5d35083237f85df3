import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  PcapngError,
  pcapngReader,
  pcapngWriter,
  readPcapng,
  type PacketOptions,
  type PcapngBlock,
} from '@vmbus/pcapng'
import { concat } from './bytes.ts'

const SEED = 20260104

const packet: fc.Arbitrary<PacketOptions> = fc.record(
  {
    time: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    bytes: fc.uint8Array({ maxLength: 100 }),
    direction: fc.constantFrom('unknown', 'inbound', 'outbound'),
    reception: fc.constantFrom('unspecified', 'unicast', 'multicast', 'broadcast', 'promiscuous'),
    comment: fc.string({ unit: 'grapheme', maxLength: 20 }),
    dropCount: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    queue: fc.nat(0xffff_ffff),
  },
  { requiredKeys: ['time', 'bytes'] },
)

function written(packets: readonly PacketOptions[], snaplen: number): Uint8Array {
  const chunks: Uint8Array[] = []
  const capture = pcapngWriter({ write: (chunk) => chunks.push(chunk), comment: 'ünïcode 🦺' })
  const lan = capture.addInterface({ name: 'lan', snaplen, speed: 10_000_000_000n })
  for (const one of packets) capture.packet(lan, one)
  capture.statistics(lan, { time: 1n, received: packets.length })
  return concat(chunks)
}

test('what is written is read back, in any pieces', () => {
  fc.assert(
    fc.property(
      fc.array(packet, { maxLength: 8 }),
      fc.constantFrom(0, 1, 40, 1000),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
      (packets, snaplen, cuts) => {
        const file = written(packets, snaplen)
        const blocks: PcapngBlock[] = []
        const reader = pcapngReader({ block: (block) => blocks.push(block) })
        for (let at = 0, i = 0; at < file.length; i++) {
          const size = cuts[i % cuts.length] ?? 1
          reader.push(file.subarray(at, at + size))
          at += size
        }
        reader.end()
        const read = blocks.filter((block) => block.type === 'packet')
        expect(read).toEqual(
          packets.map(({ comment, bytes, ...rest }) => ({
            type: 'packet',
            interfaceId: 0,
            direction: 'unknown',
            reception: 'unspecified',
            ...rest,
            bytes: snaplen === 0 ? bytes : bytes.slice(0, snaplen),
            length: bytes.length,
            comments: comment === undefined ? [] : [comment],
          })),
        )
      },
    ),
    { seed: SEED, numRuns: 150 },
  )
})

test('damaged captures are read or refused, never anything else', () => {
  const damage = fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 3 }), damage, fc.nat(600), (packets, edits, cut) => {
      const file = written(packets, 64)
      for (const [at, value] of edits) file[at % file.length] = value
      const input = cut < 300 ? file : file.subarray(0, cut)
      try {
        expect(readPcapng(input).length).toBeLessThanOrEqual(input.length / 12)
      } catch (error) {
        if (!(error instanceof PcapngError)) throw error
        expect(error.code).toBe('VMBUS_PCAPNG_FORMAT')
      }
    }),
    { seed: SEED, numRuns: 500 },
  )
})
