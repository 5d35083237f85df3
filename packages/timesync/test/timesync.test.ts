import { icVersion, type IcVersions } from '@vmbus/ic'
import { rawComponent, requestOf, worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES, rawDriver } from '@vmbus/testbench'
import { timesync, type TimesyncGuest, type TimesyncGuestOptions } from '@vmbus/timesync'
import { TIMESYNC_INSTANCE, TIMESYNC_INTERFACE, timesyncData, timesyncRefData } from '@vmbus/timesync/protocol'
import { DEFAULT_EPOCH, TICKS_PER_SECOND } from '@vmbus/world'
import { describe, expect, it } from 'vitest'

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const u64 = (value: bigint): string => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value, true)
  return hex(bytes)
}

const TYPE = 4
const SYNC = '01'
const SAMPLE = '02'
const E_FAIL = '05400080'
const E_INVALIDARG = '57000780'
const S_OK = '00000000'
/** Of framework 3.0 and one message version. */
const negotiation = (message: string, flags: string): Uint8Array =>
  bytesOf(
    `01000000 24000000 00000000 0000 00000000 1000 00000000 00 ${flags} 0000 0100 0100 00000000 03000000 ${message}`,
  )
const only = (...message: number[]): IcVersions => ({ framework: [icVersion(3, 0)], message })

describe('the messages', () => {
  it('have the offsets of include/linux/hyperv.h: ictimesync_data, ictimesync_ref_data', () => {
    expect([timesyncData.size, timesyncRefData.size]).toEqual([25, 22])
    expect(timesyncData.offsets).toMatchObject({ parenttime: 0, childtime: 8, roundtriptime: 16, flags: 24 })
    expect(timesyncRefData.offsets).toMatchObject({ parenttime: 0, vmreferencetime: 8, flags: 16, leapflags: 17 })
  })
})

