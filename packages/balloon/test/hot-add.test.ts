import { describe, expect, test } from 'vitest'
import type { Channel } from '@vmbus/core'
import { INTERRUPT_MODES, deviceWorld } from '@vmbus/testbench'
import { balloon, type PageRun } from '../src/index.ts'
import { packRun } from '../src/protocol.ts'

const MIB = 256
const BLOCK = 128 * MIB

// Requests of a host that says where it likes, byte for byte.
describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  function guest() {
    const added: [start: number, count: number, regionStart: number, regionCount: number][] = []
    const made = deviceWorld(
      balloon({ bootPages: 64 * MIB }),
      balloon.driver({
        memory: {
          total: () => 64 * MIB,
          available: () => 32 * MIB,
          committed: () => 32 * MIB,
          take: () => undefined,
          release() {},
          add(run, region) {
            added.push([run.start, run.count, region.start, region.count])
            return run.count
          },
        },
      }),
      { interrupts, memoryMB: 1, vps: 1 },
    )
    made.run(1)
    /** Pages and result of the answer. */
    const ask = (run: PageRun, region?: PageRun): [number, number] => {
      const message = new Uint8Array(region === undefined ? 16 : 24)
      const view = new DataView(message.buffer)
      view.setUint16(0, 10, true)
      view.setUint16(2, message.length, true)
      view.setBigUint64(8, packRun(run), true)
      if (region !== undefined) view.setBigUint64(16, packRun(region), true)
      const channel: Channel | undefined = made.hostChannel
      channel?.sendInBand(message, 0, 0, false)
      made.run(1)
      const answer = made.messages.findLast(({ to, bytes }) => to === 'host' && bytes[0] === 11)?.bytes
      const said = new DataView((answer ?? new Uint8Array(16)).slice().buffer)
      return [said.getUint32(8, true), said.getUint32(12, true)]
    }
    const inUse = (): unknown => made.guestBus.devices[0]?.driver?.inspect()['added']
    /** Hot adds that the guest refused; the host has asked for none of them, and says so. */
    const refused = (): number =>
      made.diagnostics.filter(({ detail }) => (detail as { branch?: string }).branch === 'hot-add-region').length
    return { ask, added, inUse, refused }
  }

  test('the three of Windows Server 2012 that begin inside a block and leave a gap (Linux cb7a5724c7e1)', () => {
    const { ask, added, inUse, refused } = guest()
    expect(ask({ start: 0x108200, count: 330_752 })).toEqual([330_752, 1])
    expect(ask({ start: 0x158e00, count: 193_536 })).toEqual([193_536, 1])
    expect(ask({ start: 0x188400, count: 239_616 })).toEqual([239_616, 1])
    // One region from 0x108000 on, which grows by whole blocks of 0x8000 pages.
    expect(added).toEqual([
      [0x108200, 330_752, 0x108000, 0x58000],
      [0x158e00, 193_536, 0x108000, 0x88000],
      [0x188400, 239_616, 0x108000, 0xc0000],
    ])
    expect([inUse(), refused()]).toEqual([763_904, 0])
  })

  test('a named region holds its run, wherever it begins there', () => {
    const { ask, inUse } = guest()
    const region = { start: 0x108000, count: 2 * BLOCK }
    expect(ask({ start: 0x108100, count: 10 }, region)).toEqual([10, 1])
    expect(ask({ start: 0x108200, count: 10 }, region)).toEqual([10, 1])
    expect(ask({ start: 0x110000, count: BLOCK }, region)).toEqual([BLOCK, 1])
    expect(inUse()).toBe(BLOCK + 20)
  })

  test('refused for now: what is in use, regions off the blocks, and those that meet another', () => {
    const { ask, refused, inUse } = guest()
    expect(ask({ start: 0x108000, count: 1000 })).toEqual([1000, 1])
    expect(ask({ start: 0x118000, count: 1000 })).toEqual([1000, 1])
    for (const [run, region] of [
      [{ start: 0x108000, count: 1000 }],
      [{ start: 0x1083e7, count: 1 }],
      // It would grow into the next region.
      [{ start: 0x10f000, count: 0x9001 }],
      [
        { start: 0x128000, count: 1 },
        { start: 0x128001, count: BLOCK },
      ],
      [
        { start: 0x128000, count: 1 },
        { start: 0x128000, count: 1 },
      ],
      [
        { start: 0x128000, count: BLOCK + 1 },
        { start: 0x128000, count: BLOCK },
      ],
      [
        { start: 0x110000, count: 1 },
        { start: 0x110000, count: 2 * BLOCK },
      ],
    ] as const)
      expect(ask(run, region)).toEqual([0, 0])
    expect(refused()).toBe(7)
    expect(ask({ start: 0x1083e8, count: 1 })).toEqual([1, 1])
    expect(inUse()).toBe(2001)
  })
})
