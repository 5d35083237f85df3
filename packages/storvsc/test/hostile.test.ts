import {
  PacketType,
  Version,
  type Channel,
  type GuestChannel,
  type GuestDriverSpec,
  type HostDeviceSpec,
} from '@vmbus/core'
import { memoryDisk } from '@vmbus/disk'
import { INTERRUPT_MODES, deviceWorld, type InterruptMode } from '@vmbus/testbench'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { storvsc, type RequestResult, type StorvscGuest } from '../src/index.ts'
import { SCSI_INTERFACE } from '../src/protocol/index.ts'
import { bytes } from './raw.ts'

const PAGES = 192
const GRANTED = [150, 152]
const runs = process.env['VMBUS_TIER'] === 'deep' ? 3000 : 50

/** One end of ours and one of the test's. */
function connect(device: HostDeviceSpec, driver: GuestDriverSpec, interrupts: InterruptMode) {
  const made = deviceWorld(device, driver, {
    interrupts,
    vps: 1,
    memoryMB: PAGES / 256,
    firstPage: 1,
    unownedPages: PAGES - 140,
    versions: [Version.v5_2],
    keepsEvents: false,
  })
  const settle = (): void => made.settle(0.1, 20_000)
  settle()
  return { memory: made.memory, guest: made.guestBus, handle: made.handle, diagnostics: made.diagnostics, settle }
}

/** A driver that opens its channel and keeps what it is told. */
function puppet(): { spec: GuestDriverSpec; channel(): Channel; answers: string[] } {
  const answers: string[] = []
  let handle: GuestChannel | undefined
  const spec: GuestDriverSpec = {
    kind: 'storvsc',
    interfaceIds: [SCSI_INTERFACE],
    create: () => ({
      offered(channel) {
        if (channel.offer.subchannelIndex > 0) return
        handle = channel
        channel.open({ outPages: 8, inPages: 8 })
      },
      opened: () => {},
      readable({ channel }) {
        for (let packet = channel?.receive(); packet !== undefined; packet = channel?.receive())
          answers.push(`${packet.type} ${packet.transactionLow}`)
      },
      rescinded: () => {},
      save: () => null,
      restore: () => {},
      inspect: () => ({}),
    }),
  }
  return {
    spec,
    answers,
    channel() {
      if (handle?.channel === undefined) throw new Error('not open')
      return handle.channel
    },
  }
}

const begin = bytes('07000000 01000000 00000000' + '00'.repeat(52))
const version = bytes('09000000 01000000 00000000 0206' + '00'.repeat(50))
const properties = bytes('0a000000 01000000 00000000' + '00'.repeat(52))
const endInit = bytes('08000000 01000000 00000000' + '00'.repeat(52))
const SETUP = [begin, version, properties, endInit]

/** A request of `length` bytes with a CDB; `dataIn` 1 lets the host write. */
function request(cdb: Uint8Array, length: number, dataIn: number): Uint8Array {
  const packet = new Uint8Array(64)
  const view = new DataView(packet.buffer)
  packet.set([3, 0, 0, 0, 1])
  view.setUint16(12, 52, true)
  packet.set([16, 20, dataIn], 20)
  view.setUint32(24, length, true)
  packet.set(cdb, 28)
  return packet
}

