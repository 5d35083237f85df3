import { isGuest } from '../guests/guests.ts'
import { OURS, hostNamed, type Registry } from '../registry/registry.ts'
import type { Execution } from '@vmbus/report'
import type { Memories } from '../worlds/memories.ts'
import { execute } from './execute.ts'
import { createKernels, executeReal, type Kernels } from './real.ts'
import type { Watch } from '../worlds/measured-stage.ts'
import type { Task } from './plan.ts'

/** A task that could not be run says nothing of its guest. */
export const undone = ({ id, probe, kernel, seed }: Task, reason: string): Execution => ({
  id,
  probe,
  ...(kernel !== undefined && { kernel }),
  outcome: 'error',
  reason,
  seed,
  runs: 0,
  bytes: 0,
  transcript: '',
})

/** Runs a task in this thread. Throws for one of another version of this package, or of another configuration. */
export async function runTask(
  task: Task,
  registry: Registry = OURS,
  memories?: Memories,
  watch?: Watch,
  kernels: Kernels = createKernels(),
): Promise<Execution> {
  const { id, seed, runs, probe: name, release, host, whole = false, config } = task
  if (config?.digest !== registry.config?.digest)
    throw new Error(`the configuration ${config?.path ?? registry.config?.path} is not what it was when the run began`)
  const probe = registry.probes.find((each) => each.id === name)
  const guest = registry.guestOf(release)
  const profile = hostNamed(registry, host)
  if (probe === undefined || !isGuest(guest) || profile === undefined)
    throw new Error(`a task of another version of this package: ${name}, ${release}, ${host}`)
  if (task.kernel !== undefined)
    return executeReal({ id, probe, guest, profile, registry, seed, runs, kernel: task.kernel, kernels, watch })
  return execute({ id, probe, guest, profile, registry, seed, runs, whole, memories, watch })
}
