import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node'

/** What a run of tests came to. A file that did not load, a failed hook and an unhandled error each count as one failure. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The line by which continuous integration judges a run. It stands alone, so that nothing else can be taken for it. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** Folders where an image of a real kernel may be: see packages/machine-v86/README.md. */
export const imageFolders = (environment: NodeJS.ProcessEnv): string[] => {
  const { VMBUS_IMAGES: own = '', XDG_CACHE_HOME: cache = '' } = environment
  return own === '' ? [join(cache === '' ? join(homedir(), '.cache') : cache, 'vmbus')] : [own]
}

/** What the fast tests leave out where it cannot be made up for at once: real kernels, when no image is at hand. */
export function liveGuestsLine(tier: string, folders: readonly string[]): string | undefined {
  const hasImage = (folder: string): boolean =>
    existsSync(join(folder, 'sets')) && readdirSync(join(folder, 'sets')).length > 0
  if (tier !== 'fast' || folders.some(hasImage)) return undefined
  return 'live guests: not run (no image is at hand; npm run test:guests gets them)'
}

function tallyOf(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Tally {
  const tally = { passed: 0, failed: unhandled.length, skipped: 0 }
  for (const module of modules) {
    tally.failed += module.errors().length
    for (const suite of module.children.allSuites()) tally.failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') tally.passed++
      else if (state === 'failed') tally.failed++
      else tally.skipped++
    }
  }
  return tally
}

/** Ends a run's output with the tier, its seconds, and the closing line. */
export function closingLineReporter(tier: string): Reporter {
  let started = 0
  return {
    onInit(_vitest: Vitest) {
      started = performance.now()
    },
    onTestRunEnd(modules, unhandled) {
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      process.stdout.write(`${tier} tier: ${modules.length} files in ${seconds} s\n`)
      const left = liveGuestsLine(tier, imageFolders(process.env))
      if (left !== undefined) process.stdout.write(`${left}\n`)
      process.stdout.write(`${closingLine(tallyOf(modules, unhandled))}\n`)
    },
  }
}
