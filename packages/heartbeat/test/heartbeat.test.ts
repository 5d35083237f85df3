import { heartbeat, type HeartbeatGuestOptions, type HeartbeatStatus } from '@vmbus/heartbeat'
import { HEARTBEAT_INSTANCE, HEARTBEAT_INTERFACE, heartbeatMessage } from '@vmbus/heartbeat/protocol'
import { icVersion, type IcVersions } from '@vmbus/ic'
import { rawComponent, requestOf, worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES, rawDriver } from '@vmbus/testbench'
import { describe, expect, it } from 'vitest'

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))

const E_INVALIDARG = 0x80070057
const BEAT = 1
const THREE = icVersion(3, 0)

/** Counts, framework 3.0, message 3.0: a guest's answer to the negotiation (wire/06 §2). */
const AGREED = bytesOf(
  '01000000 24000000 00000000 0000 00000000 1000 00000000 00 05 0000 0100 0100 00000000 03000000 03000000',
)
const NEGOTIATION = bytesOf(
  '01000000 24000000 00000000 0000 00000000 1000 00000000 00 03 0000 0100 0100 00000000 03000000 03000000',
)

const bodyOf = (sequence: number, state = 0, length = 40): Uint8Array => {
  const body = new Uint8Array(40)
  body[0] = sequence
  body[8] = state
  return body.subarray(0, length)
}

const statusOf = (answer: Uint8Array | undefined): number =>
  new DataView((answer ?? new Uint8Array(32)).slice().buffer).getUint32(20, true)

describe('the message', () => {
  it('is a number and 32 bytes of nothing: include/linux/hyperv.h, heartbeat_msg_data', () => {
    expect(heartbeatMessage.size).toBe(40)
    expect(heartbeatMessage.offsets).toMatchObject({ seq_num: 0, reserved: 8 })
    expect(hex(heartbeatMessage.toBytes({ seq_num: 0x0102n }))).toBe('0201' + '00'.repeat(38))
  })
})

