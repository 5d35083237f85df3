import { INTERRUPT_MODES } from '@vmbus/testbench'
import { describe, expect, test } from 'vitest'
import { GUEST_MAC, PEER_MAC, connected as connect, frameTo, type World, type WorldOptions } from './world.ts'

describe.each(INTERRUPT_MODES)('with interrupts %s', (interrupts) => {
  const connected = (options: WorldOptions = {}): World => connect({ interrupts, ...options })

  const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')

  /** One processor, as the real kernels had. */
  const made = (options: WorldOptions = {}): World => connected({ vps: 1, ...options })

  describe('the host traces what its packets name', () => {
    test('the requests of a setup and their answers, each after the packet that names it', () => {
      const trace = made().said.filter(({ kind }) => kind !== 'message')
      const first = trace.findIndex(({ kind }) => kind === 'transfer')
      expect(trace.slice(first - 1, first + 4).map((event) => [event.kind, 'to' in event && event.to])).toEqual([
        ['packet', 'host'],
        ['transfer', 'host'],
        ['packet', 'guest'],
        ['packet', 'guest'],
        ['transfer', 'guest'],
      ])
      const said = trace.flatMap((event) => (event.kind === 'transfer' ? [[event.format, hex(event.bytes)]] : []))
      // INITIALIZE and its answer, by hand from MS-RNDIS 2.2.2 and 2.2.3 with the values of Linux and OpenVMM.
      expect(said[0]).toEqual(['rndis', '020000001800000001000000010000000000000000400000'])
      expect(said[1]).toEqual([
        'rndis',
        '02000080340000000100000000000000010000000000000001000000000000000800000' + '0ffffffef030000000000000000000000',
      ])
      // Ten requests, as many answers, and the offloads that are on.
      expect(said).toHaveLength(21)
    })

    test('frames with their headers: from a section, from pages, and in a section of the receive buffer', () => {
      const world = made({ guest: { mtu: 9000 }, host: { mtu: 9000 } })
      const transfers = (): string[] =>
        world.said.splice(0).flatMap((event) => (event.kind === 'transfer' ? [`${event.to} ${hex(event.bytes)}`] : []))
      transfers()
      // PACKET, 60 or 9014 bytes at 36 of the body, no infos (at 36 as Linux says).
      const header = (length: string, frame: string): string =>
        `01000000${length}24000000${frame}${'0'.repeat(24)}24000000${'0'.repeat(24)}`
      for (const [bytes, length, frame] of [
        [60, '68000000', '3c000000'],
        [9014, '62230000', '36230000'],
      ] as const) {
        const sent = frameTo(PEER_MAC, GUEST_MAC, bytes)
        expect(world.driver.send({ bytes: sent })).toBe(true)
        world.settle()
        expect(transfers()).toEqual([`host ${header(length, frame)}${hex(sent)}`])
      }
      const received = frameTo(GUEST_MAC, PEER_MAC, 60)
      world.peer.send({ bytes: received })
      world.settle()
      const [back = ''] = transfers()
      expect(back.startsWith('guest 010000003c010000f80000003c000000')).toBe(true)
      expect(back.endsWith(hex(received))).toBe(true)
      expect(back).toHaveLength('guest '.length + 2 * (256 + 60))
    })
  })

  describe('choices of real drivers', () => {
    const packets = (world: World, to: 'host' | 'guest', type: number): DataView[] =>
      world.trace.flatMap((event) =>
        event.kind === 'packet' && event.to === to && event.bytes[0] === type ? [new DataView(event.bytes.buffer)] : [],
      )

    test('a request begins where its allocation has it in the page', () => {
      const offsets = (requestOffset?: number): Set<number> =>
        new Set(
          packets(made({ guest: requestOffset === undefined ? {} : { requestOffset } }), 'host', 9).map((view) =>
            view.getUint32(28, true),
          ),
        )
      expect([offsets(), offsets(0x60)]).toEqual([new Set([0]), new Set([0x60])])
    })

    test('ids of answered setup messages come again, or never', () => {
      const first = (keepsSetupIds: boolean): number | undefined =>
        packets(made({ guest: { keepsSetupIds } }), 'host', 9)[0]?.getUint32(8, true)
      // Three messages of the setup are completed before the first request.
      expect([first(false), first(true)]).toEqual([1, 4])
    })
  })

  // A host that is called at once has the CLOSE before it looks at the ring.
  test('a teardown says all it has to say before its channel closes, whichever version closes it', () => {
    for (const vmbus of [[0x3_0000], [0x5_0003]]) {
      const world = connect({ vps: 1, vmbus })
      world.trace.length = 0
      world.driver.stop()
      world.settle()
      expect(world.driver.phase).toBe('stopped')
      // HALT, then the revokes of both buffers: 107, 103, 106.
      const said = world.trace.flatMap((event) =>
        event.kind === 'packet' && event.to === 'host' ? [event.bytes[(event.bytes[2] ?? 0) * 8]] : [],
      )
      expect(said).toEqual([107, 103, 106])
    }
  })

  test.each([
    ['its rings', 12],
    ['its requests', 20],
    ['a buffer', 60],
    ['a buffer', 100],
  ])('a guest without memory for %s says so, and gives back what it had', (what, pages) => {
    const world = made({ pages })
    expect([world.driver.phase, world.driver.failure]).toEqual(['failed', `the guest has no memory for ${what}`])
    // Page 0, and the seven of the bus.
    expect(world.available).toBe(pages - 8)
    expect(world.nic.up).toBe(false)
  })
})
