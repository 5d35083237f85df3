import { INTERRUPT_MODES } from '@vmbus/testbench'
import { describe, expect, test } from 'vitest'
import { balloon, type BalloonHost } from '../src/index.ts'
import { guestRam } from './guest-ram.ts'
import { world } from './world.ts'

const PAGES = 64 * 256

// Either end may run before a send of the other returns (README of @vmbus/hypervisor).
describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  test('no operation ends within the call that began it, also when the next is begun as one ends', () => {
    const ram = guestRam({ pages: PAGES, fragmentedBy: 3 })
    const made = world(
      balloon({ bootPages: PAGES, settleSeconds: 0 }),
      balloon.driver({ memory: ram, reportDelay: 0 }),
      interrupts,
    )
    made.advance(1)
    const host = made.hostBus.devices[0]?.device as BalloonHost
    let [calling, early, ended] = [false, 0, 0]
    const begin = (): void => {
      calling = true
      // 200 of single pages are one answer, 200 back one request.
      const answer = ended % 2 === 0 ? host.balloon(200) : host.unballoon(200)
      calling = false
      expect(answer).toBe('begun')
    }
    made.hostBus.on((event) => {
      if (event.kind !== 'device' || (event.name !== 'balloon' && event.name !== 'unballoon')) return
      if (calling) early++
      ended++
      if (ended < 3000) begin()
    })
    begin()
    made.advance(1)
    expect([early, ended, host.balloonedPages, ram.count('taken')]).toEqual([0, 3000, 0, 0])
    expect([...made.diagnostics, ...ram.violations]).toEqual([])
  })

  test('each message crosses once, though answers come while others wait', () => {
    const ram = guestRam({ pages: PAGES, fragmentedBy: 2 })
    const made = world(
      balloon({ bootPages: PAGES, settleSeconds: 0, maxPages: 1 << 20 }),
      balloon.driver({ memory: ram, reportDelay: 0 }),
      interrupts,
    )
    ram.unuse(4000)
    made.advance(1)
    const host = made.hostBus.devices[0]?.device as BalloonHost
    expect(host.balloon(3500)).toBe('begun')
    made.advance(2)
    expect(host.unballoon(3500)).toBe('begun')
    made.advance(2)
    const from = (to: string): number[] =>
      made.messages.filter((each) => each.to === to && each.bytes[0] !== 5).map(({ bytes }) => bytes[0] ?? 0)
    expect(new Set(from('host'))).toEqual(new Set([1, 3, 7, 9]))
    expect(from('host').filter((type) => type === 9)).toHaveLength(1)
    expect(from('guest').filter((type) => type === 2 || type === 4 || type === 12)).toEqual([2, 4, 12])
    const ids = made.messages
      .filter(({ to }) => to === 'host')
      .map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true))
    expect(ids).toEqual(ids.map((_, index) => index + 1))
    expect([host.balloonedPages, made.diagnostics]).toEqual([0, []])
  })
})