describe.each(INTERRUPT_MODES)('interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  const pair = (guest: HeartbeatGuestOptions = {}, settings?: IcVersions) => {
    const made = world(heartbeat({}), heartbeat.driver(guest), settings)
    made.run(1)
    return { made, host: () => made.handle.device }
  }

  /** A guest that agrees on 3.0 and answers beat `n` as `answer(n, request)` says. */
  const against = (answer: (beat: number) => readonly Uint8Array[]) => {
    let beats = 0
    const driver = rawDriver(HEARTBEAT_INTERFACE, (request) => (request[12] === 0 ? [AGREED] : answer(++beats)))
    const made = world(heartbeat({}), driver)
    made.run(1)
    return { made, host: () => made.handle.device }
  }
  /** An answer with this number. */
  const answered = (sequence: number, status = 0, length = 40): Uint8Array => {
    const bytes = requestOf(BEAT, THREE, bodyOf(sequence, 0, length))
    new DataView(bytes.buffer).setUint32(20, status, true)
    bytes[25] = 5
    return bytes
  }

  describe('on the wire', () => {
    it('the host counts from 0 every two seconds, and the guest answers with one more', () => {
      const { made } = pair()
      made.run(4)
      const beats = made.messages.filter(({ bytes }) => bytes[12] === BEAT)
      // Pipe type 1 and size 60; framework 3.0, type 1, message 3.0, size 40, status 0, transaction 0, flags.
      const framing = (flags: string) => `01000000 3c000000 03000000 0100 03000000 2800 00000000 00 ${flags} 0000`
      const message = (flags: string, sequence: string) =>
        hex(bytesOf(`${framing(flags)} ${sequence} 00000000000000 ${'00'.repeat(32)} 00000000`))
      expect(beats.slice(0, 4).map(({ to, bytes }) => `${to} ${hex(bytes)}`)).toEqual([
        `guest ${message('03', '00')}`,
        `host ${message('05', '01')}`,
        `guest ${message('03', '01')}`,
        `host ${message('05', '02')}`,
      ])
      expect(beats).toHaveLength(6)
    })

    it('the host offers 1.0 and 3.0 of both, and beats 2 s after each beat', () => {
      const { made, host } = pair()
      // Two versions of each kind, as major and minor; 20 bytes of header and 8 + 4 * 4 of body are the pipe's 44.
      const offered = `01000000 2c000000 00000000 0000 00000000 1800 00000000 00 03 0000
        0200 0200 00000000 01000000 03000000 01000000 03000000 00000000`
      expect(hex(made.messages[0]?.bytes)).toBe(hex(bytesOf(offered.replaceAll('\n', ''))))
      const next: unknown[] = []
      for (let seconds = 0; seconds < 4; seconds += 2) {
        next.push(Reflect.get(Object(host().save()), 'nextAt'))
        made.run(2)
      }
      // Of 100 ns each: the channel opens at 0.
      expect(next).toEqual([20_000_000, 40_000_000])
    })

    it.each([
      ['a beat', bodyOf(0xff), 0, '0001'],
      ['a beat in the short form of 16 bytes', bodyOf(7, 0, 16), 0, '0800'],
      ['a beat that is its number alone', bodyOf(7, 0, 8), 0, '0800'],
      ['a beat without all of its number', bodyOf(7, 0, 7), E_INVALIDARG, '0700'],
    ])('the guest answers %s', (_, body, status, sequence) => {
      const answers: Uint8Array[] = []
      const device = rawComponent(
        HEARTBEAT_INTERFACE,
        HEARTBEAT_INSTANCE,
        [NEGOTIATION, requestOf(BEAT, THREE, body)],
        answers,
      )
      world(device, heartbeat.driver({})).run(1)
      expect([statusOf(answers[1]), hex(answers[1]?.subarray(28, 30))]).toEqual([status, sequence])
    })

    it.each([
      ['all of it', 12, '02000000'],
      ['a byte less', 11, '00000000'],
    ])('the guest reports its applications in a beat that has room for %s', (_, length, state) => {
      const answers: Uint8Array[] = []
      const messages = [NEGOTIATION, requestOf(BEAT, THREE, bodyOf(7, 0, length))]
      const device = rawComponent(HEARTBEAT_INTERFACE, HEARTBEAT_INSTANCE, messages, answers)
      world(device, heartbeat.driver({ applicationState: 'critical' })).run(1)
      expect([statusOf(answers[1]), hex(answers[1]?.subarray(28, 29))]).toEqual([0, '08'])
      expect(hex(answers[1]?.subarray(36, 40))).toBe(state)
    })

    it('a guest that ignores what is malformed leaves a short beat without an answer: FreeBSD vmbus_heartbeat.c', () => {
      const answers: Uint8Array[] = []
      const messages = [NEGOTIATION, requestOf(BEAT, THREE, bodyOf(7, 0, 7))]
      const device = rawComponent(HEARTBEAT_INTERFACE, HEARTBEAT_INSTANCE, messages, answers)
      world(device, heartbeat.driver({ malformed: 'ignore' })).run(1)
      expect(answers).toHaveLength(1)
    })

    it('the largest number is followed by 0', () => {
      const answers: Uint8Array[] = []
      const body = new Uint8Array(40).fill(0xff, 0, 8)
      const messages = [NEGOTIATION, requestOf(BEAT, THREE, body)]
      world(rawComponent(HEARTBEAT_INTERFACE, HEARTBEAT_INSTANCE, messages, answers), heartbeat.driver({})).run(1)
      expect(hex(answers[1]?.subarray(28, 36))).toBe('00'.repeat(8))
    })
  })

  describe('every version set with every other', () => {
    const SETS: Readonly<Record<string, readonly number[]>> = { '1.0': [icVersion(1, 0)], '3.0': [THREE] }
    const both = [icVersion(1, 0), THREE]
    it.each([
      ['1.0', '1.0', 0x1_0000],
      ['1.0', '3.0', undefined],
      ['1.0', 'both', 0x1_0000],
      ['3.0', '1.0', undefined],
      ['3.0', '3.0', 0x3_0000],
      ['3.0', 'both', 0x3_0000],
      ['both', '1.0', 0x1_0000],
      ['both', '3.0', 0x3_0000],
      ['both', 'both', 0x3_0000],
    ])('a host of %s and a guest of %s', (ofHost, ofGuest, agreed) => {
      const set = (name: string) => ({ framework: SETS[name] ?? both, message: SETS[name] ?? both })
      const { made, host } = pair({ versions: set(ofGuest) }, set(ofHost))
      const versions = agreed === undefined ? [] : [{ framework: agreed, message: agreed }]
      expect(made.heard('negotiated')).toEqual(versions)
      expect(host().status).toBe(agreed === undefined ? 'no-contact' : 'ok-applications-unknown')
    })
  })

  describe('the status', () => {
    it.each<[HeartbeatGuestOptions['applicationState'], HeartbeatStatus]>([
      [undefined, 'ok-applications-unknown'],
      ['unknown', 'ok-applications-unknown'],
      ['healthy', 'ok'],
      ['critical', 'ok-applications-critical'],
      ['stopped', 'ok-applications-stopped'],
    ])('of a guest that reports %s is %s', (applicationState, status) => {
      const { host } = pair(applicationState === undefined ? {} : { applicationState })
      expect(host().status).toBe(status)
    })

    it('is no contact while nothing was answered, lost after two seconds, and well with the next answer', () => {
      let late: Uint8Array[] = []
      const { made, host } = against((beat) => {
        if (beat > 1) return [answered(beat)]
        late = [answered(1)]
        return []
      })
      expect([host().status, host().counts]).toEqual(['no-contact', { answered: 0, lost: 0, applicationState: 0 }])
      made.run(4)
      expect([host().status, host().counts.lost, made.heard('lost')]).toEqual([
        'lost-communication',
        2,
        [{ lost: 1 }, { lost: 2 }],
      ])
      for (const bytes of late) made.guestBus.devices[0]?.channels[0]?.channel?.sendInBand(bytes, 0, 0, false)
      made.run(2)
      expect(host().status).toBe('ok-applications-unknown')
      expect(host().counts).toEqual({ answered: 2, lost: 2, applicationState: 0 })
    })

    it('of a channel that was opened again begins anew', () => {
      const { made, host } = pair({ applicationState: 'healthy' })
      made.guestBus.devices[0]?.channels[0]?.close()
      made.run(10)
      expect([host().status, made.timers.filter((name) => name.startsWith('host/'))]).toEqual(['ok', []])
      made.guestBus.devices[0]?.channels[0]?.open({ outPages: 4, inPages: 4 })
      made.run(1)
      expect(host().counts).toEqual({ answered: 1, lost: 0, applicationState: 1 })
    })
  })

  it.each([
    ['and not where its length ends before', 8, 0],
    ['and not where its length ends within', 11, 0],
    ['where it is whole', 12, 2],
  ])('the host reads an application state %s', (_, length, applicationState) => {
    const { host } = against((beat) => {
      const bytes = requestOf(BEAT, THREE, bodyOf(beat, 2))
      bytes[18] = length
      bytes[25] = 5
      return [bytes]
    })
    expect(host().counts).toEqual({ answered: 1, lost: 0, applicationState })
  })

  it('of a channel that was closed no beat is due, in a saved state neither', () => {
    const { made, host } = pair()
    made.guestBus.devices[0]?.channels[0]?.close()
    made.run(1)
    expect(host().save()).toMatchObject({ nextAt: Infinity })
  })

  it.each<[string, Uint8Array]>([
    ['the number of the beat', answered(0)],
    ['the number after the next', answered(2)],
    ['a failure', answered(1, 0x80004005)],
    ['less than a number', answered(1, 0, 7)],
  ])('an answer with %s is a lost beat', (_, answer) => {
    const { made, host } = against(() => [answer])
    expect(host().counts).toEqual({ answered: 0, lost: 1, applicationState: 0 })
    expect(host().status).toBe('lost-communication')
    expect(made.diagnostics.map(({ code }) => code)).toEqual(['VMBUS_HEARTBEAT_ANSWER'])
  })

  it('of a device that was withdrawn nothing is left', () => {
    const { made } = pair()
    made.handle.rescind()
    made.run(10)
    expect(made.timers.filter((name) => !name.startsWith('partition/'))).toEqual([])
    expect(made.guestBus.devices).toEqual([])
  })

  it('saved at each step it says and counts the same', () => {
    const runs = (['never', 'each step'] as const).map((save) => {
      const made = worlds(interrupts, save)(heartbeat({}), heartbeat.driver({ applicationState: 'healthy' }))
      made.run(9)
      return { messages: made.messages, counts: made.handle.device.counts, inspected: made.guestBus.inspect() }
    })
    // The first beat at once, then one every two seconds.
    expect(runs[0]?.counts).toEqual({ answered: 5, lost: 0, applicationState: 1 })
    expect(runs[1]).toEqual(runs[0])
  })
})

