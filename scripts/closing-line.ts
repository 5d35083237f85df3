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
      process.stdout.write(`${closingLine(tallyOf(modules, unhandled))}\n`)
    },
  }
}
