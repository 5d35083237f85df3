import { join } from 'node:path'
import { defaultCacheFolder } from '@vmbus/machine-v86'
import type { FieldedGuest } from './cells/fields.ts'
import { isGuest } from './guests/guests.ts'
import { DEFAULT_RUNS, type Finding, type Probe } from './probes/probe.ts'
import type { Execution } from '@vmbus/report'
import { findConfig, loadRegistry } from './config/load.ts'
import { OURS, type Registry } from './registry/registry.ts'
import { executionCache } from './run/cache.ts'
import { codeDigest } from './run/code.ts'
import { planOf, type Pair, type Plan, type PlanOptions, type Task } from './run/plan.ts'
import { execute } from './run/execute.ts'
import { runPlan, type RunOptions } from './run/run.ts'
import { runTask } from './run/task.ts'
import { prepareKernels } from './worlds/real/kernels.ts'
import type { Watch } from './worlds/measured-stage.ts'
import { queueDispatch } from './queue/produce.ts'
import type { RedisAddress } from './queue/address.ts'
import { serve, type ServeOptions } from './queue/serve.ts'
import { packageVersion } from './version.ts'

/** How and where to run. */
export interface RunnerOptions extends RunOptions {
  /** Has the executions made by the workers of this queue. */
  readonly queue?: { readonly address: RedisAddress; tell(line: string): void }
}

export interface RunnerGuest extends FieldedGuest {
  /** Of the generation. */
  readonly name: string
}

/** Of the registry all but how a guest is made. */
export interface RunnerRegistry extends Omit<Registry, 'guestOf'> {
  guestOf(key: string): RunnerGuest | { readonly reason: string }
}

interface KernelOptions {
  readonly signal: AbortSignal
  /** Told in words of what is fetched. */
  onProgress(text: string): void
}

/** What measures. The commands know cells and files, and nothing of guests, worlds and threads. */
export interface Runner {
  readonly registry: RunnerRegistry
  planOf(pairs: readonly Pair[], probes: readonly Probe[], options: PlanOptions): Plan
  runPlan(plan: Plan, options: RunnerOptions): Promise<ReadonlyMap<string, Execution>>
  /** Gets real kernels ready; of releases that have none here, nothing. Names by release, for a plan. */
  kernelsOf(releases: readonly string[], options: KernelOptions): Promise<Readonly<Record<string, string>>>
  /** One task in this thread, whatever is kept of it, while somebody looks on. */
  replay(task: Task, watch: Watch): Promise<Execution>
  /** A probe that is played without what it names as its control; undefined for a release that nothing stands for. */
  withoutControl(probe: Probe, pair: Pair, seed: number): Promise<Finding | undefined>
  /** Makes executions for the runs at a queue until the signal says so; how many. */
  serve(options: Omit<ServeOptions, 'code' | 'version' | 'config'>): Promise<number>
}

const versionText = (): string => `vmbus ${packageVersion()}, Node ${process.version}`

/** Simulated guests on simulated hosts, on threads or by a queue; what an earlier run of the same code has finished is taken from the user's cache. */
const simulationsOf = (registry: Registry): Runner => ({
  registry,
  planOf: (pairs, probes, options) => planOf(pairs, probes, { ...options, registry }),
  async runPlan(plan, { queue, ...options }) {
    const code = codeDigest(registry.config?.digest)
    const cache = await executionCache(join(defaultCacheFolder(), 'matrix'), code)
    const dispatch = queue && queueDispatch({ ...queue, code, version: versionText() })
    return runPlan(plan, { cache, ...(dispatch && { dispatch }), ...options, registry })
  },
  kernelsOf: prepareKernels,
  replay: (task, watch) => runTask(task, registry, undefined, watch),
  async withoutControl(probe, { release, host: profile }, seed) {
    const [guest, change] = [registry.guestOf(release), probe.control]
    if (!isGuest(guest)) return undefined
    return await execute({ id: '', probe, guest, profile, registry, seed, runs: DEFAULT_RUNS, change })
  },
  serve: (options) => {
    const { config } = registry
    const code = codeDigest(config?.digest)
    return serve({ ...options, ...(config && { config }), code, version: versionText() })
  },
})

/** Every release on every host that this package knows. */
export const simulations: Runner = simulationsOf(OURS)

/**
 * Simulations of every release on every host, those of a configuration among them: of the file, or of the one that this folder or
 * one above it has. Rejects as `loadRegistry`.
 */
export async function configured(file: string | undefined): Promise<Runner> {
  const found = file ?? findConfig(process.cwd())
  return found === undefined ? simulations : simulationsOf(await loadRegistry(found))
}