describe('a saved state', () => {
  const made = worlds('deferred')(heartbeat({}), heartbeat.driver({}))
  made.run(3)
  const ends = [
    ['of the host', () => made.handle.device, 'heartbeat'],
    ['of the guest', () => made.guestBus.devices[0]?.driver, 'heartbeat-driver'],
  ] as const

  it.each(ends)('%s is of its kind and version', (_, end, kind) => {
    expect(end()?.save()).toMatchObject({ kind, v: 1 })
    expect(() => end()?.checkState?.(end()?.save())).not.toThrow()
  })

  const bad: readonly (readonly [string, (saved: object) => unknown])[] = [
    ['another kind', (saved) => ({ ...saved, kind: 'shutdown' })],
    ['another version', (saved) => ({ ...saved, v: 99 })],
    ['a field more', (saved) => ({ ...saved, more: 1 })],
    ['no framing', (saved) => ({ ...saved, ic: undefined })],
    ['another framing', (saved) => ({ ...saved, ic: { phase: 'ready' } })],
    ['nothing', () => undefined],
  ]
  it.each(ends.flatMap(([name, end]) => bad.map(([what, change]) => [name, what, end, change] as const)))(
    '%s with %s is refused, and nothing is touched',
    (_, __, end, change) => {
      const before = JSON.stringify(end()?.inspect())
      const wrong = change({ ...(end()?.save() as object) })
      const refusal = expect.objectContaining({ code: 'VMBUS_STATE_INVALID' }) as Error
      expect(() => end()?.checkState?.(wrong)).toThrow(refusal)
      expect(() => end()?.restore(wrong, [])).toThrow(refusal)
      expect(JSON.stringify(end()?.inspect())).toBe(before)
    },
  )

  it.each([
    ['a negative count', { answered: -1 }],
    ['no time', { nextAt: Number.NaN }],
    ['a count that is none', { lost: 0.5 }],
    ['an application state beyond 32 bits', { applicationState: 2 ** 32 }],
    [
      'a version that this host does not speak',
      { ic: { phase: 'ready', framework: 0x30000, message: 0x50000, asked: null, deadline: Infinity } },
    ],
  ])('of the host with %s is refused', (_, change) => {
    const { device } = made.handle
    const refusal = expect.objectContaining({ code: 'VMBUS_STATE_INVALID' }) as Error
    expect(() => device.checkState?.({ ...(device.save() as object), ...change })).toThrow(refusal)
  })
})

describe('an option', () => {
  const refusal = (field: string) => expect.objectContaining({ code: 'VMBUS_OPTIONS_INVALID', field }) as Error

  it.each([
    ['heartbeat.interval', { interval: 5 }],
    ['heartbeat.intervalMs', { intervalMs: Number.NaN }],
    ['heartbeat.intervalMs', { intervalMs: 0 }],
    ['heartbeat.instanceId', { instanceId: 5 }],
  ])('of the host that cannot be, %s, is refused', (field, options) => {
    expect(() => heartbeat(options as object)).toThrow(refusal(field))
  })

  it.each([
    ['heartbeat.driver.state', { state: 'healthy' }],
    ['heartbeat.driver.applicationState', { applicationState: 'fine' }],
    ['heartbeat.driver.ringPages', { ringPages: 1 }],
    ['heartbeat.driver.match', { match: 'best' }],
    ['heartbeat.driver.versions.message', { versions: { framework: [1], message: [] } }],
  ])('of the driver that cannot be, %s, is refused', (field, options) => {
    expect(() => heartbeat.driver(options as object)).toThrow(refusal(field))
  })
})
