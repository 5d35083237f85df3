import { icVersion, type IcVersions } from '@vmbus/ic'
import { rawComponent, requestOf, worlds } from '@vmbus/ic/testing'
import { shutdown, type ShutdownAction, type ShutdownGuestOptions, type ShutdownRequest } from '@vmbus/shutdown'
import { SHUTDOWN_INSTANCE, SHUTDOWN_INTERFACE, shutdownMessage } from '@vmbus/shutdown/protocol'
import { INTERRUPT_MODES, rawDriver, type SaveMode } from '@vmbus/testbench'
import { describe, expect, it } from 'vitest'

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))

const E_FAIL = 0x80004005
const TYPE = 3
const THREE = icVersion(3, 0)
const NEGOTIATION = bytesOf(
  '01000000 24000000 00000000 0000 00000000 1000 00000000 00 03 0000 0100 0100 00000000 03000000 03000000',
)
/** Counts, framework 3.0, message 3.2 (wire/06 §2). */
const AGREED = bytesOf(
  '01000000 24000000 00000000 0000 00000000 1000 00000000 00 05 0000 0100 0100 00000000 03000000 03000200',
)

describe('the message', () => {
  it('is reason, time, flags and text: include/linux/hyperv.h, shutdown_msg_data', () => {
    expect(shutdownMessage.size).toBe(2060)
    expect(shutdownMessage.offsets).toEqual({ reason_code: 0, timeout_seconds: 4, flags: 8, display_message: 12 })
  })
})

