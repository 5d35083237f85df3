// The vitest of a copy of the repository, for as many runs as it is asked for: it starts once and transforms each file once. A
// process of its own, because what a defect hangs can only be killed.
import { join } from 'node:path'
import { createVitest } from 'vitest/node'

const vitest = await createVitest('test', { watch: false, maxWorkers: 1, reporters: [{}] })

/**
 * Runs the tests of a file that match the pattern, after these files have changed.
 * @param {{ file: string, pattern: string, changed: readonly string[] }} request
 */
async function run({ file, pattern, changed }) {
  for (const path of changed) vitest.invalidateFile(join(process.cwd(), path))
  vitest.setGlobalTestNamePattern(pattern)
  const specifications = await vitest.globTestSpecifications([file])
  const asked = new Set(specifications.map(({ moduleId }) => moduleId))
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications)
  // What is told of a run has the modules of earlier runs, as they ended, with it.
  const modules = testModules.filter(({ moduleId }) => asked.has(moduleId))
  const results = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result()))
  const errors = [...modules.flatMap((module) => module.errors()), ...results.flatMap(({ errors = [] }) => errors)]
  return {
    // Skipped ones are the others of the file; a file that does not load has none that failed.
    ran: results.some(({ state }) => state === 'passed' || state === 'failed'),
    failed: errors.length + unhandledErrors.length > 0,
    output: [...errors.map(({ message }) => message), ...unhandledErrors.map(String)].join('\n'),
  }
}

/** @param {Parameters<typeof run>[0]} request */
const answer = async (request) => process.send?.(await run(request))

process.on('message', (/** @type {Parameters<typeof run>[0]} */ request) => void answer(request))
process.send?.('ready')
