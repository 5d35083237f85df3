import { INTERRUPT_MODES, rawDevice, rawDriver } from '@vmbus/testbench'
import { describe, expect, test } from 'vitest'
import { balloon, type BalloonHost } from '../src/index.ts'
import { BALLOON_INSTANCE, BALLOON_INTERFACE } from '../src/protocol.ts'
import { guestRam } from './guest-ram.ts'
import { world, type World } from './world.ts'

const PAGES = 64 * 256
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const OFFER = { interfaceId: BALLOON_INTERFACE, instanceId: BALLOON_INSTANCE }
/** Type, size, id and flags: a host that accepts (Linux drivers/hv/hv_balloon.c, dm_version_response and those after it). */
const VERSION_ACCEPTED = hex('0200 1000 01000000 0100000000000000')
const CAPABILITIES_ACCEPTED = hex('0400 1000 02000000 0100000000000000')
const GIVE = (pages: string): Uint8Array => hex(`0600 1000 03000000 ${pages} 00000000`)
const branchesOf = ({ diagnostics }: Pick<World, 'diagnostics'>): unknown[] =>
  diagnostics.map(({ detail }) => detail?.['branch'])

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

  test('a guest takes each answer to its negotiation in its turn, and once', () => {
    const answers: Uint8Array[] = []
    const messages = [
      ...[CAPABILITIES_ACCEPTED, VERSION_ACCEPTED, VERSION_ACCEPTED],
      ...[CAPABILITIES_ACCEPTED, CAPABILITIES_ACCEPTED],
    ]
    const made = world(
      rawDevice({ offer: OFFER, messages, answers, impatient: true }),
      balloon.driver({ memory: guestRam({ pages: PAGES }) }),
      interrupts,
    )
    made.advance(1)
    expect(branchesOf(made)).toEqual(['capabilities-order', 'version-order', 'capabilities-order'])
    expect(answers.map(([type]) => type)).toEqual([1, 3])
    expect(made.guestBus.devices[0]?.driver?.inspect()).toMatchObject({ phase: 'ready' })
  })

  test('a guest ends its answer to one request before it looks at the next', () => {
    const answers: Uint8Array[] = []
    // 600 single pages are 510 ranges and 90; the next request comes as soon as the first of these is out.
    const messages = [VERSION_ACCEPTED, CAPABILITIES_ACCEPTED, GIVE('58020000'), GIVE('02000000')]
    const made = world(
      rawDevice({ offer: OFFER, messages, answers }),
      balloon.driver({ memory: guestRam({ pages: 8 * PAGES, fragmentedBy: 2 }) }),
      interrupts,
    )
    made.advance(1)
    // Version request, capabilities, then responses: type, whether more follow, and how many ranges.
    const shown = answers.map((bytes) => [
      bytes[0],
      (bytes[12] ?? 0) & 1,
      ((bytes[12] ?? 0) | ((bytes[13] ?? 0) << 8)) >> 1,
    ])
    expect(shown.slice(2)).toEqual([
      [7, 1, 510],
      [7, 0, 90],
      [7, 0, 2],
    ])
    expect(answers.map((bytes) => bytes[4])).toEqual([1, 2, 3, 4, 5])
    expect(made.diagnostics).toEqual([])
  })

  test('a host tells its owner of one message before it looks at the next', () => {
    // Version 2.0, the last attempt; then capabilities, and a report of 9 pages there and 5 in use.
    const request = hex('0100 1000 01000000 00000200 01000000')
    const capable = hex(`0300 2000 02000000 0100000000000000 0000000000000000 ${'ff'.repeat(8)}`)
    const report = hex(`0500 3000 03000000 0900000000000000 0500000000000000 ${'00'.repeat(24)}`)
    let asked = false
    const raw = rawDriver(BALLOON_INTERFACE, ([type]) => (type === 2 ? [capable] : type === 4 ? [report] : []))
    const made = world(
      balloon({ bootPages: PAGES, settleSeconds: 1, maxPages: 1 << 20 }),
      {
        ...raw,
        create(deps) {
          const driver = raw.create(deps)
          return {
            ...driver,
            opened(channel, status) {
              driver.opened?.(channel, status)
              if (!asked) channel.channel?.sendInBand(request, 0, 0, false)
              asked = true
            },
          }
        },
      },
      interrupts,
    )
    made.advance(2)
    expect(made.events.map(({ name }) => name)).toEqual(['negotiated', 'capabilities', 'pressure', 'ready'])
    // Version response, capabilities response, and how much there may be.
    expect(made.messages.filter(({ to }) => to === 'guest').map(({ bytes }) => bytes[0])).toEqual([2, 4, 12])
    expect(made.diagnostics).toEqual([])
  })
})
