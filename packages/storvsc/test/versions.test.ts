import { memoryDisk } from '@vmbus/disk'
import { describe, expect, test } from 'vitest'
import { LINUX, LINUX_5_10 } from '../src/index.ts'
import { VSTOR_VERSIONS } from '../src/protocol/index.ts'
import { worldsOf, type World } from './world.ts'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  const world = worldsOf(interrupts)

  const ALL = [0x0200, 0x0402, 0x0501, 0x0600, 0x0602]
  const subsets = Array.from({ length: 31 }, (_, mask) => ALL.filter((_, bit) => ((mask + 1) >>> bit) & 1))

  /** All of them in the deep tier; in the fast one those of at most two versions, and the whole. */
  const guests =
    process.env['VMBUS_TIER'] === 'deep' ? subsets : subsets.filter(({ length }) => length <= 2 || length === 5)

  /** Set-up packets of the guest and answers of the host, by their lengths without descriptor. */
  function sizes({ trace }: World, to: 'host' | 'guest'): number[] {
    return trace.flatMap((event) =>
      event.kind === 'packet' && event.to === to ? [event.bytes.length - (event.bytes[2] ?? 0) * 8] : [],
    )
  }

  test('the list of versions', () => expect(VSTOR_VERSIONS).toEqual(ALL))

  describe('every set of versions against every other', () => {
    test.each(guests.map((host) => [host.map((version) => version.toString(16)).join(' '), host]))(
      'a host of %s',
      (_name, host) => {
        for (const guest of guests) {
          const versions = guest.toReversed()
          const w = world({
            host: { luns: [], subchannels: 2 },
            settings: { versions: host },
            guest: { versions, scan: false, behaviour: { ringPages: 4 } },
            pages: 128,
            vps: 2,
          })
          const common = versions.find((version) => host.includes(version))
          expect([w.driver.phase, w.driver.version]).toEqual(common === undefined ? ['failed', 0] : ['ready', common])
          expect(w.host.version).toBe(common ?? 0)
          // Sub-channels from 5.1 on.
          expect(w.driver.channels).toBe(common !== undefined && common >= 0x0501 ? 2 : 1)
          expect(w.diagnostics).toEqual([])
        }
      },
    )
  })

  test('packets have the size of their version, answers that of their request', () => {
    const at = (version: number, behaviour = LINUX): World =>
      world({ host: { luns: [memoryDisk('64K')] }, guest: { versions: [version], behaviour }, vps: 1 })
    for (const version of ALL) {
      for (const behaviour of [LINUX, LINUX_5_10]) {
        const w = at(version, behaviour)
        const first = behaviour === LINUX ? 64 : 48
        const rest = version >= 0x0501 ? 64 : 48
        const sent = sizes(w, 'host')
        expect(sent.slice(0, 2)).toEqual([first, first])
        expect(new Set(sent.slice(2))).toEqual(new Set([rest]))
        expect(sizes(w, 'guest')).toEqual(sent)
        expect(w.driver.disks).toHaveLength(1)
      }
    }
  })

  test('set-up, byte for byte as Linux sends it', () => {
    const w = world({
      host: { luns: [] },
      settings: { versions: [0x0501] },
      guest: { behaviour: LINUX, scan: false },
      vps: 3,
    })
    const packets = w.trace.flatMap((event) =>
      event.kind === 'packet' ? [`${event.to} ${Buffer.from(event.bytes.subarray(4, 44)).toString('hex')}`] : [],
    )
    const descriptor = '0a000100' + 'fdffffffffffffff'
    const answer = '0a000000' + 'fdffffffffffffff'
    const packet = (head: string, operation: string, flags: string, status: string, body: string): string =>
      `${head}${operation}000000${flags}000000${status}${body.padEnd(32, '0')}`
    const ask = (operation: string, body = ''): string =>
      `host ${packet(descriptor, operation, '01', '00000000', body)}`
    const say = (status: string, body = ''): string => `guest ${packet(answer, '01', '00', status, body)}`
    expect(packets.map((each) => each.slice(0, each.indexOf(' ') + 81))).toEqual([
      ask('07'),
      say('00000000'),
      ask('09', '02060000'),
      say('590000c0', '02060000'),
      ask('09', '00060000'),
      say('590000c0', '00060000'),
      ask('09', '01050000'),
      say('00000000', '01050000'),
      ask('0a'),
      say('00000000', '00000000' + '04000000' + '01000000' + '00000400'),
      ask('08'),
      say('00000000'),
      ask('0d', '0200'),
      say('00000000'),
    ])
  })

  test('Windows asks for sub-channels before the end of set-up', () => {
    const w = world({ host: { luns: [memoryDisk('64K')] }, guest: { behaviour: { subchannelsFirst: true } }, vps: 3 })
    expect([w.driver.phase, w.driver.channels, w.driver.disks.length]).toEqual(['ready', 3, 1])
    expect(w.events.map(({ name }) => name)).toEqual(['subchannels', 'ready'])
  })
})
