import { parentPort } from 'node:worker_threads'
import { registries } from '../config/registries.ts'
import type { Task } from './plan.ts'
import { createMemories } from '../worlds/memories.ts'
import { runTask } from './task.ts'

const memories = createMemories()
const registryOf = registries()

// One thread of `pool.ts`: a task comes, its execution goes back.
parentPort?.on('message', (task: Task) => void answer(task))

async function answer(task: Task): Promise<void> {
  parentPort?.postMessage(await runTask(task, await registryOf(task.config?.path), memories))
}
