import { parentPort } from 'node:worker_threads'
import type { Task } from './plan.ts'
import { OURS } from '../registry/registry.ts'
import { createMemories } from '../worlds/memories.ts'
import { runTask } from './task.ts'

const memories = createMemories()

// One thread of `pool.ts`: a task comes, its execution goes back.
parentPort?.on('message', (task: Task) => void answer(task))

async function answer(task: Task): Promise<void> {
  parentPort?.postMessage(await runTask(task, OURS, memories))
}
