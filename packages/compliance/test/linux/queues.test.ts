import { ws2012r2 } from '@vmbus/host'
import { describe, expect, test } from 'vitest'
import { GUEST, PEER, connected, without, type Net } from './net.ts'

const REFUSED = expect.objectContaining({ code: 'VMBUS_LINUX_NET' }) as unknown

const scaled = (kernel: Parameters<typeof connected>[0] = '6.1', vps = 4): Promise<Net> => connected(kernel, { vps })

/**
 * A TCP segment of Microsoft's RSS verification suite to the guest: from 66.9.149.187:2794 to 161.142.100.80:1766, whose hash
 * with the key that Linux sets is 0x51ccc178; 0x78 is entry 120 of 128.
 */
const VERIFIED = Uint8Array.from(
  Buffer.from(
    '00155d000001 020000000001 0800 4500002800000000400600004209 95bba18e6450 0aea06e6 00000000 00000000 50100000 00000000'.replaceAll(
      ' ',
      '',
    ),
    'hex',
  ),
)
const ENTRY = 120
const tableOf = (entry: number, of = 0): number[] => Array.from({ length: 128 }, (_, at) => (at === ENTRY ? entry : of))

/** On which channel the frame comes. */
function queueOf({ eth0, port, world }: Net): number {
  const before = eth0.queues.map(({ framesReceived }) => framesReceived)
  port.send({ bytes: VERIFIED })
  world.run({ ms: 10 })
  const after = eth0.queues.map(({ framesReceived }, index) => framesReceived - (before[index] ?? 0))
  expect(after.reduce((sum, frames) => sum + frames, 0)).toBe(1)
  return after.indexOf(1)
}

describe('receive side scaling of a simulated Linux', () => {
  test('spreads over as many channels as it has processors, in turn', async () => {
    const made = await scaled()
    const { eth0 } = made
    expect([eth0.channels, eth0.queues.length, eth0.rss?.key.length]).toEqual([{ most: 8, open: 4 }, 4, 40])
    expect(eth0.rss?.table.slice(0, 6)).toEqual([0, 1, 2, 3, 0, 1])
    // 120 is 0 modulo 4.
    expect(queueOf(made)).toBe(0)
  })

  test.each([1, 2, 3])('takes a flow on channel %i, where its table says so', async (channel) => {
    const made = await scaled()
    made.eth0.setRss({ table: tableOf(channel) })
    await made.guest.until('driver:rss')
    expect(made.eth0.rss?.table).toEqual(tableOf(channel))
    expect(queueOf(made)).toBe(channel)
    await expect(made.guest.net('eth0').ping(PEER)).resolves.toBe(true)
  })

  test('hashes by the key that is set: with zeros every flow has hash 0', async () => {
    const made = await scaled()
    made.eth0.setRss({ key: new Uint8Array(40), table: Array.from({ length: 128 }, (_, at) => (at === 0 ? 3 : 1)) })
    await made.guest.until('driver:rss')
    expect(queueOf(made)).toBe(3)
    made.eth0.setRss({ table: tableOf(2, 2) })
    await made.guest.until('driver:rss')
    expect([made.eth0.rss?.key, queueOf(made)]).toEqual([new Uint8Array(40), 2])
  })

  test.each([
    ['a channel that is not open', { table: tableOf(4) }],
    ['too few entries', { table: [0, 1, 2, 3] }],
    ['a short key', { key: new Uint8Array(39) }],
  ])('is not set with %s', async (_what, change) => {
    const made = await scaled()
    expect(() => made.eth0.setRss(change)).toThrow(expect.objectContaining({ code: 'VMBUS_OPTIONS_INVALID' }))
    expect(queueOf(made)).toBe(0)
  })

  test('has other channels on request: the interface stays, and a table that it chose, as far as its channels are there', async () => {
    const made = await scaled()
    const { eth0, guest } = made
    eth0.setChannels(2)
    await guest.until('driver:up')
    expect([eth0.channels, eth0.address, eth0.rss?.table.slice(0, 3)]).toEqual([
      { most: 8, open: 2 },
      `${GUEST}/24`,
      [0, 1, 0],
    ])
    eth0.setRss({ table: tableOf(1) })
    await guest.until('driver:rss')
    expect(() => eth0.setChannels(1)).toThrow(REFUSED)
    eth0.setChannels(6)
    await guest.until('driver:up')
    expect([eth0.channels.open, eth0.rss?.table]).toEqual([6, tableOf(1)])
    expect(queueOf(made)).toBe(1)
    for (const count of [0, 9, 1.5]) expect(() => eth0.setChannels(count)).toThrow(REFUSED)
    await expect(guest.net('eth0').ping(PEER)).resolves.toBe(true)
  })

  test.each([
    ['3.13', 4, undefined],
    ['without vRSS', 4, undefined],
    ['6.1', 1, { most: 8, open: 1 }],
  ])('%s with %i processors has one channel', async (kernel, vps, channels) => {
    const { eth0 } = await scaled(kernel === 'without vRSS' ? without('6.1', 'vrss') : kernel, vps)
    expect([eth0.channels, eth0.queues.length, eth0.rss]).toEqual([channels ?? { most: 1, open: 1 }, 1, undefined])
    expect(() => eth0.setRss({ table: tableOf(0) })).toThrow(REFUSED)
    if (channels === undefined) expect(() => eth0.setChannels(1)).toThrow(REFUSED)
  })

  test('counts what passes each channel', async () => {
    const made = await connected('6.1', { vps: 2, profile: ws2012r2 })
    const { eth0, guest } = made
    await expect(guest.net('eth0').ping(PEER)).resolves.toBe(true)
    const sent = eth0.queues.map(({ framesSent, bytesSent }) => [framesSent, bytesSent])
    // An ARP request of 42 bytes on the primary, and an echo request of 98 on the channel of its hash.
    expect(sent.reduce(([frames = 0, bytes = 0], [f = 0, b = 0]) => [frames + f, bytes + b], [0, 0])).toEqual([2, 140])
    expect(sent[0]?.[0]).toBeGreaterThan(0)
  })
})
