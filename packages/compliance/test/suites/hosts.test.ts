import type { Channel } from '@vmbus/core'
import { describe, expect, test } from 'vitest'
import { PROTOCOL_RULES, hostCompliance, type HostUnderTest } from '../../src/index.ts'
import {
  DRIVERS,
  MessageId,
  edited,
  message,
  once,
  ownFailures,
  realHost,
  word,
  ws2012r2,
  ws2022,
  type Interposer,
} from './hosts.ts'

describe.each([ws2012r2, ws2022])('the host $id', (profile) => {
  test('keeps every rule', async () => {
    const report = await hostCompliance(realHost(profile), { memoryMB: 4 }).run(DRIVERS)
    expect(report.failures.map(({ id, transcript }) => [id, transcript?.at(-1)])).toEqual([])
    expect(report.rules.filter(({ outcome }) => outcome !== 'works').map(({ id }) => id)).toEqual([
      'host-completion-once',
      // It is offered, and nobody drives it.
      ...(PROTOCOL_RULES['balloon']?.host ?? []).map(({ id }) => id),
    ])
  })
})

const twice = (id: number): Interposer => once(id, (bytes) => [bytes, bytes])
const never = (id: number): Interposer => once(id, () => [])
const host = (interposer: Interposer): HostUnderTest => realHost(ws2022, interposer)

const throwing: HostUnderTest = {
  name: 'throwing host',
  attach(port) {
    const made = realHost().attach(port)
    return {
      ...made,
      timer(name) {
        made.timer(name)
        if (port.clock.now() > 3e7) throw new Error('not expected')
      },
    }
  },
}

/** Writes a page of the guest a while after it has left. */
const writing: HostUnderTest = {
  name: 'writing host',
  attach(port) {
    let left = false
    const made = realHost(
      ws2022,
      once(MessageId.unloadResponse, (bytes) => ((left = true), [bytes])),
    ).attach(port)
    const { bus } = made
    return {
      ...made,
      bus: {
        get devices() {
          if (left) port.memory.view.setUint32(0x8_0000, 1, true)
          return bus?.devices ?? []
        },
      },
    }
  },
}

/** Claims to signal a channel that was never there. */
const signalling: HostUnderTest = {
  name: 'signalling host',
  attach(port) {
    const made = realHost().attach(port)
    port.trace?.({ kind: 'signal', to: 'guest', relid: 99 })
    return made
  },
}

/** Completes what nobody asked for. */
const completing: HostUnderTest = realHost(ws2022, undefined, (spec) => ({
  ...spec,
  create(deps, settings) {
    const device = spec.create(deps, settings)
    return Object.assign(Object.create(device) as typeof device, {
      readable(channel: Channel) {
        device.readable(channel)
        channel.sendCompletion(new Uint8Array(8), 0x77, 0)
      },
    })
  },
}))

const broken: Readonly<Record<string, { host: HostUnderTest; also?: readonly string[] }>> = {
  'host-no-throw': { host: throwing },
  'host-contact-answered': { host: host(twice(MessageId.versionResponse)) },
  'host-known-message': { host: host(once(MessageId.allOffersDelivered, (bytes) => [bytes, message(28)])) },
  'host-offer-after-request': {
    host: host(
      once(MessageId.versionResponse, (bytes) =>
        bytes[8] === 0
          ? [bytes]
          : [bytes, edited(new Uint8Array(196), 0, MessageId.offerChannel), message(MessageId.rescindChannelOffer, 0)],
      ),
    ),
    also: ['host-relid-unique'],
  },
  'host-offers-end': { host: host(twice(MessageId.allOffersDelivered)) },
  'host-relid-unique': { host: host(twice(MessageId.offerChannel)) },
  'host-children': {
    host: host(
      once(MessageId.allOffersDelivered, (bytes) => [
        edited(edited(edited(new Uint8Array(196), 0, MessageId.offerChannel), 180, 1), 184, 77),
        bytes,
      ]),
    ),
  },
  'host-open-answered': {
    host: host(once(MessageId.openChannelResult, (bytes) => [bytes, edited(bytes, 12, 0x7777)])),
  },
  'host-gpadl-answered': { host: host(twice(MessageId.gpadlCreated)) },
  'host-rescind-known': { host: host(twice(MessageId.rescindChannelOffer)) },
  'host-unload-answered': { host: host(never(MessageId.unloadResponse)) },
  'host-signal-open': { host: signalling },
  'host-completion-once': { host: completing },
  'host-silent-after-unload': { host: writing },
}

/** Enough for every fault here. */
const MOMENTS = [13]

describe('a host that breaks a rule', () => {
  test.each(Object.entries(broken))('%s', async (id, { host: each, also = [] }) => {
    const report = await hostCompliance(each, { memoryMB: 4, moments: MOMENTS }).run(DRIVERS)
    expect(ownFailures(report, id)).toEqual([id, ...also].toSorted())
    expect(report.failures.find((rule) => rule.id === id)?.transcript?.at(-1)).toMatch(/^broken: /)
  })
})

test('words of a message are where the tests change them', () => {
  expect(word(message(5, 1, 2), 12)).toBe(2)
})