describe.each(INTERRUPT_MODES)('interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  const pair = (guest: Partial<ShutdownGuestOptions> = {}, settings?: IcVersions) => {
    const acted: string[] = []
    const act = (action: ShutdownAction, forced: boolean) => void acted.push(`${action}${forced ? ' forced' : ''}`)
    const made = world(shutdown({}), shutdown.driver({ act, ...guest }), settings)
    made.run(1)
    return { made, acted, host: () => made.handle.device }
  }

  it.each<[ShutdownRequest, string, string]>([
    // Reason, time, flags, and the text in UTF-16.
    [{}, '00000080 00000000 00000000 00000000', 'power-off'],
    [{ force: true, reason: 0x0102, timeoutSeconds: 9 }, '02010000 09000000 01000000 00000000', 'power-off forced'],
    [{ action: 'restart', message: 'Zü' }, '00000080 00000000 02000000 5a00fc00', 'restart'],
    [{ action: 'restart', force: true }, '00000080 00000000 03000000 00000000', 'restart forced'],
    [{ action: 'hibernate' }, '00000080 00000000 04000000 00000000', 'hibernate'],
  ])('%j is sent as typed, answered, and then done', (request, body, done) => {
    const { made, acted, host } = pair({ supports: ['power-off', 'restart', 'hibernate'] })
    expect(host().request(request)).toBe('sent')
    made.run(1)
    expect([made.heard('answered'), acted]).toEqual([[{ status: 0 }], [done]])
    const [asked, answer] = made.messages.filter(({ bytes }) => bytes[12] === TYPE)
    // Pipe size 2080, framework 3.0, type 3, message 3.2, size 2060, transaction request.
    expect(hex(asked?.bytes.subarray(0, 44))).toBe(
      hex(bytesOf(`01000000 20080000 03000000 0300 03000200 0c08 00000000 00 03 0000 ${body}`)),
    )
    expect([answer?.to, answer?.bytes[25]]).toEqual(['host', 5])
    expect(made.timers.filter((name) => name.startsWith('host/'))).toEqual([])
  })

  it('the host offers the versions of its default, and says what it has heard', () => {
    const { made, host } = pair()
    // Framework 1.0 and 3.0, message 1.0, 3.0, 3.1 and 3.2; 20 bytes of header and 8 + 6 * 4 of body are the pipe's 52.
    const versions = '01000000 03000000 01000000 03000000 03000100 03000200'
    expect(hex(made.messages[0]?.bytes)).toBe(
      hex(
        bytesOf(
          `01000000 34000000 00000000 0000 00000000 2000 00000000 00 03 0000 0200 0400 00000000 ${versions} 00000000`,
        ),
      ),
    )
    const ready = { phase: 'ready', framework: '3.0', message: '3.2', outstanding: false }
    expect(host().inspect()).toEqual(ready)
    host().request()
    made.run(1)
    expect(host().inspect()).toEqual({ ...ready, answer: 0 })
  })

  it('a text of more than 1023 units is cut: the last unit of its 1024 is 0', () => {
    const { made, host } = pair()
    host().request({ message: 'x'.repeat(1024) })
    made.run(1)
    const asked = made.messages.find(({ to, bytes }) => to === 'guest' && bytes[12] === TYPE)?.bytes
    // The text begins at body byte 12, so its units 1022 and 1023 at packet bytes 28 + 12 + 2044.
    expect(hex(asked?.subarray(2084, 2088))).toBe('78000000')
  })

  it('a guest that ignores what is malformed leaves a short message without an answer: FreeBSD vmbus_shutdown.c', () => {
    const answers: Uint8Array[] = []
    const messages = [NEGOTIATION, requestOf(TYPE, THREE, new Uint8Array(2059))]
    const device = rawComponent(SHUTDOWN_INTERFACE, SHUTDOWN_INSTANCE, messages, answers)
    world(device, shutdown.driver({ act() {}, malformed: 'ignore' })).run(1)
    expect(answers).toHaveLength(1)
  })

  it('a guest whose device is withdrawn forgets the versions', () => {
    const { made } = pair()
    const driver = made.guestBus.devices[0]?.driver
    expect(driver?.inspect()).toEqual({ framework: 0x3_0000, message: 0x3_0002 })
    made.handle.rescind()
    made.run(1)
    expect(driver?.inspect()).toEqual({ framework: 0, message: 0 })
  })

  it('a guest that acts at once by leaving has answered, and leaves no timer', () => {
    const made = world(shutdown({}), shutdown.driver({ act: () => made.guestBus.unload() }))
    made.run(1)
    expect(made.handle.device.request()).toBe('sent')
    made.run(100)
    expect([made.heard('answered'), made.heard('abandoned')]).toEqual([[{ status: 0 }], []])
    expect(made.timers).toEqual([])
  })

  it.each<[string, ShutdownAction, readonly number[], string]>([
    ['restart', 'restart', [icVersion(1, 0), THREE], 'not-supported'],
    ['hibernation', 'hibernate', [THREE, icVersion(3, 1)], 'not-supported'],
    ['restart', 'restart', [THREE, icVersion(3, 1)], 'sent'],
    ['power-off', 'power-off', [icVersion(1, 0)], 'sent'],
  ])('%s needs its version: %s of %j is %s', (_, action, message, answer) => {
    const { host } = pair({}, { framework: [icVersion(1, 0), THREE], message })
    expect(host().request({ action })).toBe(answer)
  })

  it('an action that the guest has not is answered with a failure', () => {
    const { made, acted, host } = pair({ supports: ['power-off'] })
    host().request({ action: 'restart' })
    made.run(1)
    expect([made.heard('answered'), acted]).toEqual([[{ status: E_FAIL }], []])
  })

  it.each([
    ['both restart and hibernate', '00000000 00000000 06000000', 2060],
    ['an unknown flag', '00000000 00000000 08000000', 2060],
    ['a message that is short', '00000000 00000000 00000000', 2059],
  ])('the guest fails %s', (_, begin, length) => {
    const acted: string[] = []
    const answers: Uint8Array[] = []
    const body = new Uint8Array(length)
    body.set(bytesOf(begin))
    const device = rawComponent(
      SHUTDOWN_INTERFACE,
      SHUTDOWN_INSTANCE,
      [NEGOTIATION, requestOf(TYPE, THREE, body)],
      answers,
    )
    world(device, shutdown.driver({ act: (action) => acted.push(action) })).run(1)
    expect([hex(answers[1]?.subarray(20, 24)), acted]).toEqual(['05400080', []])
  })

  describe('a request', () => {
    const silent = (options: { answerSeconds?: number } = { answerSeconds: 10 }, save: SaveMode = 'never') => {
      const late: (() => void)[] = []
      const driver = rawDriver(SHUTDOWN_INTERFACE, (message) => {
        if (message[12] === 0) return [AGREED]
        const answer = message.slice()
        answer[25] = 5
        late.push(() => made.guestBus.devices[0]?.channels[0]?.channel?.sendInBand(answer, 0, 0, false))
        return []
      })
      const made = worlds(interrupts, save)(shutdown(options), driver)
      made.run(1)
      return { made, late, host: () => made.handle.device }
    }

    it('that nobody answers is abandoned once, and the component is busy until the late answer', () => {
      const { made, late, host } = silent()
      expect([host().request(), host().request()]).toEqual(['sent', 'busy'])
      made.run(9)
      expect(made.heard('abandoned')).toEqual([])
      made.run(2)
      expect([made.heard('abandoned'), host().request()]).toEqual([[undefined], 'busy'])
      late[0]?.()
      made.run(1)
      expect([made.heard('answered'), host().request()]).toEqual([[], 'sent'])
    })

    it.each<[string, { answerSeconds?: number }, SaveMode, number]>([
      ['60 s, its default', {}, 'never', 60],
      ['as long as its option says', { answerSeconds: 10 }, 'never', 10],
      ['as long when saved at each step', { answerSeconds: 10 }, 'each step', 10],
    ])('waits %s', (_, options, save, seconds) => {
      const { made, host } = silent(options, save)
      host().request()
      made.run(seconds - 0.1)
      expect(made.heard('abandoned')).toEqual([])
      made.run(0.1)
      expect(made.heard('abandoned')).toEqual([undefined])
    })

    it('ends with the channel, once', () => {
      const { made, host } = silent()
      host().request()
      made.handle.rescind()
      made.run(100)
      expect([made.heard('abandoned'), made.heard('answered')]).toEqual([[undefined], []])
      expect(host().ready).toBe(false)
    })

    it('before the versions are agreed on is not sent', () => {
      const made = world(
        shutdown({}),
        rawDriver(SHUTDOWN_INTERFACE, () => []),
      )
      made.run(1)
      expect([made.handle.device.ready, made.handle.device.request()]).toEqual([false, 'not-connected'])
    })
  })

  it('saved at each step it says and does the same', () => {
    const runs = (['never', 'each step'] as const).map((save) => {
      const acted: string[] = []
      const driver = shutdown.driver({ act: (action) => acted.push(action) })
      const made = worlds(interrupts, save)(shutdown({}), driver)
      made.run(1)
      made.handle.device.request({ action: 'restart' })
      made.run(1)
      const inspected = made.handle.device.inspect()
      return { acted, inspected, messages: made.messages, heard: made.heard('answered') }
    })
    expect(runs[0]).toMatchObject({ acted: ['restart'], heard: [{ status: 0 }], inspected: { answer: 0 } })
    expect(runs[1]).toEqual(runs[0])
  })
})

