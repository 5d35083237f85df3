import { defineConfig } from 'vitest/config'

/** The tier of tests to run: `npm test` runs the plain files, the others their own suffix. */
const tier = process.env['VMBUS_TIER']
const suffix = tier === undefined ? '' : `.${tier}`
const conditions = ['@vmbus/source', 'module', 'node', 'import', 'default']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: [`packages/*/test/**/*${suffix}.test.ts`, `matrix/test/**/*${suffix}.test.ts`],
    exclude: ['**/node_modules/**', '**/dist/**', ...(tier === undefined ? ['**/*.guests.test.ts', '**/*.deep.test.ts'] : [])],
    isolate: false,
    testTimeout: 30_000,
  },
})
