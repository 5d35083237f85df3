import { boot } from '@vmbus/machine-v86'
import { expect, test } from 'vitest'
import { HOST_MODULE } from './real-host-module.ts'

const SOURCES = '/sys/devices/system/clocksource/clocksource0'

// Linux offers the page as a clock source in any case, and reads the MSR when the page's sequence is 0 (wire/01). Its own
// choice is the TSC, which this host says is invariant.
test.each([
  ['debian-11', true],
  ['debian-11', false],
  ['debian-12', true],
  ['debian-12', false],
] as const)('%s keeps the time of its host; reference TSC page valid: %s', async (release, referenceTscPage) => {
  await using guest = await boot({
    image: { release, flavour: '686' },
    modules: ['hv_vmbus'],
    host: {
      module: HOST_MODULE,
      options: { profile: 'ws2022', devices: {}, referenceTscPage },
      snapshotKey: `clock ws2022 ${referenceTscPage}`,
    },
  })
  const say = async (script: string): Promise<string> => (await guest.exec(script)).output.trim()
  expect((await say(`cat ${SOURCES}/available_clocksource`)).split(' ')).toContain('hyperv_clocksource_tsc_page')
  expect(
    await say(`echo hyperv_clocksource_tsc_page > ${SOURCES}/current_clocksource; cat ${SOURCES}/current_clocksource`),
  ).toBe('hyperv_clocksource_tsc_page')
  const { partition } = (await guest.call('inspect')) as { partition: { referenceTscPage: number } }
  const bytes = (await guest.call('memory', { gpa: partition.referenceTscPage, length: 24 })) as Uint8Array
  const page = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  // Sequence, scale and offset. A TSC of 1 GHz is 100 times the reference time: 2^64 / 100.
  expect([page.getUint32(0, true) === 0, page.getBigUint64(8, true), page.getBigInt64(16, true)]).toEqual(
    referenceTscPage ? [false, 184_467_440_737_095_516n, 0n] : [true, 0n, 0n],
  )
  /** Seconds of the guest's clock and of its host's, at the moment at which the guest begins to say its own. */
  const now = async (name: string): Promise<{ guest: number; host: number }> => {
    await say(`(sleep 1; echo "${name} $(cat /proc/uptime)" > /dev/ttyS0) >/dev/null 2>&1 &`)
    await guest.until(new RegExp(`${name} [0-9]`), { seconds: 10 })
    const { virtualSeconds } = await guest.result()
    await guest.run(1)
    return { guest: Number(new RegExp(`${name} ([0-9.]+)`).exec(guest.console)?.[1]), host: virtualSeconds }
  }
  const before = await now('first')
  await guest.run(60)
  const after = await now('second')
  expect(after.host - before.host).toBeGreaterThan(60)
  expect(Math.abs(after.guest - before.guest - (after.host - before.host))).toBeLessThan(0.1)
})