const anyCdb = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Known commands with any fields.
  fc
    .tuple(
      fc.constantFrom(
        0x12,
        0x28,
        0x2a,
        0x41,
        0x42,
        0x93,
        0x1a,
        0x5a,
        0x15,
        0x55,
        0x25,
        0x9e,
        0xa0,
        0x03,
        0x5f,
        0x88,
        0x4a,
        0x46,
      ),
      fc.uint8Array({ minLength: 15, maxLength: 15 }),
    )
    .map(([opcode, rest]) => Uint8Array.of(opcode, ...rest)),
)
const mutation = fc.record({
  cdb: anyCdb,
  length: fc.oneof(fc.nat(8192), fc.constantFrom(0, 0xffff_ffff, 0x7fff_ffff)),
  dataIn: fc.nat(3),
  range: fc.oneof(
    fc.constant('none' as const),
    fc.constant('granted' as const),
    fc.constant('outside' as const),
    fc.constant('two' as const),
  ),
  flip: fc.option(fc.tuple(fc.nat(63), fc.nat(255))),
  cut: fc.constantFrom(64, 64, 64, 48, 16, 8),
})

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  test('a hostile guest: no crash, every answer once, no byte outside of what was granted', () => {
    const disk = memoryDisk('64K')
    fc.assert(
      fc.property(fc.array(mutation, { maxLength: 30 }), fc.nat(4), (mutations, steps) => {
        const guest = puppet()
        const w = connect(storvsc({ luns: [disk, { dvd: disk }] }), guest.spec, interrupts)
        const channel = guest.channel()
        for (const packet of SETUP.slice(0, steps)) channel.sendInBand(packet, 0xffff_fff0, 0, true)
        w.settle()
        const before = w.memory.bytes.slice(141 * 4096)
        let sent = 0
        for (const { cdb, length, dataIn, range, flip, cut } of mutations) {
          const packet = request(cdb, length, dataIn)
          // Mostly lun 0, the drive at 1 and nothing at 2.
          packet[19] = (cdb[15] ?? 0) % 3
          if (flip !== null) packet[flip[0]] = flip[1]
          const payload = packet.subarray(0, cut)
          const pages = { byteOffset: 8, byteCount: 8184, pfns: range === 'outside' ? [150, 0x7fff_ffff] : GRANTED }
          const ok =
            range === 'none'
              ? channel.sendInBand(payload, ++sent, 0, true)
              : channel.sendGpaDirect(range === 'two' ? [pages, pages] : [pages], payload, ++sent, 0)
          if (!ok) sent--
          w.settle()
        }
        const ids = guest.answers.filter((answer) => !answer.endsWith(' 4294967280'))
        expect(new Set(ids).size).toBe(ids.length)
        expect(
          ids.every((answer) => answer.startsWith(`${PacketType.completion} `) || answer === `${PacketType.inBand} 0`),
        ).toBe(true)
        // Answered, or the channel was given up on and that was recorded.
        if (ids.length < sent) expect(w.diagnostics.length).toBeGreaterThan(0)
        const after = w.memory.bytes.slice(141 * 4096)
        for (const pfn of GRANTED) {
          const at = (pfn - 141) * 4096
          before.fill(0, at, at + 4096)
          after.fill(0, at, at + 4096)
        }
        expect(Buffer.compare(before, after)).toBe(0)
      }),
      { seed: 11, numRuns: runs },
    )
  })

  test('a request that only gives data is never written to', () => {
    const guest = puppet()
    const w = connect(storvsc({ luns: [memoryDisk('64K')] }), guest.spec, interrupts)
    const channel = guest.channel()
    for (const packet of SETUP) channel.sendInBand(packet, 0xffff_fff0, 0, true)
    w.settle()
    w.memory.bytes.fill(0xee, 150 * 4096, 153 * 4096)
    const cdbs = [
      '12 00 00 00 24 00',
      '28 00 00 00 00 00 00 00 01 00',
      '25 00',
      'a0 00 00 00 00 00 00 00 02 00',
      '1a 00 3f 00 c0 00',
      '03 00 00 00 12 00',
      '9e 10',
    ]
    cdbs.forEach((cdb, index) =>
      channel.sendGpaDirect(
        [{ byteOffset: 0, byteCount: 512, pfns: [150] }],
        request(bytes(cdb), 512, 0),
        index + 1,
        0,
      ),
    )
    w.settle()
    expect(guest.answers).toHaveLength(SETUP.length + cdbs.length)
    expect(w.memory.bytes.subarray(150 * 4096, 153 * 4096).every((byte) => byte === 0xee)).toBe(true)
  })

  test('what is no conversation ends the conversation', () => {
    const refused: [string, (channel: Channel) => void][] = [
      [
        'an unknown operation',
        (channel) => channel.sendInBand(bytes('63000000 01000000 00000000' + '00'.repeat(52)), 1, 0, true),
      ],
      ['a packet that wants no completion', (channel) => channel.sendInBand(begin, 1, 0, false)],
      [
        'Fibre Channel data of a SCSI adapter',
        (channel) => channel.sendInBand(bytes('0c000000 01000000 00000000' + '00'.repeat(52)), 1, 0, true),
      ],
      ['a completion', (channel) => channel.sendCompletion(begin, 1, 0)],
      ['a packet without a body', (channel) => channel.sendInBand(new Uint8Array(8), 1, 0, true)],
    ]
    for (const [name, send] of refused) {
      const guest = puppet()
      const w = connect(storvsc({ luns: [] }), guest.spec, interrupts)
      send(guest.channel())
      w.settle()
      expect([name, w.diagnostics.map(({ code }) => code)]).toEqual([name, ['VMBUS_STORVSC_PACKET']])
      guest.channel().sendInBand(begin, 2, 0, true)
      w.settle()
      expect(guest.answers).toEqual([])
    }
  })

  test('a hostile host: no crash, every request ends once, none without its own completion', () => {
    const action = fc.record({
      type: fc.constantFrom('completion' as const, 'inBand' as const),
      id: fc.oneof(fc.nat(6), fc.constantFrom(0xffff_fffd, 0xffff_fffc, 0xffff_ffff)),
      high: fc.constantFrom(0, 0, 0, 0xffff_ffff),
      packet: fc.uint8Array({ minLength: 64, maxLength: 64 }),
      operation: fc.nat(14),
      cut: fc.constantFrom(64, 64, 48, 16, 8, 0),
    })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), fc.boolean(), (actions, setUp) => {
        let channel: Channel | undefined
        /** Ids on the wire that were not answered. */
        const asked = new Set<number>()
        const spec: HostDeviceSpec = {
          kind: 'storvsc',
          offer: { interfaceId: SCSI_INTERFACE, instanceId: '00000000-0000-0000-0000-00000000000a' },
          create: () => ({
            open(opened) {
              channel = opened
              return 0
            },
            readable(ring) {
              for (let packet = ring.receive(); packet !== undefined; packet = ring.receive()) {
                const operation = packet.bytes[packet.payloadOffset] ?? 0
                const { transactionLow, transactionHigh } = packet
                if (operation === 3) asked.add(transactionLow)
                // The set-up is answered well, with 256 KiB of transfer.
                else if (setUp)
                  ring.sendCompletion(
                    bytes('01000000 00000000 00000000' + '00'.repeat(12) + '00000400' + '00'.repeat(36)),
                    transactionLow,
                    transactionHigh,
                  )
              }
            },
            close: () => {},
            save: () => null,
            restore: () => {},
            inspect: () => ({}),
          }),
        }
        const ends: { id: number; result: RequestResult }[] = []
        const w = connect(
          spec,
          storvsc.driver({
            scan: actions.length % 2 === 0,
            behaviour: { ringPages: 8, depth: 5 },
            onComplete: (id, result) => void ends.push({ id, result }),
          }),
          interrupts,
        )
        const driver = w.guest.devices[0]?.driver as StorvscGuest
        const ids = [0, 1, 2].map(() =>
          driver.submit({
            cdb: bytes('28 00 00 00 00 00 00 00 01 00'),
            direction: 'read',
            buffer: { byteOffset: 0, byteCount: 512, pfns: [150] },
          }),
        )
        for (const { type, id, high, packet, operation, cut } of actions) {
          const payload = packet.slice(0, cut)
          if (payload.length > 0) payload.set([operation, 0, 0, 0].slice(0, payload.length))
          const before = ends.length
          const answers = type === 'completion' && high === 0 && asked.has(id)
          if (answers && cut === 64) asked.delete(id)
          if (type === 'completion') channel?.sendCompletion(payload, id, high)
          else channel?.sendInBand(payload, id, high, false)
          w.settle()
          // No completion without its request; a failed set-up ends what waits for it.
          if (driver.phase !== 'failed' && ends.length - before > (answers ? 1 : 0))
            throw new Error(`${ends.length - before} requests ended`)
          // A plain condition: `expect` costs more than what it looks at.
          for (const { result } of ends)
            if (!(result.transferred <= 512)) throw new Error(`${result.transferred} bytes transferred`)
        }
        w.handle.rescind()
        w.settle()
        expect(ends.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(ids)
      }),
      { seed: 5, numRuns: runs },
    )
  })
})
