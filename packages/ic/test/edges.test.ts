import { At, HResult, IC_RING_PAGES, IcFlags, IcType, PIPE_DATA, answerNegotiation } from '@vmbus/ic'
import { worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES, rawDriver } from '@vmbus/testbench'
import { describe, expect, it } from 'vitest'
import { FRAMEWORK_3, INTERFACE, agreement, component, hex, isNegotiation, responseTo } from './component.ts'

// What is right in the usual run whatever it is: typed by hand from wire/06 §1, §2 and §6.

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')
const packed = (spaced: string): string => spaced.replaceAll(' ', '')

it('the numbers of the protocol are those of every host and guest', () => {
  expect(At).toEqual({
    pipeType: 0,
    pipeSize: 4,
    framework: 8,
    type: 12,
    version: 14,
    size: 18,
    status: 20,
    transaction: 24,
    flags: 25,
    body: 28,
  })
  expect(IcType).toEqual({ negotiate: 0, heartbeat: 1, kvp: 2, shutdown: 3, timesync: 4, vss: 5, rdv: 6, fcopy: 7 })
  expect(IcFlags).toEqual({ transaction: 1, request: 2, response: 4 })
  expect(HResult).toEqual({
    ok: 0,
    fail: 0x80004005,
    invalidArgument: 0x80070057,
    noMoreItems: 0x80070103,
    notSupported: 0x80070032,
    alreadyExists: 0x80070050,
    diskFull: 0x80070070,
    machineLocked: 0x800704f7,
    notConnected: 0x8007048f,
    guidNotFound: 0x80041002,
  })
  // A ring of 16 KiB each way.
  expect([PIPE_DATA, IC_RING_PAGES]).toEqual([1, 4])
})

describe.each(INTERRUPT_MODES)('a host of a component, interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  it('asks in the versions that were agreed on, minors included', () => {
    const { spec, ic } = component([], { framework: [0x1_0000, 0x3_0001], message: [0x1_0000, 0x5_0002] })
    const made = world(
      spec,
      rawDriver(INTERFACE, (message) => (isNegotiation(message) ? [agreement('03000100', '05000200')] : [])),
    )
    made.run(1)
    expect(ic().request(Uint8Array.of(9, 8, 7, 6))).toBe(true)
    expect(text(made.messages.findLast(({ to }) => to === 'guest')?.bytes)).toBe(
      packed('01000000 18000000 03000100 0700 05000200 0400 00000000 00 03 0000 09080706'),
    )
  })

  it.each([
    ['a body as long as its packet', '01000000 18000000', '0400', undefined],
    ['a body beyond its packet', '01000000 18000000', '0500', 'message-length'],
    ['a message beyond its packet', '01000000 19000000', '0400', 'message-length'],
    ['another pipe message', '02000000 18000000', '0400', 'message-type'],
  ])('takes %s only as far as it can be one', (_what, pipe, size, branch) => {
    const said: string[] = []
    const { spec, ic } = component(said)
    const answer = hex(`${pipe} 03000000 0700 05000000 ${size} 00000000 00 05 0000 2a000000`)
    const made = world(
      spec,
      rawDriver(INTERFACE, (message) => [isNegotiation(message) ? agreement(FRAMEWORK_3, '05000000') : answer]),
    )
    made.run(1)
    ic().request(new Uint8Array(4))
    made.run(1)
    expect(made.diagnostics.map(({ detail }) => detail?.['branch'])).toEqual(branch === undefined ? [] : [branch])
    expect(said).toEqual(['ready', ...(branch === undefined ? ['reply 0 4 42'] : [])])
  })

  it.each(['never', 'each step'] as const)('waits 60 s for a negotiation, saved %s', (save) => {
    const { spec, ic } = component([])
    const made = worlds(interrupts, save)(
      spec,
      rawDriver(INTERFACE, () => []),
    )
    made.run(1)
    made.restore(structuredClone(made.save()))
    expect(made.timers).toContain('host/device/1/negotiation')
    made.run(58)
    expect([ic().phase, made.heard('unanswered')]).toEqual(['negotiating', []])
    made.run(2)
    expect([ic().phase, made.heard('unanswered')]).toEqual(['unanswered', [undefined]])
    // A saved device that waits for nothing sets no timer.
    made.restore(structuredClone(made.save()))
    expect(made.timers).not.toContain('host/device/1/negotiation')
  })

  it('answers an answer of no component with nothing', () => {
    const said: string[] = []
    const { spec, ic } = component(said)
    const made = world(
      spec,
      rawDriver(INTERFACE, (message) => {
        if (isNegotiation(message)) return [agreement(FRAMEWORK_3, '05000000')]
        const other = responseTo(message)
        other[12] = 6
        return [other, responseTo(message)]
      }),
    )
    made.run(1)
    ic().request(Uint8Array.of(9, 0, 0, 0))
    made.run(1)
    expect(said).toEqual(['ready', 'reply 0 4 9'])
    expect(made.diagnostics.map(({ detail }) => detail?.['branch'])).toEqual(['response-unasked'])
  })
})

it('a host of a component is free for the next request after one that found no room', () => {
  const { spec, ic } = component([])
  const made = worlds('deferred')(
    spec,
    rawDriver(INTERFACE, (message) => (isNegotiation(message) ? [agreement(FRAMEWORK_3, '05000000')] : [])),
  )
  made.run(1)
  // The ring has 12 KiB for packets, and the guest looks at the first of these only when it is interrupted.
  expect(made.hostChannel?.sendInBand(new Uint8Array(8000).fill(7), 0, 0, false)).toBe(true)
  expect([ic().request(new Uint8Array(8000)), ic().outstanding]).toEqual([false, false])
  expect(made.diagnostics).toMatchObject([{ code: 'VMBUS_IC_DROPPED', message: 'ring full with nothing outstanding' }])
  made.run(1)
  expect([ic().request(new Uint8Array(8000)), ic().outstanding]).toEqual([true, true])
})

describe('a driver with a choice of its own', () => {
  const own = { framework: [0x3_0000], message: [0x5_0000] }
  const asked = (counts: string, versions: number): unknown[] => {
    const bytes = new Uint8Array([
      ...hex(`01000000 00000000 00000000 0000 00000000 0000 00000000 00 03 0000 ${counts} 00000000`),
      ...Array.from({ length: versions }, () => [3, 0, 0, 0]).flat(),
    ])
    const offered: unknown[] = []
    answerNegotiation(new DataView(bytes.buffer), bytes.length, own, (each) => void offered.push(each))
    return offered
  }

  it('is never asked to choose from nothing, or from more than is there', () => {
    expect(asked('0000 0100', 1)).toEqual([])
    expect(asked('0100 0000', 1)).toEqual([])
    expect(asked('0100 0100', 1)).toEqual([])
    expect(asked('0100 0100', 2)).toEqual([{ framework: [0x3_0000], message: [0x3_0000] }])
  })

  it('is asked about at most a hundred versions, as Linux counts them', () => {
    expect(asked('0100 6300', 100)).toHaveLength(1)
    expect(asked('0100 6400', 101)).toEqual([])
  })
})
