import { icHost, icHostState, icVersion } from '@vmbus/ic'
import { requestOf, worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES, rawDriver } from '@vmbus/testbench'
import { ShapeMismatch } from '@vmbus/world'
import { describe, expect, it } from 'vitest'
import {
  FRAMEWORK_3,
  INTERFACE,
  TYPE,
  VERSIONS,
  agreement,
  component,
  hex,
  isNegotiation,
  responseTo,
} from './component.ts'

describe.each(INTERRUPT_MODES)('a host of a component, interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  /** A guest that agrees with `answer` and answers each request with itself. */
  function agreed(answer: Uint8Array | undefined, answersRequests = true) {
    const said: string[] = []
    const { spec, ic } = component(said)
    const driver = rawDriver(INTERFACE, (message) => {
      if (isNegotiation(message)) return answer === undefined ? [] : [answer]
      return answersRequests ? [responseTo(message)] : []
    })
    const made = world(spec, driver)
    made.run(1)
    return { said, ic, made }
  }

  it('knows the request whose answer comes before its signal returns', () => {
    const { said, ic, made } = agreed(agreement(FRAMEWORK_3, '05000000'))
    expect(ic().request(Uint8Array.of(9, 0, 0, 0))).toBe(true)
    made.run(1)
    expect(ic().request(Uint8Array.of(8, 0, 0, 0))).toBe(true)
    made.run(1)
    expect(said).toEqual(['ready', 'reply 0 4 9', 'reply 0 4 8'])
    expect(made.diagnostics).toEqual([])
  })

  it('has one request with the guest, and knows when it is given up', () => {
    const { said, ic, made } = agreed(agreement(FRAMEWORK_3, '05000000'), false)
    expect([ic().outstanding, ic().request(new Uint8Array(4)), ic().outstanding]).toEqual([false, true, true])
    made.run(1)
    expect(ic().request(new Uint8Array(4))).toBe(false)
    made.handle.rescind()
    made.run(1)
    expect(said).toEqual(['ready', 'abandoned'])
    expect([ic().phase, ic().outstanding, ic().request(new Uint8Array(4))]).toEqual(['closed', false, false])
  })

  it('gives up after 60 s on a guest that never answers, and says so once', () => {
    const { said, ic, made } = agreed(undefined)
    expect(made.timers).toContain('host/device/1/negotiation')
    made.run(58)
    expect([ic().phase, made.heard('unanswered')]).toEqual(['negotiating', []])
    made.run(2)
    expect([ic().phase, made.heard('unanswered')]).toEqual(['unanswered', [undefined]])
    expect(ic().request(new Uint8Array(4))).toBe(false)
    made.run(600)
    expect(made.heard('unanswered')).toHaveLength(1)
    expect(made.messages.filter(({ to }) => to === 'guest')).toHaveLength(1)
    expect([said, made.timers.filter((name) => name.startsWith('host/'))]).toEqual([[], []])
  })

  it('takes an answer that comes after all, as of a guest whose daemon starts late', () => {
    const { said, ic, made } = agreed(undefined)
    made.run(100)
    const open = made.guestBus.devices[0]?.channels[0]?.channel
    open?.sendInBand(agreement(FRAMEWORK_3, '05000000'), 0, 0, false)
    made.run(1)
    expect([ic().phase, said]).toEqual(['ready', ['ready']])
  })

  it('forgets the time when the channel closes', () => {
    const { ic, made } = agreed(undefined)
    made.guestBus.devices[0]?.channels[0]?.close()
    made.run(100)
    expect([ic().phase, made.heard('unanswered'), made.timers.filter((name) => name.startsWith('host/'))]).toEqual([
      'closed',
      [],
      [],
    ])
  })

  it.each([
    ['a message version', '03000000', '04000000', 'expected 3.0 5.0'],
    ['a framework', '01000000', '05000000', 'expected 3.0 5.0'],
  ])('says that %s below its newest was agreed on', (_, framework, message) => {
    const { ic, made } = agreed(agreement(framework, message))
    const versions = { framework: hex(framework)[0]! << 16, message: hex(message)[0]! << 16 }
    expect(made.heard('negotiated')).toEqual([versions])
    expect(made.heard('older-version')).toEqual([{ ...versions, expected: { framework: 0x3_0000, message: 0x5_0000 } }])
    expect([ic().phase, ic().isOlder]).toEqual(['ready', true])
    expect(ic().inspect()).toMatchObject({ expected: { framework: '3.0', message: '5.0' } })
  })

  it('says nothing of the kind of its newest', () => {
    const { ic, made } = agreed(agreement(FRAMEWORK_3, '05000000'))
    expect([made.heard('older-version'), ic().isOlder]).toEqual([[], false])
    expect(ic().inspect()).toEqual({ phase: 'ready', framework: '3.0', message: '5.0', outstanding: false })
  })

  it.each([
    ['a message version between two that were offered', '03000000', '02000000', '0100 0100'],
    ['a message version above all', '03000000', '06000000', '0100 0100'],
    ['a minor that was not offered', '03000000', '05000100', '0100 0100'],
    ['a framework that was not offered', '02000000', '05000000', '0100 0100'],
    ['a framework in place of a message version', '03000000', '03000000', '0100 0100'],
    ['no version', '03000000', '05000000', '0000 0000'],
    ['two frameworks', '03000000', '05000000', '0200 0100'],
    ['two message versions', '03000000', '05000000', '0100 0200'],
  ])('refuses a guest that agrees on %s', (_, framework, message, counts) => {
    const { said, ic, made } = agreed(agreement(framework, message, counts))
    expect([said, ic().phase, made.heard('refused')]).toEqual([['refused'], 'refused', [undefined]])
    expect(made.diagnostics).toMatchObject([{ code: 'VMBUS_IC_DROPPED', detail: { branch: 'negotiation-none' } }])
    expect(ic().request(new Uint8Array(4))).toBe(false)
    made.run(100)
    expect(made.heard('unanswered')).toEqual([])
  })

  it('drops what answers nothing', () => {
    const { said, made } = agreed(agreement(FRAMEWORK_3, '05000000'))
    const open = made.guestBus.devices[0]?.channels[0]?.channel
    const send = (bytes: Uint8Array) => open?.sendInBand(bytes, 0, 0, false)
    send(agreement(FRAMEWORK_3, '05000000'))
    send(responseTo(requestOf(TYPE, icVersion(5, 0), new Uint8Array(4))))
    send(requestOf(TYPE, icVersion(5, 0), new Uint8Array(4)))
    send(new Uint8Array(24))
    made.run(1)
    expect(said).toEqual(['ready'])
    expect(made.diagnostics.map(({ detail }) => detail?.['branch'])).toEqual([
      'negotiation-unasked',
      'response-unasked',
      'not-response',
      'message-short',
    ])
  })

  it('is the same after a save at each step', () => {
    const runs = (['never', 'each step'] as const).map((save) => {
      const said: string[] = []
      const { spec, ic } = component(said)
      const answers = [undefined, agreement(FRAMEWORK_3, '04000000')]
      const driver = rawDriver(INTERFACE, (message) =>
        isNegotiation(message) ? [answers.at(-1) ?? message] : [responseTo(message)],
      )
      const made = worlds(interrupts, save)(spec, driver)
      made.run(1)
      ic().request(Uint8Array.of(9, 0, 0, 0))
      made.run(100)
      return { said, messages: made.messages, inspected: ic().inspect() }
    })
    expect(runs[0]?.said).toEqual(['ready', 'reply 0 4 9'])
    expect(runs[1]).toEqual(runs[0])
  })
})

