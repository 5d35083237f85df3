import { diff, fromFixture, toFixture, type Normalised, type Provenance } from '@vmbus/trace'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { asKernel, openingsInTurn, record } from './record.ts'
import { distinctHosts, hostsOf } from './scenario.ts'
import { scenarios } from './scenarios/index.ts'

// VMBUS_RECORD=new writes the transcripts that are missing, VMBUS_RECORD=all writes every one; else they are compared.
const recording = process.env['VMBUS_RECORD']
const folder = new URL('../../../packages/compliance/test/fixtures/transcripts/', import.meta.url)

describe.each(
  scenarios.flatMap((scenario) =>
    scenario.kernels.map((kernel) => ({
      scenario,
      kernel,
      name: `${scenario.name} ${kernel.release} ${kernel.flavour}`,
    })),
  ),
)('$name', ({ scenario, kernel }) => {
  const hosts = recording === undefined ? distinctHosts(scenario) : hostsOf(scenario)
  test.concurrent.each(hosts.map((profile) => [profile.id, profile] as const))(
    'says to %s what its fixture has',
    async (id, profile) => {
      const file = fileURLToPath(new URL(`${scenario.name}/${kernel.release}-${kernel.flavour}/${id}.txt`, folder))
      if (recording === 'new' && existsSync(file)) return
      const { transcript, provenance } = await record(scenario, kernel, profile)
      if (recording !== undefined) {
        mkdirSync(dirname(file), { recursive: true })
        writeFileSync(file, toFixture(transcript, provenance))
      }
      const kept = fromFixture(readFileSync(file, 'utf8'))
      // A newer package of the same release must say the same; only what names the package may then differ.
      const isSame = provenance['package'] === kept.provenance['package']
      const said = (of: Normalised): Normalised =>
        openingsInTurn((isSame ? undefined : scenario.comparable?.(of)) ?? of)
      const here = asKernel(transcript, provenance['kernel'] as string, String(kept.provenance['kernel']))
      const { compare = diff } = scenario
      expect(compare(said(here), said(kept.transcript), kept.provenance)).toEqual([])
      const ofPackage = isSame ? [] : ['package', 'kernel', 'vmlinuzSha256']
      const facts = (of: Provenance): [string, string][] =>
        Object.entries(of).flatMap(([key, value]) => (ofPackage.includes(key) ? [] : [[key, String(value)]]))
      expect(facts(provenance)).toEqual(facts(kept.provenance))
    },
  )
})
