import { hostProfile, hostProfiles } from '@vmbus/host'
import { diff } from '@vmbus/trace'
import { describe, expect, test } from 'vitest'
import { fixtures } from './fixtures.ts'
import { run } from './scenario.ts'

const all = fixtures()
/** Ways to interleave the probes of three devices that are tried. */
const SCHEDULES = 100
const KERNELS = ['debian-11-686', 'debian-11-686-pae', 'debian-12-686', 'debian-12-686-pae']

test('every kernel was recorded on every host', () => {
  const expected = KERNELS.flatMap((kernel) => hostProfiles.map(({ id }) => `${kernel}/${id}`))
  expect(all.map(({ kernel, host }) => `${kernel}/${host}`).toSorted()).toEqual(expected.toSorted())
})

test('kernel 5.10 connects to every host, 6.1 to none before Windows Server 2012', () => {
  const givingUp = all.filter(({ provenance }) => provenance['outcome'] !== 'poweroff')
  expect(
    givingUp.map(({ kernel, host, provenance }) => `${kernel}/${host} ${provenance['outcome']}`).toSorted(),
  ).toEqual(
    ['debian-12-686', 'debian-12-686-pae']
      .flatMap((kernel) => ['ws2008', 'ws2008r2'].map((host) => `${kernel}/${host} gives up`))
      .toSorted(),
  )
})

describe.each(KERNELS)('the simulated guest of %s says what the real kernel said', (kernel) => {
  test.each(all.filter((each) => each.kernel === kernel))('on $host', async ({ host, provenance, transcript }) => {
    const profile = hostProfile(host)
    if (profile === undefined) throw new Error(`no profile ${host}`)
    const scenario = { kernel: String(provenance['kernel']), profile, beats: Number(provenance['beats']) }
    const first = await run(scenario)
    expect(first.outcome).toBe(provenance['outcome'])
    let found = diff(transcript, first.transcript)
    // Linux probes devices in tasks of their own: which of two continues first is the scheduler's choice.
    for (let schedule = 1; found.length > 0 && schedule <= SCHEDULES; schedule++) {
      const again = await run({ ...scenario, schedule })
      found = diff(transcript, again.transcript)
    }
    expect(found).toEqual([])
  })
})