describe('a saved state', () => {
  const READY = { phase: 'ready', framework: 0x3_0000, message: 0x5_0000, asked: 'request', deadline: Infinity }

  it('has the versions that its host speaks', () => {
    expect(icHostState(VERSIONS)(READY, 'ic')).toEqual(READY)
  })

  it.each([
    ['another message version', { message: 0x6_0000 }, 'ic.message'],
    ['another framework', { framework: 0x2_0000 }, 'ic.framework'],
    ['another phase', { phase: 'open' }, 'ic.phase'],
    ['a phase without its versions', { message: 0 }, 'ic.phase'],
    ['versions without their phase', { phase: 'refused' }, 'ic.phase'],
    ['two requests', { asked: 2 }, 'ic.asked'],
    ['no time', { deadline: Number.NaN }, 'ic.deadline'],
    ['more than there is', { v: 1 }, 'ic.v'],
  ])('with %s is refused', (_, change, at) => {
    const parse = () => icHostState(VERSIONS)({ ...READY, ...change }, 'ic')
    expect(parse).toThrow(ShapeMismatch)
    expect(parse).toThrow(expect.objectContaining({ at }))
  })
})

it.each([
  ['no message version', { framework: [icVersion(3, 0)], message: [] }, 'icHost versions.message'],
  ['no framework', { framework: [], message: [icVersion(3, 0)] }, 'icHost versions.framework'],
  ['a version that is none', { framework: [Number.NaN], message: [icVersion(3, 0)] }, 'icHost versions.framework[0]'],
])('a host with %s is refused', (_, versions, field) => {
  const deps = {} as Parameters<typeof icHost>[0]
  const make = () => icHost(deps, versions, { type: TYPE, ready() {}, reply() {} })
  expect(make).toThrow(expect.objectContaining({ code: 'VMBUS_OPTIONS_INVALID', field }))
})
