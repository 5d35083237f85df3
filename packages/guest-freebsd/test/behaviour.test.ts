import { icVersion } from '@vmbus/ic'
import { describe, expect, test } from 'vitest'
import { freebsd, type FreebsdOptions } from '../src/index.ts'
import { CLOCK_TUNABLES, clockRule } from '../src/services/clock.ts'
import { framing } from '../src/services/negotiation.ts'

const v = (...versions: readonly number[]): number[] => versions.map((major) => icVersion(major, 0))

describe('negotiation by index (hv_util.c, hv_kvp.c)', () => {
  const kvpAnswer = (release: string, framework: readonly number[], message: readonly number[]) => {
    const { capabilities } = freebsd(release)
    const { match } = framing(capabilities, capabilities.heartbeat, { fourFrom: capabilities.kvpFourFrom })
    const agreed = typeof match === 'function' ? match({ framework, message }) : undefined
    return agreed && [agreed.framework >>> 16, agreed.message >>> 16]
  }

  // 10.1 and the port answer 4.0 to a host of 3.0 and 1.0, which did not offer it; 10.2 does not.
  test.each([
    ['9.3 + port', v(1, 3), v(1, 3), [3, 4]],
    ['10.1', v(1, 3), v(1, 3), [3, 4]],
    ['10.2', v(1, 3), v(1, 3), [3, 3]],
    ['10.2', v(1, 3), v(1, 3, 4), [3, 4]],
    ['11.0', v(1, 3), v(1, 3, 4), [3, 4]],
    ['10.1', v(1), v(1, 3), [1, 1]],
    ['10.1', v(3, 1), v(1, 3), [1, 1]],
  ] as const)('%s answers %j, %j with %j', (release, framework, message, agreed) => {
    expect(kvpAnswer(release, framework, message)).toEqual(agreed)
  })

  test('from 10.4 on it is the best in common, and one packet for an interrupt except where the task loops', () => {
    const { capabilities } = freebsd('10.4')
    expect(framing(capabilities, capabilities.heartbeat)).toMatchObject({ match: 'at-most', perSignal: 'one' })
    expect(framing(capabilities, capabilities.heartbeat, { loops: true }).perSignal).toBe('all')
  })
})

describe('the clock', () => {
  const MS = 10_000n
  const [SYNC, SAMPLE] = [1, 2]
  const steps = (release: string, options: FreebsdOptions, flags: number, ahead: bigint): boolean =>
    clockRule(freebsd(release).capabilities, { ...CLOCK_TUNABLES, ...options } as typeof CLOCK_TUNABLES)(flags, ahead)

  test.each([
    // vmbus_timesync.c: whole ms, more than the threshold; 0 takes each that is 1 ms off; negative turns samples off.
    ['14.0', {}, SAMPLE, 100n * MS + 9999n, false],
    ['14.0', {}, SAMPLE, 101n * MS, true],
    ['14.0', {}, SAMPLE, -101n * MS, true],
    ['14.0', { sampleThreshold: 0 }, SAMPLE, MS, true],
    ['14.0', { sampleThreshold: 0 }, SAMPLE, MS - 1n, false],
    ['14.0', { sampleThreshold: -1 }, SAMPLE, 3600_000n * MS, false],
    ['14.0', {}, SYNC, 0n, true],
    ['14.0', { ignoreSync: true }, SYNC, 3600_000n * MS, false],
    ['14.0', { ignoreSync: true }, SYNC | SAMPLE, 101n * MS, true],
    ['14.0', {}, 0, 3600_000n * MS, false],
    // Before 10.4: more than five whole seconds, whichever flag.
    ['10.1', {}, SYNC, 5999n * MS, false],
    ['10.1', {}, SYNC, 6000n * MS, true],
    ['11.0', {}, SAMPLE, -6000n * MS, true],
  ] as const)('%s %j, flags %i, %i ahead: %j', (release, options, flags, ahead, is) => {
    expect(steps(release, options, flags, ahead)).toBe(is)
  })
})
