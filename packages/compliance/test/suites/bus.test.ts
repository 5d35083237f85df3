import { describe, expect, test } from 'vitest'
import { compliance, hostCompliance } from '../../src/index.ts'
import {
  DRIVERS,
  MessageId,
  edited,
  message,
  once,
  realHost,
  interposing,
  word,
  ws2022,
  type Interposer,
} from './hosts.ts'

/** Enough for every fault here. */
const OPTIONS = { memoryMB: 4, moments: [13] }
/** Fields of channel messages behind their header of 8 bytes (wire/02). */
const AT = { relid: 8, gpadlOfCreated: 12, rangeBytes: 16, gpadl: 12, ring: 16, offerRelid: 184 }

type Wrong = readonly [what: string, rule: string, interposer: Interposer]
const never = (id: number): Interposer => once(id, () => [])
const twice = (id: number): Interposer => once(id, (bytes) => [bytes, bytes])
const behind = (id: number, more: (bytes: Uint8Array) => Uint8Array): Interposer =>
  once(id, (bytes) => [bytes, more(bytes)])
const before = (id: number, more: (bytes: Uint8Array) => Uint8Array): Interposer =>
  once(id, (bytes) => [more(bytes), bytes])
const changed = (id: number, at: number, value: number): Interposer => once(id, (bytes) => [edited(bytes, at, value)])
const cut = (id: number, length: number): Interposer => once(id, (bytes) => [bytes.slice(0, length)])

const guests: readonly Wrong[] = [
  [
    'asks for offers before contact',
    'guest-contact-first',
    before(MessageId.initiateContact, () => message(MessageId.requestOffers)),
  ],
  ['never asks for offers', 'guest-opens', never(MessageId.requestOffers)],
  [
    'asks for offers when it has them',
    'guest-offers-once',
    before(MessageId.openChannel, () => message(MessageId.requestOffers)),
  ],
  ['opens nothing', 'guest-opens', never(MessageId.openChannel)],
  ['opens what is not offered', 'guest-open-offered', changed(MessageId.openChannel, AT.relid, 99)],
  ['opens with rings that it did not grant', 'guest-open-offered', changed(MessageId.openChannel, AT.ring, 0x777)],
  [
    'closes what is not open',
    'guest-close-open',
    before(MessageId.openChannel, (bytes) => message(MessageId.closeChannel, word(bytes, AT.relid))),
  ],
  ['grants under an id that is in use', 'guest-gpadl-id', twice(MessageId.gpadlHeader)],
  [
    'grants less than it announces',
    'guest-gpadl-whole',
    once(MessageId.gpadlHeader, (bytes) => [edited(bytes, AT.rangeBytes, word(bytes, AT.rangeBytes) + 64)]),
  ],
  [
    'takes the rings of an open channel back',
    'guest-gpadl-teardown',
    behind(MessageId.openChannel, (bytes) =>
      message(MessageId.gpadlTeardown, word(bytes, AT.relid), word(bytes, AT.ring)),
    ),
  ],
  [
    'takes back what it did not grant',
    'guest-gpadl-teardown',
    before(MessageId.openChannel, (bytes) => message(MessageId.gpadlTeardown, word(bytes, AT.relid), 0x777)),
  ],
  ['releases twice', 'guest-release', twice(MessageId.relidReleased)],
  [
    'releases what is offered still',
    'guest-release',
    behind(MessageId.openChannel, (bytes) => message(MessageId.relidReleased, word(bytes, AT.relid))),
  ],
  ['says what there is not', 'guest-known-message', behind(MessageId.requestOffers, () => message(200))],
  [
    'speaks as a host',
    'guest-known-message',
    behind(MessageId.requestOffers, () => message(MessageId.allOffersDelivered)),
  ],
  ['cuts a message', 'guest-known-message', cut(MessageId.openChannel, 20)],
  ['goes on behind UNLOAD', 'guest-unload', behind(MessageId.unload, () => message(MessageId.requestOffers))],
  [
    'posts what its host refuses',
    'guest-bus-accepted',
    behind(MessageId.requestOffers, () => message(MessageId.relidReleased, 500)),
  ],
]

const hosts: readonly Wrong[] = [
  ['answers no contact', 'host-contact-answered', never(MessageId.versionResponse)],
  ['ends its offers never', 'host-offers-end', never(MessageId.allOffersDelivered)],
  ['offers relid 0', 'host-relid-unique', changed(MessageId.offerChannel, AT.offerRelid, 0)],
  ['answers no OPENCHANNEL', 'host-open-answered', never(MessageId.openChannelResult)],
  ['answers an OPENCHANNEL twice', 'host-open-answered', twice(MessageId.openChannelResult)],
  ['answers for another channel', 'host-open-answered', changed(MessageId.openChannelResult, AT.relid, 99)],
  ['answers no GPADL', 'host-gpadl-answered', never(MessageId.gpadlCreated)],
  ['answers for another GPADL', 'host-gpadl-answered', changed(MessageId.gpadlCreated, AT.gpadlOfCreated, 0x777)],
  [
    'takes back a GPADL that nobody tore down',
    'host-gpadl-answered',
    behind(MessageId.allOffersDelivered, () => message(MessageId.gpadlTorndown, 0x777)),
  ],
  [
    'rescinds what is not offered',
    'host-rescind-known',
    behind(MessageId.allOffersDelivered, () => message(MessageId.rescindChannelOffer, 77)),
  ],
  ['answers UNLOAD twice', 'host-unload-answered', twice(MessageId.unloadResponse)],
  [
    'speaks behind UNLOAD',
    'host-silent-after-unload',
    behind(MessageId.unloadResponse, () => message(MessageId.rescindChannelOffer, 1)),
  ],
  ['says what there is not', 'host-known-message', behind(MessageId.allOffersDelivered, () => message(200))],
  [
    'speaks as a guest',
    'host-known-message',
    behind(MessageId.allOffersDelivered, () => message(MessageId.requestOffers)),
  ],
  ['cuts a message', 'host-known-message', cut(MessageId.gpadlCreated, 12)],
  [
    'says what its guest refuses',
    'host-bus-accepted',
    behind(MessageId.allOffersDelivered, () => message(MessageId.gpadlTorndown, 0x777)),
  ],
]

describe('the bus', () => {
  test.each(guests)('a guest that %s breaks %s', async (_what, rule, interposer) => {
    const report = await compliance(realHost(), OPTIONS).run(interposing(interposer))
    expect(report.failures.map(({ id }) => id)).toContain(rule)
  })
  test.each(hosts)('a host that %s breaks %s', async (_what, rule, interposer) => {
    const report = await hostCompliance(realHost(ws2022, interposer), OPTIONS).run(DRIVERS)
    expect(report.failures.map(({ id }) => id)).toContain(rule)
  })
  test('a guest that loads no driver opens nothing, and does not pass', async () => {
    const report = await compliance(realHost(), OPTIONS).run([])
    expect(report.failures.map(({ id }) => id)).toEqual(['guest-opens'])
  })
})
