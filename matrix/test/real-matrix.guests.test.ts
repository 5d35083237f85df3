import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostProfile } from '@vmbus/host'
import { main } from '@vmbus/matrix'
import { afterAll, expect, test } from 'vitest'
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

const folder = mkdtempSync(join(tmpdir(), 'vmbus-real-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function vmbus(...argv: string[]): Promise<string> {
  let out = ''
  const streams = { out: (text: string) => void (out += text), err: () => undefined }
  expect(await main(argv, streams, new AbortController().signal)).toBe(0)
  return out.replaceAll(/\s+/g, ' ')
}

test('what a real kernel played is replayed by it, to the byte', async () => {
  const file = join(folder, 'real.json')
  const asked = ['--release', 'debian 12', '--host', 'ws2022', '--feature', 'kvp', '--runs', '1']
  await vmbus('matrix', ...asked, '--real', '--workers', '0', '--quiet', '--json', file)
  const again = await vmbus('replay', file, '--cell', 'debian-12/ws2022/kvp')
  const [real = '', simulated = ''] = again.split('Probe kvp').slice(1)
  expect(real).toMatch(/^ on the real kernel debian-12\S* .*: works\./)
  expect(real).toContain('The same as in')
  // What crossed in this very play: the first message after the drivers are loaded.
  expect(real).toContain('INITIATE_CONTACT')
  expect(simulated).toMatch(/^: works\..*The same as in/)
  expect(again).toContain('Evidence: a real kernel did it')
})
