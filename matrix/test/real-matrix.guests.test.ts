import { hostProfile } from '@vmbus/host'
import { expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { PROBES } from '../src/probes/index.ts'
import { OURS } from '../src/registry/registry.ts'
import { execute } from '../src/run/execute.ts'
import { createKernels, executeReal } from '../src/run/real.ts'
import { prepareKernels } from '../src/worlds/real/kernels.ts'

/** What a real kernel gives on a host, typed by hand: daemons without their scripts, and no tool, in Debian's packages. */
const EXPECTED = {
  core: 'partial',
  'static-ip-injection': 'fails',
  'live-backup': 'works',
  trim: 'works',
  'dm-ballooning': 'works',
  kvp: 'works',
  lsvmbus: 'no-driver',
  vrss: 'not-run',
} as const

const kernels = createKernels()

test.each([
  ['debian 11', 'ws2012r2'],
  ['debian 12', 'ws2022'],
])('the real kernel of %s on %s and its simulated guest come to one outcome', async (release, host) => {
  const kernel = (await prepareKernels([release]))[release] ?? expect.fail('no kernel')
  const [guest, profile] = [guestOf(release), hostProfile(host)]
  if (!isGuest(guest) || profile === undefined) throw new Error('not known')
  const found: Record<string, string> = {}
  const simulated: Record<string, string> = {}
  for (const probe of PROBES.filter(({ id }) => id in EXPECTED)) {
    const options = { id: probe.id, probe, guest, profile, registry: OURS, seed: 1, runs: 1 }
    const real = await executeReal({ ...options, kernel, kernels })
    found[probe.id] = real.outcome
    // What the machine of real kernels lacks is none of the guest's.
    simulated[probe.id] = real.outcome === 'not-run' ? real.outcome : (await execute(options)).outcome
  }
  expect(found).toEqual(EXPECTED)
  expect(simulated).toEqual(EXPECTED)
})
