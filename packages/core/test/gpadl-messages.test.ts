import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MessageId, Version, type Channel } from '../src/index.ts'
import { instance, pair } from './pair.ts'

interface Range {
  readonly byteOffset: number
  readonly byteCount: number
}

const range: fc.Arbitrary<Range> = fc.record({
  byteOffset: fc.nat({ max: 4095 }),
  byteCount: fc.integer({ min: 1, max: 40 * 4096 }),
})

/** The model: a grant is the concatenation of its ranges, each a run through its pages. */
const model = (ram: Uint8Array, ranges: readonly (Range & { pfns: readonly number[] })[]): Uint8Array =>
  new Uint8Array(
    Buffer.concat(
      ranges.map(({ byteOffset, byteCount, pfns }) =>
        Buffer.concat(pfns.map((pfn) => ram.subarray(pfn * 4096, pfn * 4096 + 4096))).subarray(
          byteOffset,
          byteOffset + byteCount,
        ),
      ),
    ),
  )

test('what a guest grants, in any ranges over any pages, is what the host reads', () => {
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 6 }), fc.integer(), (ranges, salt) => {
      const world = pair({ hostVersions: [Version.v5_3], guestVersions: [Version.v5_3], pages: 256 })
      let host: Channel | undefined
      const spec = world.device({ instanceId: instance(1) })
      world.host.offer({
        ...spec,
        create: (deps, settings) => {
          const made = spec.create(deps, settings)
          return Object.assign(made, {
            open: (channel: Channel) => {
              host = channel
              return 0
            },
          })
        },
      })
      world.guest.start()
      world.settle()
      const channel = world.guest.devices[0]?.channels[0]
      const { bytes } = world.memory
      // Pages in an order of their own, some of them granted twice; the contents differ everywhere.
      const full = ranges.map((each, index) => ({
        ...each,
        pfns: Array.from(
          { length: Math.ceil((each.byteOffset + each.byteCount) / 4096) },
          (_, page) => 100 + ((page * 37 + index * 11 + (salt >>> 4)) % 150),
        ),
      }))
      for (let at = 100 * 1024; at < bytes.length / 4; at++) world.memory.words[at] = Math.imul(at, 0x9e37_79b1) ^ salt
      const id = channel?.createGpadl(full) ?? 0
      world.settle()
      const grant = host?.gpadl(id)
      const expected = model(bytes, full)
      expect(grant?.byteLength).toBe(expected.length)
      const read = new Uint8Array(expected.length)
      expect(grant?.read(0, read)).toBe(true)
      expect(Buffer.compare(read, expected)).toBe(0)
      expect(grant?.read(1, read)).toBe(false)
      channel?.teardownGpadl(id)
      world.settle()
      expect(host?.gpadl(id)).toBeUndefined()
      // Whoever kept it holds nothing: the pages are the guest's again.
      expect([
        grant?.read(0, read.subarray(0, 1)),
        grant?.write(0, read.subarray(0, 1)),
        grant?.segments(0, 1, []),
      ]).toEqual([false, false, false])
    }),
    { seed: 5, numRuns: 40 },
  )
})

test('the largest GPADL: 8190 pages in one header and 292 bodies', () => {
  const world = pair({ pages: 8400, autoOpen: false })
  world.host.offer(world.device({ instanceId: instance(1) }))
  world.guest.start()
  world.settle()
  const channel = world.guest.devices[0]?.channels[0]
  const pfns = Array.from({ length: 8190 }, (_, index) => 100 + index)
  expect(() => channel?.createGpadl([{ byteOffset: 0, byteCount: 8191 * 4096, pfns: [...pfns, 99] }])).toThrow(
    'VMBUS_GPADL_INVALID',
  )
  channel?.createGpadl([{ byteOffset: 0, byteCount: 8190 * 4096, pfns }])
  world.settle()
  const sent = world.trace.flatMap((event) => (event.kind === 'message' && event.to === 'host' ? [event.bytes[0]] : []))
  expect(sent.filter((type) => type === MessageId.gpadlHeader)).toHaveLength(1)
  expect(sent.filter((type) => type === MessageId.gpadlBody)).toHaveLength(Math.ceil((8190 - 26) / 28))
  expect(world.host.inspect()).toMatchObject({ gpadlPages: 8190 })
})
