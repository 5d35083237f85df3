import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { writeExamples, type Example } from '../docs/examples.mjs'
import { root } from './root.ts'

/** A test for each example of a README that this tier runs. */
export function runExamples(tier: Example['tier']): void {
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
      test(`${readme}:${example.line}`, async () => {
        await expect(import(/* @vite-ignore */ file)).resolves.toBeDefined()
      })
    }
  })
}
