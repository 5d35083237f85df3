import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { closingLineReporter } from './scripts/closing-line.ts'
import { LongestFirst } from './scripts/longest-first.ts'

/** The tiers beside the fast one, each with its own suffix of test files: `npm run test:deep` runs `*.deep.test.ts`. */
const SLOW_TIERS = ['guests', 'deep'] as const

const BUILT = ['module', 'node', 'import', 'default']
const SOURCES = ['@vmbus/source', ...BUILT]
const folders = '{{packages/*,matrix,scripts}/test,tests}'

// A tier is named by `vitest --mode deep`, as the npm scripts do, or by VMBUS_TIER=deep.
export default defineConfig(({ mode }) => {
  const asked = process.env['VMBUS_TIER']
  const tier = SLOW_TIERS.find((name) => name === (asked ?? mode))
  if (asked !== undefined && tier === undefined) throw new Error(`VMBUS_TIER=${asked}: ${SLOW_TIERS.join(' or ')}`)
  // Each of some hundred real guests has a thread, which loads what was built in 0.4 s and the sources in 1.2 s of CPU.
  const conditions = tier === 'guests' ? BUILT : SOURCES
  return {
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: {
      include: [`${folders}/**/*${tier === undefined ? '' : `.${tier}`}.test.ts`],
      exclude: [
        '**/node_modules/**',
        '**/dist/**',
        ...(tier === undefined ? SLOW_TIERS.map((name) => `**/*.${name}.test.ts`) : []),
      ],
      env: tier === undefined ? {} : { VMBUS_TIER: tier },
      setupFiles: ['./scripts/fast-check.ts'],
      ...(tier !== undefined && { sequence: { sequencer: LongestFirst } }),
      isolate: false,
      // Vitest leaves a core free by default, which is half of the machine where there are two.
      maxWorkers: availableParallelism(),
      // A limit is for what hangs: a test of some seconds is in time on a machine with twenty times as much to do.
      testTimeout: tier === undefined ? 120_000 : 1_200_000,
      hookTimeout: tier === undefined ? 120_000 : 300_000,
      reporters: ['default', closingLineReporter(tier ?? 'fast')],
    },
  }
})
