import { MessageId, encode, layouts } from '@vmbus/core'
import type { Entry } from '@vmbus/trace'
import { describe, expect, test } from 'vitest'
import { hostProfile } from '@vmbus/host'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { PROBES } from '../src/probes/index.ts'
import { execute } from '../src/run/execute.ts'
import { endedBy, exchangeOf } from '../src/worlds/exchange.ts'
import { TRACED } from '../src/worlds/traced.ts'

/** Linux include/linux/hyperv.h, HV_SCSI_GUID. */
const STORVSC = 'ba6163d9-04a1-4d29-b605-72e2ffb1dc7f'

const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)
/** `time` in 100 ns units. */
const message = (to: 'host' | 'guest', time: number, bytes: Uint8Array): Entry => ({
  kind: 'message',
  to,
  time,
  vp: 0,
  connection: 1,
  bytes,
})
const OFFER = message(
  'guest',
  20,
  encode(layouts.offerChannel, MessageId.offerChannel, {
    interfaceId: STORVSC,
    instanceId: STORVSC,
    relid: 1,
    flags: 0,
  }),
)
const descriptor = words(0x2_0006, 0, 7, 0)
/** A request of the guest with this operation code (storvsc_drv.c: EXECUTE_SRB is 3), and its answer (COMPLETE_IO, 1). */
const request = (time: number, opcode: number): Entry => ({
  kind: 'packet',
  to: 'host',
  time,
  relid: 1,
  bytes: Uint8Array.from([...descriptor, ...words(3, 1, 0, 0, 0, 0, 0), opcode, 0, 0, 0]),
})
const answer = (time: number): Entry => ({
  kind: 'packet',
  to: 'guest',
  time,
  relid: 1,
  bytes: Uint8Array.from([...descriptor, ...words(1, 0, 0)]),
})
const [READ, UNMAP, SYNCHRONIZE] = [0x28, 0x42, 0x35]

describe('an exchange', () => {
  test('has names, channels, sizes and times, and alike ones in a row once', () => {
    const pairs = [100, 120, 140].flatMap((time) => [request(time, READ), answer(time + 5)])
    const entries = [message('host', 10, words(3, 0)), OFFER, ...pairs, request(200, UNMAP), request(210, UNMAP)]
    expect(exchangeOf({ entries, dropped: 0 }, TRACED)).toEqual([
      { from: 'guest', says: 'REQUEST_OFFERS', time: 1, bytes: 8 },
      { from: 'host', says: 'OFFER_CHANNEL 1 storvsc', time: 2, bytes: 196 },
      { from: 'guest', says: 'READ(10)', ring: 'storvsc', time: 10, bytes: 96, count: 3 },
      { from: 'host', says: 'COMPLETE_IO', ring: 'storvsc', time: 11, bytes: 36, count: 3 },
      { from: 'guest', says: 'UNMAP', ring: 'storvsc', time: 20, bytes: 64, count: 2 },
    ])
  })

  test('keeps the order of what only begins like a pair', () => {
    const entries = [OFFER, request(1, READ), answer(2), request(3, READ), request(4, UNMAP), answer(5)]
    expect(exchangeOf({ entries, dropped: 0 }, TRACED).map(({ says }) => says)).toEqual([
      'OFFER_CHANNEL 1 storvsc',
      'READ(10)',
      'COMPLETE_IO',
      'READ(10)',
      'UNMAP',
      'COMPLETE_IO',
    ])
  })

  test('tells what a packet names in place of the packet', () => {
    const packet: Entry = { kind: 'packet', to: 'host', time: 5, relid: 9, bytes: words(0x2_0006, 0, 7, 0, 107, 0) }
    // MS-RNDIS 2.2.2: INITIALIZE is 2; a second message in the same packet has no step of its own.
    const named: Entry = { kind: 'transfer', to: 'host', time: 5, relid: 9, format: 'rndis', bytes: words(2, 24, 1) }
    expect(exchangeOf({ entries: [packet, named, { ...named, bytes: words(1, 8) }], dropped: 0 }, TRACED)).toEqual([
      { from: 'guest', says: 'RNDIS INITIALIZE', ring: 'channel 9', time: 1, bytes: 8 + 12 + 8 },
    ])
  })

  test('tells the first and the last, and counts what is between or lost', () => {
    // Nothing is alike: three operation codes in turn.
    const codes = [READ, UNMAP, SYNCHRONIZE]
    const entries = [OFFER, ...Array.from({ length: 99 }, (_, at) => request(at * 10, codes[at % 3] ?? 0))]
    const steps = exchangeOf({ entries, dropped: 7 }, TRACED, { first: 3, last: 2 })
    expect(steps.map(({ says, untold }) => [says, untold])).toEqual([
      ['OFFER_CHANNEL 1 storvsc', 7],
      ['READ(10)', undefined],
      ['UNMAP', undefined],
      // 100 messages, of which five are told.
      ['UNMAP', 95],
      ['SYNCHRONIZE CACHE(10)', undefined],
    ])
    expect(exchangeOf({ entries: [], dropped: 0 }, TRACED)).toEqual([])
  })

  test('ends with what broke it', () => {
    const decidedBy = { of: 'host', field: 'trim' } as const
    expect(endedBy([], { outcome: 'works', reason: '' })).toEqual([])
    expect(endedBy([], { outcome: 'partial', reason: 'without the mouse' })).toEqual([])
    expect(endedBy([], { outcome: 'fails', reason: 'it does not', decidedBy })).toEqual([
      { from: 'host', says: 'it does not', ends: true },
    ])
  })

  test('is told of each execution, in a few kB', async () => {
    const probe = PROBES.find(({ id }) => id === 'trim')
    const [guest, profile] = [guestOf('rhel 6.4'), hostProfile('ws2022')]
    if (probe === undefined || !isGuest(guest) || profile === undefined) throw new Error('not in the catalog')
    const { exchange = [] } = await execute({ id: 'x', probe, guest, profile, seed: 1, runs: 2 })
    expect(exchange[0]?.says).toMatch(/^INITIATE_CONTACT /)
    // It asks for no page of provisioning, so the image keeps what it gives back.
    expect(exchange.at(-1)).toMatchObject({ from: 'guest', ends: true })
    expect(exchange.at(-1)?.says).toMatch(/^the image keeps what the guest gave back/)
    expect(JSON.stringify(exchange).length).toBeLessThan(4096)
  })
})
