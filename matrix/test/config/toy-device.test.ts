import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { echoProbe } from '../../examples/toy-device/src/probe.ts'
import { assemble, type Selection } from '../../src/cells/assemble.ts'
import { hostOf, releasesOf } from '../../src/commands/names.ts'
import { isGuest } from '../../src/guests/guests.ts'
import { parseResults } from '../../src/results/file.ts'
import { OURS, hostNamed, type Registry } from '../../src/registry/registry.ts'
import { loadRegistry } from '../../src/config/load.ts'
import { execute } from '../../src/run/execute.ts'
import { planOf } from '../../src/run/plan.ts'
import { runPlan } from '../../src/run/run.ts'
import { configured } from '../../src/runner.ts'
import { storiesOf } from '../../src/results/read.ts'
import { resultsText } from '../../src/results/file.ts'
import { ran } from '../commands/command.ts'

// The example package: what a user has of their own, next to what is ours.

const TOOLS = { runnerOf: configured, pageOf: () => '' }
const CONFIG = fileURLToPath(new URL('../../examples/toy-device/vmbus.config.ts', import.meta.url))
const registry = await loadRegistry(CONFIG)
const hostIn = (known: Registry, id: string) => hostNamed(known, id) ?? expect.unreachable(id)

/** Typed by hand: toyos 0.9 and 1.0 speak version 1, toyos 2.0 version 2; lab-1 has 1, lab-2 has both, ws2022 none of it. */
const CELLS: readonly (readonly [release: string, host: string, outcome: string, of?: 'guest' | 'host'])[] = [
  ['toyos 0.9', 'lab-1', 'fails', 'guest'],
  ['toyos 0.9', 'lab-2', 'fails', 'guest'],
  ['toyos 0.9', 'ws2022', 'not-offered', 'host'],
  ['toyos 1.0', 'lab-1', 'works'],
  ['toyos 1.0', 'lab-2', 'works'],
  ['toyos 1.0', 'ws2022', 'not-offered', 'host'],
  ['toyos 2.0', 'lab-1', 'fails', 'guest'],
  ['toyos 2.0', 'lab-2', 'works'],
  ['debian 12', 'lab-1', 'no-driver', 'guest'],
  ['windows server 2022', 'lab-2', 'no-driver', 'guest'],
]