describe.each(INTERRUPT_MODES)('interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  /** Both ends, and what was done to the guest's clock. */
  const pair = (guest: Partial<TimesyncGuestOptions> = {}, settings?: IcVersions) => {
    const sets: bigint[] = []
    const disciplined: bigint[] = []
    const clock = {
      now: () => 0n,
      set: (fileTime: bigint) => void sets.push(fileTime),
      discipline: (fileTime: bigint) => void disciplined.push(fileTime),
    }
    const spec = timesync.driver({ clock, ...guest })
    const drivers: TimesyncGuest[] = []
    const create: typeof spec.create = (deps) => {
      const driver = spec.create(deps)
      drivers.push(driver)
      return driver
    }
    const made = world(timesync({}), { ...spec, create }, settings)
    made.run(1)
    return { made, sets, disciplined, host: () => made.handle.device, driver: () => drivers.at(-1) as TimesyncGuest }
  }

  it('the host says the time at once to set it, then every five seconds, with the reference time from 4.0', () => {
    const { made, host } = pair()
    made.run(10)
    const said = made.messages.filter(({ to, bytes }) => to === 'guest' && bytes[12] === TYPE).map(({ bytes }) => bytes)
    // Pipe size 44, framework 3.0, type 4, message 4.0, size 24, transaction request; time, reference time, flags.
    const message = (reference: bigint, flags: string): string =>
      hex(
        bytesOf(
          `01000000 2c000000 03000000 0400 04000000 1800 00000000 00 03 0000 ${u64(DEFAULT_EPOCH + reference)} ${u64(reference)} ${flags} 00000000000000 00000000`,
        ),
      )
    const five = BigInt(5 * TICKS_PER_SECOND)
    expect(said.map(hex)).toEqual([message(0n, SYNC), message(five, SAMPLE), message(2n * five, SAMPLE)])
    expect(host().counts).toEqual({ syncs: 1, samples: 2, refused: 0 })
  })

  it('the host offers the versions of its default, and says what it has done', () => {
    const { made, host } = pair()
    // Framework 1.0 and 3.0, message 1.0, 3.0 and 4.0; 20 bytes of header and 8 + 5 * 4 of body are the pipe's 48.
    const versions = '01000000 03000000 01000000 03000000 04000000'
    expect(hex(made.messages[0]?.bytes)).toBe(
      hex(bytesOf(`01000000 30000000 00000000 0000 00000000 1c00 00000000 00 03 0000 0200 0300 00000000 ${versions}`)),
    )
    expect(host().inspect()).toEqual({
      ...{ syncs: 1, samples: 0, refused: 0 },
      ...{ phase: 'ready', framework: '3.0', message: '4.0', outstanding: false },
    })
    expect([made.heard('sync'), made.heard('sample')]).toEqual([[undefined], []])
    expect(host().save()).toMatchObject({ nextAt: 50_000_000, syncDue: false })
    made.run(5)
    expect([made.heard('sync'), made.heard('sample')]).toEqual([[undefined], [undefined]])
    expect(host().save()).toMatchObject({ nextAt: 100_000_000 })
  })

  it('the host says the time alone before 4.0', () => {
    const { made } = pair({}, only(icVersion(1, 0), icVersion(3, 0)))
    const [said] = made.messages.filter(({ to, bytes }) => to === 'guest' && bytes[12] === TYPE)
    // Pipe size 48, message 3.0, size 28; parent, child and round trip time, flags and three bytes of padding.
    const body = `${u64(DEFAULT_EPOCH)} ${'00'.repeat(16)} 01 000000`
    expect(hex(said?.bytes)).toBe(
      hex(bytesOf(`01000000 30000000 03000000 0400 03000000 1c00 00000000 00 03 0000 ${body}`)),
    )
  })

  it.each([
    [only(icVersion(4, 0)), only(icVersion(3, 0)), undefined],
    [only(icVersion(3, 0), icVersion(4, 0)), only(icVersion(3, 0), icVersion(1, 0)), 0x3_0000],
    [only(icVersion(1, 0), icVersion(3, 0), icVersion(4, 0)), only(icVersion(4, 0), icVersion(3, 0)), 0x4_0000],
  ])('a host of %j and a guest of %j', (ofHost, versions, message) => {
    const { made, sets } = pair({ versions }, ofHost)
    expect(made.heard('negotiated')).toEqual(message === undefined ? [] : [{ framework: 0x3_0000, message }])
    expect(sets).toHaveLength(message === undefined ? 0 : 1)
  })

  it('a sync that is asked for goes out at once, once, and is a sample again afterwards', () => {
    const { made, sets, host } = pair()
    host().sync()
    made.run(1)
    expect([host().counts, sets.length]).toEqual([{ syncs: 2, samples: 0, refused: 0 }, 2])
    made.run(5)
    expect([host().counts, sets.length]).toEqual([{ syncs: 2, samples: 1, refused: 0 }, 2])
  })

  it('a sync that is asked for while a message is with the guest follows its answer', () => {
    const answers: (() => void)[] = []
    const driver = rawDriver(TIMESYNC_INTERFACE, (request) => {
      if (request[12] === 0) return [negotiation('04000000', '05')]
      const answer = request.slice()
      answer[25] = 5
      answers.push(() => made.guestBus.devices[0]?.channels[0]?.channel?.sendInBand(answer, 0, 0, false))
      return []
    })
    const made = world(timesync({}), driver)
    made.run(1)
    made.handle.device.sync()
    made.run(1)
    expect(made.handle.device.counts).toEqual({ syncs: 1, samples: 0, refused: 0 })
    answers[0]?.()
    made.run(1)
    expect([made.handle.device.counts, answers.length]).toEqual([{ syncs: 2, samples: 0, refused: 0 }, 2])
  })

  describe('the guest', () => {
    /** What a guest does with a message of this body, 20 s after power-on. */
    const given = (
      body: string | readonly string[],
      message = '04000000',
      guest: Partial<TimesyncGuestOptions> = {},
    ) => {
      const answers: Uint8Array[] = []
      const sets: bigint[] = []
      const disciplined: bigint[] = []
      const clock = {
        now: () => 5_000_000n,
        set: (fileTime: bigint) => void sets.push(fileTime),
        discipline: (fileTime: bigint) => void disciplined.push(fileTime),
      }
      const version = message === '04000000' ? icVersion(4, 0) : icVersion(3, 0)
      const requests = [body].flat().map((text) => requestOf(TYPE, version, bytesOf(text)))
      const messages = [negotiation(message, '03'), ...requests]
      const made = world(
        rawComponent(TIMESYNC_INTERFACE, TIMESYNC_INSTANCE, messages, answers),
        timesync.driver({ clock, ...guest }),
      )
      made.run(1)
      const driver = made.guestBus.devices[0]?.driver as TimesyncGuest
      return {
        driver,
        answers: answers.slice(1).map((answer) => hex(answer.subarray(20, 24))),
        heard: made.heard('clock-set', 'guest'),
        done: { status: hex(answers[1]?.subarray(20, 24)), sets, disciplined },
      }
    }
    /** Time 9,000,000 at reference time 0. */
    const body = (flags: string, reference = 0n) => `${u64(9_000_000n)} ${u64(reference)} ${flags} 00 00 000000 0000`

    it.each<[string, string, string, readonly bigint[], readonly bigint[]]>([
      ['sets its clock on sync', body(SYNC), S_OK, [9_000_000n], []],
      ['disciplines its clock on a sample', body(SAMPLE), S_OK, [], [9_000_000n]],
      ['does nothing on a probe', body('00'), S_OK, [], []],
      ['takes sync for more than sample', body('03'), S_OK, [9_000_000n], []],
      ['refuses what has not happened yet', body(SYNC, 10n ** 10n), E_FAIL, [], []],
      ['refuses a time of 0, which is none', `${u64(0n)} ${u64(0n)} 01 00 00 000000 0000`, E_FAIL, [], []],
      ['takes what has all of its 22 bytes', body(SYNC).replaceAll(' ', '').slice(0, 44), S_OK, [9_000_000n], []],
      ['refuses what is short', body(SYNC).replaceAll(' ', '').slice(0, 42), E_INVALIDARG, [], []],
    ])('%s', (_, message, status, sets, disciplined) => {
      expect(given(message).done).toEqual({ status, sets, disciplined })
    })

    it('tells its owner of the clock that it set', () => {
      expect(given(body(SYNC)).heard).toEqual([{ fileTime: 9_000_000n }])
      expect(given(body(SAMPLE)).heard).toEqual([])
    })

    it('keeps the sample that it has when it refuses one', () => {
      const { answers, driver } = given([body(SYNC), body(SYNC, 10n ** 10n)])
      expect(answers).toEqual([S_OK, E_FAIL])
      // The world has run for a second.
      expect([driver.hostTime(), driver.inspect()]).toEqual([
        19_000_000n,
        { framework: 0x3_0000, message: 0x4_0000, fresh: true },
      ])
    })

    it('leaves what is short without an answer when it ignores what is malformed: FreeBSD vmbus_timesync.c', () => {
      const short = body(SYNC).replaceAll(' ', '').slice(0, 42)
      expect(given(short, '04000000', { malformed: 'ignore' }).answers).toEqual([])
      expect(given('00'.repeat(24), '03000000', { malformed: 'ignore' }).answers).toEqual([])
    })

    it('asks the rule that it was given, with the flags and how far the host is ahead', () => {
      const asked: unknown[] = []
      const steps = (...of: unknown[]) => asked.push(of) > 1
      const { done } = given([body(SYNC), body(SAMPLE)], '04000000', { steps, setBySamples: 9 })
      expect(asked).toEqual([
        [1, 4_000_000n],
        [2, 4_000_000n],
      ])
      expect([done.sets, done.disciplined]).toEqual([[9_000_000n], []])
    })

    it('takes a time alone before 4.0, and refuses a short one', () => {
      const old = `${u64(9_000_000n)} ${'00'.repeat(16)} 01`
      expect(given(old, '03000000').done).toEqual({ status: S_OK, sets: [9_000_000n], disciplined: [] })
      expect(given(old.slice(0, -3), '03000000').done).toEqual({ status: E_INVALIDARG, sets: [], disciplined: [] })
    })

    it('leaves a clock alone that is within the threshold, and samples at a threshold of 0', () => {
      // 4,000,000 off.
      expect(given(body(SAMPLE), '04000000', { sampleThreshold: 4_000_000 }).done.disciplined).toEqual([])
      expect(given(body(SAMPLE), '04000000', { sampleThreshold: 3_999_999 }).done.disciplined).toEqual([9_000_000n])
      expect(given(body(SAMPLE), '04000000', { sampleThreshold: 0 }).done.disciplined).toEqual([])
      // 4,000,000 behind the guest's.
      const behind = `${u64(1_000_000n)} ${u64(0n)} 02 00 00 000000 0000`
      expect(given(behind, '04000000', { sampleThreshold: 4_000_000 }).done.disciplined).toEqual([])
      expect(given(behind, '04000000', { sampleThreshold: 3_999_999 }).done.disciplined).toEqual([1_000_000n])
      // By itself it leaves 100 ms alone, as FreeBSD's hw.hvtimesync.sample_thresh.
      const ahead = (by: bigint) => given(`${u64(5_000_000n + by)} ${u64(0n)} 02 00 00 000000 0000`).done.disciplined
      expect([ahead(1_000_000n), ahead(1_000_001n)]).toEqual([[], [6_000_001n]])
    })

    it('that reports no failure answers what it refuses with success', () => {
      expect(given(body(SYNC, 10n ** 10n), '04000000', { reportsFailure: false }).done).toMatchObject({
        status: S_OK,
        sets: [],
      })
    })

    it('sets its clock by as many samples as it is told, once each', () => {
      const { made, sets } = pair({ setBySamples: 3, sampleThreshold: 0 })
      made.run(60)
      expect(sets).toHaveLength(1 + 3)
      // Each at the host's time of the moment.
      const five = BigInt(5 * TICKS_PER_SECOND)
      expect(sets).toEqual([0n, five, 2n * five, 3n * five].map((at) => DEFAULT_EPOCH + at))
    })

    it('sets its clock by every sample, as Linux 4.9 does', () => {
      const { made, sets } = pair({ setBySamples: Infinity })
      made.run(300)
      expect(sets).toHaveLength(1 + 60)
    })

    it('knows the host’s time while its sample is fresh', () => {
      const { made, driver } = pair()
      expect(driver().hostTime()).toBe(DEFAULT_EPOCH + BigInt(made.now))
      made.hostBus.pause()
      // The sample is of 0, and a second has passed.
      made.run(599)
      expect(driver().hostTime()).toBe(DEFAULT_EPOCH + 6_000_000_000n)
      made.run(0.0000001)
      expect(driver().hostTime()).toBeUndefined()
    })
  })

  it('a message that the guest answers with a failure is counted', () => {
    const driver = rawDriver(TIMESYNC_INTERFACE, (request) => {
      if (request[12] === 0) return [negotiation('04000000', '05')]
      const answer = request.slice()
      answer[25] = 5
      answer.set(bytesOf(E_FAIL), 20)
      return [answer]
    })
    const made = world(timesync({}), driver)
    made.run(6)
    expect(made.handle.device.counts).toEqual({ syncs: 1, samples: 1, refused: 2 })
  })

  it('of a channel that was closed no timer is left, and its next opening begins with a sync', () => {
    const { made, host } = pair()
    made.guestBus.devices[0]?.channels[0]?.close()
    made.run(10)
    expect(made.timers.filter((name) => name.startsWith('host/'))).toEqual([])
    expect(host().save()).toMatchObject({ nextAt: Infinity })
    host().sync()
    expect(host().counts).toEqual({ syncs: 1, samples: 0, refused: 0 })
    made.run(1)
    expect(made.timers.filter((name) => name.startsWith('host/'))).toEqual([])
    made.guestBus.devices[0]?.channels[0]?.open({ outPages: 4, inPages: 4 })
    made.run(1)
    expect(host().counts).toEqual({ syncs: 1, samples: 0, refused: 0 })
  })

  it('of a channel that was closed no timer comes back by save and restore', () => {
    const made = worlds(interrupts, 'each step')(timesync({}), timesync.driver({ clock: { now: () => 0n, set() {} } }))
    made.run(1)
    made.guestBus.devices[0]?.channels[0]?.close()
    made.run(10)
    expect(made.timers.filter((name) => name.startsWith('host/'))).toEqual([])
  })

  it('of a device that was withdrawn nothing is left', () => {
    const { made } = pair()
    made.handle.rescind()
    made.run(10)
    expect(made.timers.filter((name) => !name.startsWith('partition/'))).toEqual([])
  })

  it('saved at each step it says and sets the same', () => {
    const runs = (['never', 'each step'] as const).map((save) => {
      const sets: bigint[] = []
      const clock = { now: () => 0n, set: (fileTime: bigint) => void sets.push(fileTime) }
      const made = worlds(interrupts, save)(timesync({}), timesync.driver({ clock, setBySamples: 2 }))
      made.run(21)
      return { sets, messages: made.messages, counts: made.handle.device.counts }
    })
    expect(runs[0]?.counts).toEqual({ syncs: 1, samples: 4, refused: 0 })
    expect(runs[0]?.sets).toHaveLength(3)
    expect(runs[1]).toEqual(runs[0])
  })
})

