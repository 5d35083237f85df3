// In each process that runs tests of mutants: which mutant is tried, or, in the run before the first, which ones are reached.
import { appendFileSync, readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { afterAll, expect } from 'vitest'

/** As written by scripts/mutate.mjs. */
interface Trial {
  /** Undefined: none is tried, and those that are reached are written to `reached`. */
  readonly mutant?: number
  readonly reached: string
  /** After so long a process that is still here has no end. */
  readonly seconds: number
}

const folder = process.env['VMBUS_MUTATE'] ?? ''
const trial = JSON.parse(readFileSync(folder, 'utf8')) as Trial
const global = globalThis as { vmbusMutant?: (id: number) => boolean; vmbusWatched?: boolean }

// A mutant that fails needs no smallest input.
fc.configureGlobal({ ...fc.readConfigureGlobal(), endOnFailure: true })

if (trial.mutant === undefined) {
  const reached = new Set<number>()
  global.vmbusMutant = (id) => {
    reached.add(id)
    return false
  }
  afterAll(() => {
    const file = expect.getState().testPath ?? ''
    appendFileSync(trial.reached, `${JSON.stringify({ file, reached: [...reached] })}\n`)
  })
} else {
  const { mutant } = trial
  global.vmbusMutant = (id) => id === mutant
}

// A loop without end holds the process, and no timer of its own would fire: another thread ends it.
if (global.vmbusWatched !== true) {
  global.vmbusWatched = true
  const text = `setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${trial.seconds * 1000})`
  new Worker(text, { eval: true }).unref()
}
