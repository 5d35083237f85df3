import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { writeExamples } from '../docs/examples.mjs'
import { root } from './root.ts'

/** Milliseconds. The first example of the fast tier also loads every package that it names: 3 s of an idle core. */
const LIMITS = { fast: 120_000, guests: 600_000 }

/** A test for each example of a README that this tier runs. */
export function runExamples(tier: keyof typeof LIMITS): void {
  describe('examples run as pasted', () => {
    const home = process.cwd()
    const scratch = mkdtempSync(join(tmpdir(), 'vmbus-examples-'))

    // An example may print, and may write files: not into the repository, nor over the report of the tests.
    beforeAll(() => {
      process.chdir(scratch)
      for (const method of ['log', 'info', 'table'] as const) vi.spyOn(console, method).mockImplementation(() => {})
    })
    afterAll(() => {
      vi.restoreAllMocks()
      process.chdir(home)
      rmSync(scratch, { recursive: true })
    })

    for (const { readme, example, file } of writeExamples(root)) {
      if (example.tier !== tier) continue
      test(`${readme}:${example.line}`, { timeout: LIMITS[tier] }, async () => {
        await expect(import(/* @vite-ignore */ file)).resolves.toBeDefined()
      })
    }
  })
}
