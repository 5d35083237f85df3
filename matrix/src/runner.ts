import { join } from 'node:path'
import type { HostProfile } from '@vmbus/host'
import { defaultCacheFolder } from '@vmbus/machine-v86'
import type { Field } from '@vmbus/world'
import type { FieldedGuest } from './cells/fields.ts'
import { guestOf } from './guests/guests.ts'
import { PROBES } from './probes/index.ts'
import type { Probe } from './probes/probe.ts'
import type { Execution } from '@vmbus/report'
import { executionCache } from './run/cache.ts'
import { codeDigest } from './run/code.ts'
import { planOf, type Pair, type Plan, type PlanOptions } from './run/plan.ts'
import { runPlan, type RunOptions } from './run/run.ts'
import { hostFields } from './worlds/hosts.ts'

export interface RunnerGuest extends FieldedGuest {
  /** Of the generation. */
  readonly name: string
}

/** What measures. The commands know cells and files, and nothing of guests, worlds and threads. */
export interface Runner {
  readonly probes: readonly Probe[]
  guestOf(release: string): RunnerGuest | { readonly reason: string }
  hostFields(profile: HostProfile): Readonly<Record<string, Field<unknown>>>
  planOf(pairs: readonly Pair[], probes: readonly Probe[], options: PlanOptions): Plan
  runPlan(plan: Plan, options: RunOptions): Promise<ReadonlyMap<string, Execution>>
}

/** Runs on threads; what an earlier run of the same code has finished is taken from the user's cache. */
async function run(plan: Plan, options: RunOptions): Promise<ReadonlyMap<string, Execution>> {
  const cache = await executionCache(join(defaultCacheFolder(), 'matrix'), codeDigest())
  return runPlan(plan, { cache, ...options })
}

/** Simulated guests of every release on simulated hosts. */
export const simulations: Runner = { probes: PROBES, guestOf, hostFields, planOf, runPlan: run }