describe('a saved state', () => {
  const made = worlds('deferred')(shutdown({}), shutdown.driver({ act() {} }))
  made.run(1)
  const ends = [
    ['of the host', () => made.handle.device, 'shutdown'],
    ['of the guest', () => made.guestBus.devices[0]?.driver, 'shutdown-driver'],
  ] as const
  const refusal = expect.objectContaining({ code: 'VMBUS_STATE_INVALID' }) as Error

  it.each(ends)('%s is of its kind and version, and no other is taken', (_, end, kind) => {
    const saved = end()?.save() as object
    expect(saved).toMatchObject({ kind, v: 1 })
    expect(() => end()?.checkState?.(saved)).not.toThrow()
    for (const wrong of [
      { ...saved, kind: 'heartbeat' },
      { ...saved, v: 2 },
      { ...saved, ic: null },
      { ...saved, x: 0 },
    ]) {
      expect(() => end()?.checkState?.(wrong)).toThrow(refusal)
      expect(() => end()?.restore(wrong, [])).toThrow(refusal)
    }
  })

  it.each([{ answer: -1 }, { answer: 0 }, { answer: 2 ** 32 - 1 }, { deadline: 0 }, { deadline: Infinity }])(
    'of the host with %j is taken',
    (change) => {
      const { device } = made.handle
      expect(() => device.checkState?.({ ...(device.save() as object), ...change })).not.toThrow()
    },
  )

  it.each([{ answer: -2 }, { answer: 2 ** 32 }, { deadline: Number.NaN }, { deadline: '60' }])(
    'of the host with %j is refused',
    (change) => {
      const { device } = made.handle
      expect(() => device.checkState?.({ ...(device.save() as object), ...change })).toThrow(refusal)
      expect(device.ready).toBe(true)
    },
  )
})

describe('an option', () => {
  const refusal = (field: string) => expect.objectContaining({ code: 'VMBUS_OPTIONS_INVALID', field }) as Error

  it.each([
    ['shutdown.answerSecond', { answerSecond: 5 }],
    ['shutdown.answerSeconds', { answerSeconds: Number.NaN }],
    ['shutdown.answerSeconds', { answerSeconds: -1 }],
  ])('of the host that cannot be, %s, is refused', (field, options) => {
    expect(() => shutdown(options as object)).toThrow(refusal(field))
  })

  it.each([
    ['shutdown.driver.act', {}],
    ['shutdown.driver.supports[0]', { act() {}, supports: ['reboot'] }],
    ['shutdown.driver.perSignal', { act() {}, perSignal: 'some' }],
  ])('of the driver that cannot be, %s, is refused', (field, options) => {
    expect(() => shutdown.driver(options as ShutdownGuestOptions)).toThrow(refusal(field))
  })

  it.each([{ reason: -(2 ** 31) }, { reason: 2 ** 32 - 1 }, { timeoutSeconds: 2 ** 32 - 1 }])(
    'of a request may be %j',
    (request) => {
      const made = worlds('deferred')(shutdown({}), shutdown.driver({ act() {} }))
      made.run(1)
      expect(made.handle.device.request(request)).toBe('sent')
    },
  )

  it.each([
    ['shutdown.request.reason', { reason: -(2 ** 31) - 1 }],
    ['shutdown.request.reason', { reason: 2 ** 32 }],
    ['shutdown.request.action', { action: 'reboot' }],
    ['shutdown.request.timeoutSeconds', { timeoutSeconds: Number.NaN }],
    ['shutdown.request.forced', { forced: true }],
  ])('of a request that cannot be, %s, is refused', (field, request) => {
    const made = worlds('deferred')(shutdown({}), shutdown.driver({ act() {} }))
    made.run(1)
    expect(() => made.handle.device.request(request as ShutdownRequest)).toThrow(refusal(field))
    expect(made.handle.device.request()).toBe('sent')
  })
})