describe('own guests on own hosts', () => {
  test.each(CELLS.map((cell) => [...cell] as const))('%s on %s: %s', async (release, host, outcome, of) => {
    const guest = registry.guestOf(release)
    if (!isGuest(guest)) throw new Error(guest.reason)
    const profile = hostIn(registry, host)
    const found = await execute({ id: 'x', probe: echoProbe, guest, profile, registry, seed: 5, runs: 20 })
    expect(found).toMatchObject({ outcome, ...(of !== undefined && { decidedBy: { of, field: 'toy.echo' } }) })
    if (outcome !== 'works') return
    expect(found.runs).toBe(20)
    expect(found.exchange?.flatMap(({ ring, says }) => (ring === 'echo' ? [says] : [])).slice(0, 3)).toEqual([
      'HELLO',
      'HELLO',
      'ECHO',
    ])
  })

  test('turn red without what the probe names as its control, and their driver loses what it does', async () => {
    const guest = registry.guestOf('toyos 1.0')
    if (!isGuest(guest)) throw new Error(guest.reason)
    const played = { id: 'x', probe: echoProbe, guest, profile: hostIn(registry, 'lab-1'), registry, seed: 5, runs: 3 }
    expect(await execute({ ...played, change: echoProbe.control })).toMatchObject({ outcome: 'no-driver', bytes: 0 })
    const old = registry.guestOf('toyos 0.9')
    if (!isGuest(old)) throw new Error(old.reason)
    // What is drawn is at most 64 bytes, and the driver of 0.9 keeps 32: what failed is shrunk to 33.
    const { reason } = await execute({ ...played, guest: old, runs: 20 })
    expect(/\[Uint8Array\.from\(\[([\d,]+)/.exec(reason)?.[1]?.split(',').length).toBeGreaterThan(32)
  })

  test('have all features of ours as well, known as far as those that they are like', async () => {
    const lab = registry.hostFields(hostIn(registry, 'lab-1'))
    const ws2019 = OURS.hostFields(hostIn(OURS, 'ws2019'))
    expect(lab['trim']?.value).toBe(ws2019['trim']?.value)
    expect(lab['vmbus']?.value).toEqual(ws2019['vmbus']?.value)
    for (const name of ['trim', 'vmbus']) expect(lab[name]?.source).toMatch(/^as Windows Server 2019: /)
    const guest = registry.guestOf('toyos 2.0')
    if (!isGuest(guest)) throw new Error(guest.reason)
    expect(guest.family).toBe('freebsd')
    expect(guest.fields['kvp']).toMatchObject({ basis: 'inferred' })
    const kvp = registry.probes.find(({ id }) => id === 'kvp') ?? expect.unreachable()
    const profile = hostIn(registry, 'lab-2')
    expect(await execute({ id: 'x', probe: kvp, guest, profile, registry, seed: 5, runs: 2 })).toMatchObject({
      outcome: 'works',
    })
  })
})

describe('what is ours beside them', () => {
  test('is the same, and its executions are those that it has without them', () => {
    const pairs = [{ release: 'debian 12', host: hostIn(OURS, 'ws2022') }]
    const probes = OURS.probes.filter(({ id }) => id === 'kvp' || id === 'trim')
    const ids = (known?: Registry) =>
      planOf(pairs, probes, { seed: 1, ...(known && { registry: known }) }).tasks.map(({ id }) => id)
    expect(ids(registry)).toEqual(ids())
    expect(registry.releases.slice(0, OURS.releases.length)).toEqual(OURS.releases)
  })

  test('goes by its names, and so do they', () => {
    expect(releasesOf(registry, ['ToyOS 1.0', 'RHEL7.9']).map(({ key }) => key)).toEqual(['rhel 7.9', 'toyos 1.0'])
    expect(releasesOf(registry, ['toyos']).map(({ key }) => key)).toEqual(['toyos 0.9', 'toyos 1.0', 'toyos 2.0'])
    expect(hostOf(registry, 'Lab host 1').id).toBe('lab-1')
  })
})

describe('a run with a configuration', () => {
  const selection: Selection = {
    releases: releasesOf(registry, ['toyos*', 'debian 12']),
    hosts: [hostIn(registry, 'lab-1'), hostIn(registry, 'ws2022')],
    features: registry.features.filter(({ id }) => id === 'toy.echo'),
  }
  const pairs = selection.releases.flatMap(({ key: release }) => selection.hosts.map((host) => ({ release, host })))
  const plan = planOf(pairs, [echoProbe], { seed: 1, runs: 2, registry })

  test('has it loaded by its threads, and its cells are covered by no page', async () => {
    const here = await runPlan(plan, { workers: 0, registry })
    expect([...here.values()].filter(({ outcome }) => outcome === 'error')).toEqual([])
    expect(await runPlan(plan, { workers: 1, registry })).toEqual(here)
    const results = assemble(selection, await configured(CONFIG), plan, here)
    expect(storiesOf(results).map(({ verdict }) => verdict)).toEqual(results.stories.map(() => 'not-covered'))
    expect(parseResults(resultsText(results), 'toy.json')).toEqual(results)
  })

  test('does not run tasks of another one', async () => {
    const [task] = plan.tasks
    if (task?.config === undefined) throw new Error('no task')
    const other = { ...task, config: { ...task.config, digest: 'another' } }
    for (const workers of [0, 1]) {
      const [execution] = (await runPlan({ ...plan, tasks: [other] }, { workers, registry })).values()
      expect(execution?.outcome).toBe('error')
      expect(execution?.reason).toContain('is not what it was when the run began')
    }
  })
})

describe('the commands', () => {
  async function said(...argv: string[]): Promise<readonly [code: number, out: string, err: string]> {
    const { code, out, err } = await ran([...argv, '--config', CONFIG], TOOLS)
    return [code, out.replaceAll(/\s+/g, ' '), err]
  }

  test('tell of own guests, hosts and features', async () => {
    expect(await said('guests', 'toyos')).toMatchObject([0, expect.stringContaining('toyos 2.0 built-in'), ''])
    expect(await said('hosts', 'lab*')).toMatchObject([0, expect.stringContaining('lab-2 20348 5.3'), ''])
    expect(await said('features', 'toy.echo')).toMatchObject([0, expect.stringContaining('toy.echo toys 1'), ''])
    expect(await said('can-run', 'toyos 1.0')).toMatchObject([0, expect.stringContaining('toyos 1.0 runs'), ''])
    expect((await said('completion', 'bash'))[1]).toContain('lab-1 lab-2')
  })

  test('explain a cell of theirs by its field, and play its control', async () => {
    const [code, out] = await said('explain', 'toyos 2.0', 'lab-1', 'toy.echo')
    expect(code).toBe(0)
    expect(out).toContain(
      'Echo of messages, toyos 2.0 (kernel FreeBSD 14.1) on Lab host 1: fails: guest and host have no version of it in ' +
        "common. It is decided by one value: the guest's toy.echo is 2 (source-read: toy-device, vmbus.config.ts).",
    )
    expect(out).toContain('No page speaks of it.')
    expect(await said('control', 'toy.echo', '--release', 'toyos 1.0', '--host', 'lab-1')).toEqual([
      0,
      'toy.echo, toyos 1.0 on Lab host 1: works. Without toy.echo: no-driver (the guest has no toy.echo). ',
      '',
    ])
    const [red, , why] = await said('control', 'toy.echo', '--release', 'toyos 0.9', '--host', 'lab-1')
    expect([red, why]).toEqual([1, expect.stringContaining('does not work before anything is taken away')])
  })

  test('measure a cell of theirs again', async () => {
    const [code, out] = await said('replay', 'toyos 1.0/lab-2/toy.echo')
    expect(code).toBe(0)
    expect(out).toContain('Echo of messages, toyos 1.0 (kernel 6.1) on Lab host 2: works.')
  })

  test('refuse a wrong configuration in one line', async () => {
    const [code, , err] = await said('hosts', '--config', '/nowhere/vmbus.config.mjs')
    // The last of them counts, as with every option.
    expect([code, err]).toEqual([0, ''])
    const absent = await ran(['hosts', '--config', '/nowhere/vmbus.config.mjs'], TOOLS)
    expect(absent.code).toBe(2)
    expect(absent.err).toBe('vmbus: /nowhere/vmbus.config.mjs: there is no such file (VMBUS_CONFIG_IMPORT)\n')
  })
})