describe('a saved state', () => {
  const clock = { now: () => 0n, set() {} }
  const made = worlds('deferred')(timesync({}), timesync.driver({ clock }))
  made.run(1)
  const ends = [
    ['of the host', () => made.handle.device, 'timesync'],
    ['of the guest', () => made.guestBus.devices[0]?.driver, 'timesync-driver'],
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

  it.each([
    ['of the host', { syncDue: 1 }],
    ['of the host', { samples: -1 }],
    ['of the host', { nextAt: Number.NaN }],
    ['of the guest', { host: '-5' }],
    ['of the guest', { host: 5 }],
    ['of the guest', { reference: 0.5 }],
    ['of the guest', { samplesLeft: Number.NaN }],
  ])('%s with %j is refused', (which, change) => {
    const end = which === 'of the host' ? made.handle.device : made.guestBus.devices[0]?.driver
    expect(() => end?.checkState?.({ ...(end.save() as object), ...change })).toThrow(refusal)
  })
})

describe('an option', () => {
  const refusal = (field: string) => expect.objectContaining({ code: 'VMBUS_OPTIONS_INVALID', field }) as Error
  const clock = { now: () => 0n, set() {} }

  it.each([
    ['timesync.interval', { interval: 5 }],
    ['timesync.intervalMs', { intervalMs: Number.NaN }],
    ['timesync.intervalMs', { intervalMs: 0 }],
  ])('of the host that cannot be, %s, is refused', (field, options) => {
    expect(() => timesync(options as object)).toThrow(refusal(field))
  })

  it.each([{ sampleThreshold: 0 }, { setBySamples: 0 }, { staleSeconds: 0 }])('of the driver may be %j', (options) => {
    const driver = timesync.driver({ clock, ...options })
    expect(() => worlds('deferred')(timesync({}), driver).run(1)).not.toThrow()
  })

  it.each([
    ['timesync.driver.clock', {}],
    ['timesync.driver.sampleThreshold', { clock, sampleThreshold: Number.NaN }],
    ['timesync.driver.setBySamples', { clock, setBySamples: Number.NaN }],
    ['timesync.driver.staleSeconds', { clock, staleSeconds: -1 }],
    ['timesync.driver.samples', { clock, samples: 5 }],
  ])('of the driver that cannot be, %s, is refused', (field, options) => {
    expect(() => timesync.driver(options as TimesyncGuestOptions)).toThrow(refusal(field))
  })
})
