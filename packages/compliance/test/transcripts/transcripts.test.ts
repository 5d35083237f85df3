import { hostProfile } from '@vmbus/host'
import { diff, type Normalised } from '@vmbus/trace'
import { describe, expect, test } from 'vitest'
import { fixtures } from './fixtures.ts'
import { hostsOf, run, scenarios } from './scenarios/index.ts'

/** Ways to interleave the probes of devices that are tried. */
const SCHEDULES = 100

test('kernel 5.10 connects to every host, 6.1 to none before Windows Server 2012', () => {
  const givingUp = fixtures('core').filter(({ provenance }) => provenance['outcome'] !== 'poweroff')
  expect(
    givingUp.map(({ kernel, host, provenance }) => `${kernel}/${host} ${provenance['outcome']}`).toSorted(),
  ).toEqual(
    ['debian-12-686', 'debian-12-686-pae']
      .flatMap((kernel) => ['ws2008', 'ws2008r2'].map((host) => `${kernel}/${host} gives up`))
      .toSorted(),
  )
})

describe.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', (name, scenario) => {
  const all = fixtures(name)
  const { compare = diff } = scenario

  test('every kernel was recorded on every host', () => {
    const expected = scenario.kernels.flatMap((kernel) => hostsOf(scenario).map((id) => `${kernel}/${id}`))
    expect(all.map(({ kernel, host }) => `${kernel}/${host}`).toSorted()).toEqual(expected.toSorted())
  })

  describe.each(scenario.kernels)('the simulated guest of %s says what the real kernel said', (kernel) => {
    test.each(all.filter((each) => each.kernel === kernel))('on $host', async ({ host, provenance, transcript }) => {
      const profile = hostProfile(host)
      if (profile === undefined) throw new Error(`no profile ${host}`)
      const trial = { kernel: String(provenance['kernel']), profile, provenance, real: transcript }
      const { comparable = (all: Normalised) => all } = scenario
      const said = comparable(transcript)
      const first = await run(scenario, trial)
      expect(first.outcome).toBe(provenance['outcome'])
      let found = compare(said, comparable(first.transcript), provenance)
      // Linux probes devices in tasks of their own: which of two continues first is the scheduler's choice.
      for (let schedule = 1; found.length > 0 && schedule <= SCHEDULES; schedule++) {
        const again = await run(scenario, { ...trial, schedule })
        found = compare(said, comparable(again.transcript), provenance)
      }
      expect(found).toEqual([])
    })
  })
})
