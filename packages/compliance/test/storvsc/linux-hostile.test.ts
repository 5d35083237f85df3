import { PacketType, type Channel, type HostDevice, type HostDeviceSpec, type Packet } from '@vmbus/core'
import { memoryDisk } from '@vmbus/disk'
import { linux } from '@vmbus/guest-linux'
import { ws2022 } from '@vmbus/host'
import { simulate } from '@vmbus/simulation'
import { storvsc } from '@vmbus/storvsc'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const EXECUTE_SRB = 3
const QUERY_PROPERTIES = 10
const ENUMERATE_BUS = 11

/** What a host says to each request in turn, and what it writes into its buffer. */
interface Answer {
  readonly srb: number
  readonly scsi: number
  readonly length: number
  readonly sense: Uint8Array
  readonly data: Uint8Array
  readonly news: boolean
}

/** Sets up as it should, then answers requests with what it was told to; good answers when that is used up. */
function hostile(answers: readonly Answer[], counts: { requests: number }): HostDeviceSpec {
  const real = storvsc({ luns: [memoryDisk('1M')] })
  return {
    kind: real.kind,
    offer: real.offer,
    create(deps): HostDevice {
      let next = 0
      const answer = (channel: Channel, packet: Packet): void => {
        const { view, payloadOffset, payloadLength, gpaRanges, transactionLow, transactionHigh } = packet
        const operation = view.getUint32(payloadOffset, true)
        const reply = new Uint8Array(Math.min(64, payloadLength))
        const body = new DataView(reply.buffer)
        body.setUint32(0, 1, true)
        if (operation === QUERY_PROPERTIES) body.setUint32(24, 0x40000, true)
        if (operation === EXECUTE_SRB) {
          counts.requests++
          const { srb, scsi, length, sense, data, news } = answers[next++] ?? { ...GOOD, length: 0 }
          const [range] = gpaRanges
          const gpa = (range?.pfns[0] ?? 0) * 4096 + (range?.byteOffset ?? 0)
          if (range !== undefined)
            deps.memory.bytes.set(data.subarray(0, Math.min(range.byteCount, 4096 - range.byteOffset)), gpa)
          body.setUint8(14, srb)
          body.setUint8(15, scsi)
          body.setUint8(21, sense.length)
          body.setUint32(24, length, true)
          reply.set(sense, 28)
          if (news) channel.sendInBand(Uint8Array.of(ENUMERATE_BUS, ...new Uint8Array(63)), 0, 0, false)
        }
        channel.sendCompletion(reply, transactionLow, transactionHigh)
      }
      return {
        open: () => 0,
        readable(channel) {
          for (let packet = channel.receive(); packet !== undefined; packet = channel.receive())
            if (packet.type === PacketType.inBand || packet.type === PacketType.gpaDirect) answer(channel, packet)
        },
        close: () => undefined,
        save: () => null,
        restore: () => undefined,
        inspect: () => ({}),
      }
    },
  }
}

const GOOD: Answer = { srb: 1, scsi: 0, length: 0, sense: new Uint8Array(), data: new Uint8Array(), news: false }
/** A disk, as INQUIRY data say it. */
const INQUIRY_DATA = Uint8Array.of(0, 0, 5, 2, 99, 0, 0, 2)
/** A list of pages that is longer than the kernel has pages for. */
const LONG_LIST = Uint8Array.of(0, 0, 0xff, 0xff, 0, 0x83, 0x83, 0xb0)
/** Unit attention, capacity has changed. */
const CHANGED = Uint8Array.of(0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x2a, 0x09)

const answer: fc.Arbitrary<Answer> = fc.record({
  srb: fc.oneof(fc.constantFrom(1, 0x84, 0x20, 0x12, 0x92, 6), fc.nat(255)),
  scsi: fc.constantFrom(0, 2, 8, 0x18, 0xff),
  length: fc.oneof(fc.nat(4096), fc.constant(0xffff_ffff)),
  sense: fc.oneof(fc.constant(CHANGED), fc.uint8Array({ maxLength: 20 })),
  data: fc.oneof(
    fc.constant(INQUIRY_DATA),
    fc.constant(LONG_LIST),
    fc.uint8Array({ maxLength: 300 }),
    fc.constant(new Uint8Array(4096).fill(0xff)),
  ),
  news: fc.boolean(),
})

test.each(['6.1', '5.10'])(
  'Linux %s lives through any answers, and looks no further than there is to see',
  (kernel) => {
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 60 }), (answers) => {
        const counts = { requests: 0 }
        const world = simulate({ seed: 1 })
        const guest = world.guest(linux(kernel, { modules: ['hv_storvsc'] }), { memoryMB: 1 })
        guest.attach(world.host(ws2022, [hostile(answers, counts)]))
        world.run({ seconds: 10 })
        expect(guest.power).toBe('running')
        // At most 511 units for each target of a search that a scripted answer begins, with a hundred commands for each.
        expect(counts.requests).toBeLessThan(1_000_000)
        for (const disk of guest.surface.disks) if (disk.size > 0) disk.read(0, disk.logicalBlockSize / 512)
        world.run({ seconds: 10 })
      }),
      { seed: 1, numRuns: 40 },
    )
  },
)

test('a unit that has always changed is looked at a few times and no more', () => {
  const counts = { requests: 0 }
  const always = Array.from({ length: 100_000 }, (): Answer => ({
    ...GOOD,
    srb: 0x84,
    scsi: 2,
    sense: CHANGED,
    data: INQUIRY_DATA,
  }))
  const world = simulate({ seed: 1 })
  const guest = world.guest(linux('6.1', { modules: ['hv_storvsc'] }))
  guest.attach(world.host(ws2022, [hostile(always, counts)]))
  world.run({ seconds: 10 })
  expect(guest.power).toBe('running')
  expect(counts.requests).toBeLessThan(5000)
})
