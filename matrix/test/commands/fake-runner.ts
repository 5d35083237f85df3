import type { Execution } from '@vmbus/report'
import type { Probe } from '../../src/probes/probe.ts'
import type { Plan, Task } from '../../src/run/plan.ts'
import { OURS } from '../../src/registry/registry.ts'
import type { Runner, RunnerGuest, RunnerRegistry } from '../../src/runner.ts'

const field = <T>(value: T, basis: 'source-read' | 'inferred' = 'source-read') => ({
  value,
  basis,
  source: 'a tree that was read',
})

const guest = (name: string, vpd: boolean, basis: 'source-read' | 'inferred' = 'source-read'): RunnerGuest => ({
  family: 'linux',
  name,
  fields: { vpd: field(vpd, basis), kvp: field({ framework: [0x3_0000], message: [0x4_0000] }) },
})

const GUESTS: Readonly<Record<string, RunnerGuest>> = {
  'rhel 6.4': guest('rhel-6.4', false),
  'rhel 7.7': guest('rhel-7.7', false),
  'rhel 7.8': guest('rhel-7.8', true, 'inferred'),
  'rhel 7.9': guest('rhel-7.9', true),
  'debian 12': guest('debian-12', true),
}

const probe = (feature: 'trim' | 'kvp', reads: Probe['reads']['linux'], more: Partial<Probe> = {}): Probe => ({
  id: feature,
  feature,
  version: 1,
  world: 'storage',
  reads: { linux: reads, freebsd: [], windows: [], host: [] },
  bytes: [],
  control: {},
  measure: () => Promise.reject(new Error('the runner knows without it')),
  ...more,
})

/** Linux include/linux/hyperv.h: CHANNELMSG_REQUESTOFFERS is 3. */
const REQUEST_OFFERS = Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0)

interface FakeOptions {
  /** Executions that end with an error. */
  readonly broken?: (id: string) => boolean
  /** The counterexample that every replay finds. */
  readonly shrunk?: string
  /** Kernels that boot here, by release. */
  readonly kernels?: Readonly<Record<string, string>>
  /** Told of each execution before it runs. */
  readonly onTask?: (id: string) => void
}

/**
 * Four releases of RHEL and one of Debian; TRIM works where VPD pages are asked for, and key-value exchange on hosts from
 * 2012 on. Executions are shared by all that read the same.
 */
export function fakeRunner({ broken = () => false, shrunk, kernels: bootable = {}, onTask }: FakeOptions = {}): Runner {
  const probes = [probe('trim', ['vpd']), probe('kvp', ['kvp'], { missing: 'deleting keys' })]
  const guestOf: RunnerRegistry['guestOf'] = (release) =>
    GUESTS[release] ?? { reason: 'no tree of this release was read' }

  function executionOf(id: string, seed: number, runs: number): Execution {
    const [name = '', value, host = ''] = id.split('/')
    if (value === 'real') {
      const [, , , , kernel = ''] = id.split('/')
      const real = { id, probe: name, kernel, seed, runs: 2, bytes: 32, transcript: `of ${id}` }
      return broken(id)
        ? { ...real, outcome: 'fails', reason: 'it is otherwise' }
        : { ...real, outcome: 'works', reason: '' }
    }
    const works = name === 'kvp' ? !host.startsWith('ws2008') : value === 'true'
    const shared = { id, probe: name, seed, runs, bytes: 64, transcript: `of ${id}` }
    if (broken(id)) return { ...shared, outcome: 'error', reason: 'it broke' }
    if (works) return { ...shared, outcome: 'works', reason: '' }
    if (name === 'kvp') {
      const decidedBy = { of: 'guest', field: 'vmbus' } as const
      return { ...shared, outcome: 'not-offered', reason: 'the host has no such service', decidedBy }
    }
    const decidedBy = { of: 'guest', field: 'vpd' } as const
    return { ...shared, outcome: 'no-driver', reason: 'no VPD page is asked for', decidedBy }
  }

  return {
    registry: { ...OURS, probes, guestOf, hostFields: ({ fields }) => ({ ...fields }) },
    planOf(pairs, asked, { seed, runs = 20, kernels }) {
      const of: Plan['of'] = (release, host, name) => {
        const found = guestOf(release)
        if (!('fields' in found)) return found
        return { id: `${name}/${name === 'trim' ? String(found.fields['vpd']?.value) : ''}/${host}` }
      }
      const tasks = new Map<string, Task>()
      for (const { release, host } of pairs)
        for (const { id: name } of asked) {
          const planned = of(release, host.id, name)
          const kernel = kernels?.[release]
          const id = `${name}/real/${host.id}/${release}/${kernel}`
          if (kernel !== undefined) tasks.set(id, { id, probe: name, release, host: host.id, seed, runs: 2, kernel })
          if ('id' in planned) tasks.set(planned.id, { ...planned, probe: name, release, host: host.id, seed, runs })
        }
      const realOf: Plan['realOf'] = (release, host, name) => `${name}/real/${host}/${release}/${kernels?.[release]}`
      return { seed, runs, tasks: [...tasks.values()], checks: [], ...(kernels && { kernels }), realOf, of }
    },
    kernelsOf: (releases) =>
      Promise.resolve(Object.fromEntries(Object.entries(bootable).filter(([release]) => releases.includes(release)))),
    async replay({ id, seed, runs }, watch) {
      onTask?.(id)
      watch.crossed({ kind: 'message', to: 'host', time: 10, vp: 0, connection: 4, bytes: REQUEST_OFFERS })
      if (shrunk !== undefined)
        watch.failed('gives back', { reason: 'it keeps all', counterexample: shrunk, shrinks: 3 })
      return Promise.resolve(executionOf(id, seed, runs))
    },
    withoutControl: () => Promise.resolve({ outcome: 'fails', reason: '' }),
    async runPlan({ tasks, seed, runs }, { signal, onProgress }) {
      const finished = new Map<string, Execution>()
      for (const { id } of tasks) {
        onTask?.(id)
        if (signal?.aborted === true) break
        const execution = executionOf(id, seed, runs)
        finished.set(id, execution)
        onProgress?.({ done: finished.size, total: tasks.length, cached: 0, secondsLeft: 0, last: execution })
        await Promise.resolve()
      }
      return finished
    },
    serve: () => Promise.reject(new Error('this runner has no queue')),
  }
}
