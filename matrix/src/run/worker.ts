import { parentPort } from 'node:worker_threads'
import { registries } from '../config/registries.ts'
import type { Task } from './plan.ts'
import { createMemories } from '../worlds/memories.ts'
import { createKernels } from './real.ts'
import { runTask } from './task.ts'

const memories = createMemories()
const registryOf = registries()
const kernels = createKernels()

// One thread of `pool.ts`: a task comes, its execution goes back.
parentPort?.on('message', (task: Task) => void answer(task))

async function answer(task: Task): Promise<void> {
  const registry = await registryOf(task.config?.path)
  parentPort?.postMessage(await runTask(task, registry, memories, undefined, kernels))
}
