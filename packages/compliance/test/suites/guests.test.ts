import type { Channel } from '@vmbus/core'
import { heartbeat } from '@vmbus/heartbeat'
import { At, IcFlags } from '@vmbus/ic'
import { describe, expect, test } from 'vitest'
import { PROTOCOL_RULES, compliance, guestWith, type GuestUnderTest } from '../../src/index.ts'
import {
  DRIVERS,
  MessageId,
  edited,
  ownFailures,
  message,
  once,
  realHost,
  interposing,
  word,
  ws2012r2,
  ws2022,
  type Interposer,
} from './hosts.ts'

describe.each([ws2012r2, ws2022])('a correct guest on $id', (profile) => {
  test('keeps every rule', async () => {
    const report = await compliance(realHost(profile), { memoryMB: 4 }).run(DRIVERS)
    expect(report.failures.map(({ id, transcript }) => [id, transcript?.at(-1)])).toEqual([])
    expect(report.rules.filter(({ outcome }) => outcome !== 'works').map(({ id }) => id)).toEqual([
      'guest-close-open',
      'guest-gpadl-teardown',
      'guest-completion-once',
      // It is offered, and nobody drives it.
      ...(PROTOCOL_RULES['balloon']?.guest ?? []).map(({ id }) => id),
    ])
  })
})

/** Sends a message a second time, at its end. */
const twice = (id: number): Interposer => once(id, (bytes) => [bytes, bytes])
const never = (id: number): Interposer => once(id, () => [])

const throws: GuestUnderTest = {
  name: 'throwing guest',
  boot(machine) {
    const guest = guestWith(DRIVERS).boot(machine)
    return {
      ...guest,
      interrupt(vp, vector) {
        guest.interrupt(vp, vector)
        if (machine.clock.now() > 5e7) throw new Error('not expected')
      },
    }
  },
}

/** A heartbeat driver that answers, and then does one thing more. */
const heartbeatAnd = (more: (channel: Channel) => void): GuestUnderTest => {
  const spec = heartbeat.driver({})
  return guestWith([
    {
      ...spec,
      create(deps) {
        const driver = spec.create(deps)
        return {
          ...driver,
          readable(handle) {
            driver.readable(handle)
            if (handle.channel !== undefined) more(handle.channel)
          },
        }
      },
    },
  ])
}

/** Answers every negotiation with framework 9.9 and message 9.9. */
const wrongVersions: GuestUnderTest = guestWith([
  {
    kind: 'heartbeat',
    interfaceIds: heartbeat.interfaceIds,
    create: () => ({
      offered: (handle) => handle.open({ outPages: 4, inPages: 4 }),
      opened() {},
      readable({ channel }) {
        for (let packet = channel?.receive(); packet !== undefined; packet = channel?.receive()) {
          const answer = packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength)
          const isNegotiation = answer[At.type] === 0
          answer[At.flags] = IcFlags.transaction | IcFlags.response
          if (isNegotiation) answer.set([1, 0, 1, 0, 0, 0, 0, 0, 9, 0, 9, 0, 9, 0, 9, 0], At.body)
          channel?.sendInBand(answer, packet.transactionLow, packet.transactionHigh, false)
        }
      },
      rescinded() {},
      save: () => null,
      restore() {},
      inspect: () => ({}),
    }),
  },
])

/** An answer to a request that nobody made: pipe data, transaction 200. */
function unasked(): Uint8Array {
  const bytes = new Uint8Array(64)
  bytes[At.pipeType] = 1
  bytes[At.pipeSize] = 56
  bytes[At.type] = 1
  bytes[At.transaction] = 200
  bytes[At.flags] = IcFlags.transaction | IcFlags.response
  return bytes
}

/** For each rule a guest that breaks it. `also` are rules that no guest can break this one without breaking. */
const broken: Readonly<Record<string, { guest: GuestUnderTest; also?: readonly string[] }>> = {
  'guest-no-throw': { guest: throws },
  'guest-contact-first': {
    guest: interposing(once(MessageId.initiateContact, (bytes) => [message(MessageId.relidReleased, 1), bytes])),
    also: ['guest-known-message'],
  },
  'guest-version-once': {
    guest: interposing(
      once(MessageId.initiateContact, (bytes) => (word(bytes, 8) === 0x6_0000 ? [bytes, bytes] : [bytes])),
    ),
  },
  'guest-known-message': { guest: interposing(once(MessageId.requestOffers, (bytes) => [bytes, message(29)])) },
  'guest-offers-once': { guest: interposing(twice(MessageId.requestOffers)) },
  'guest-open-offered': { guest: interposing(twice(MessageId.openChannel)) },
  'guest-close-open': {
    guest: interposing(once(MessageId.relidReleased, (bytes) => [message(MessageId.closeChannel, 99), bytes])),
  },
  'guest-gpadl-id': { guest: interposing(once(MessageId.gpadlHeader, (bytes) => [bytes, edited(bytes, 12, 0)])) },
  'guest-gpadl-whole': {
    guest: interposing(once(MessageId.gpadlHeader, (bytes) => [bytes, message(MessageId.gpadlBody, 0, 0x9999, 1, 0)])),
  },
  'guest-gpadl-teardown': {
    guest: interposing(once(MessageId.requestOffers, (bytes) => [bytes, message(MessageId.gpadlTeardown, 1, 0x9999)])),
  },
  'guest-release': { guest: interposing(never(MessageId.relidReleased)) },
  'guest-ic-answer': { guest: heartbeatAnd((channel) => void channel.sendInBand(unasked(), 1, 0, false)) },
  'guest-ic-versions': { guest: wrongVersions },
  'guest-completion-once': {
    guest: heartbeatAnd((channel) => void channel.sendCompletion(new Uint8Array(8), 0x77, 0)),
  },
  'guest-unload': { guest: interposing(never(MessageId.unload)) },
}

/** Enough for every fault here. */
const MOMENTS = [13]

describe('a guest that breaks a rule', () => {
  test.each(Object.entries(broken))('%s', async (id, { guest, also = [] }) => {
    const report = await compliance(realHost(), { memoryMB: 4, moments: MOMENTS }).run(guest)
    expect(ownFailures(report, id)).toEqual([id, ...also].toSorted())
    const rule = report.failures.find((each) => each.id === id)
    expect(rule?.transcript?.at(-1)).toMatch(/^broken: /)
    expect(rule?.transcript?.length).toBeLessThan(70)
    expect(() => report.assert()).toThrow(id)
  })
})
