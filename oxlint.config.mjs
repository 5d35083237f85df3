// The rules that a linter can hold. Which package may import which is checked by scripts/floors.mjs; both read the floors
// from scripts/floors/table.mjs.
import { builtinModules } from 'node:module'
import { impureFiles, purePackages } from './scripts/floors/table.mjs'

/** Time, chance and scheduling are injected below floor 7; this is how each is obtained there. */
const CLOCK = 'Take a Clock of @vmbus/world.'
const TIMERS = 'Take Timers of @vmbus/world.'
const CHANCE = 'Take a Seed of @vmbus/world.'
const EVENTS = 'Answer at once, or by a completion table: there are no promises below floor 7.'
const HOSTED = 'Floors 0 to 6 run in a browser as well: take what you need as an argument.'

const globals = {
  Promise: EVENTS,
  queueMicrotask: EVENTS,
  setTimeout: TIMERS,
  clearTimeout: TIMERS,
  setInterval: TIMERS,
  clearInterval: TIMERS,
  setImmediate: TIMERS,
  clearImmediate: TIMERS,
  requestAnimationFrame: TIMERS,
  performance: CLOCK,
  crypto: CHANCE,
  process: HOSTED,
  Buffer: HOSTED,
  require: HOSTED,
  fetch: HOSTED,
  WebSocket: HOSTED,
  Worker: HOSTED,
  globalThis: HOSTED,
  window: HOSTED,
  self: HOSTED,
}

const promises = ['Promise', 'PromiseLike', 'AsyncIterable', 'AsyncIterator', 'AsyncGenerator']

/** @type {Record<string, unknown>} */
const pure = {
  'oxc/no-async-await': 'error',
  'node/no-top-level-await': 'error',
  'eslint/no-restricted-globals': ['error', ...Object.entries(globals).map(([name, message]) => ({ name, message }))],
  'eslint/no-restricted-properties': [
    'error',
    { object: 'Math', property: 'random', message: CHANCE },
    { object: 'Date', property: 'now', message: CLOCK },
    { object: 'Atomics', property: 'wait', message: EVENTS },
    { object: 'Atomics', property: 'waitAsync', message: EVENTS },
  ],
  'eslint/no-restricted-imports': [
    'error',
    {
      paths: builtinModules.map((name) => ({ name, message: HOSTED })),
      patterns: [{ group: ['node:*'], message: HOSTED }],
    },
  ],
  'typescript/no-restricted-types': [
    'error',
    { types: Object.fromEntries(promises.map((name) => [name, { message: EVENTS }])) },
  ],
}

export default {
  plugins: ['eslint', 'typescript', 'oxc', 'unicorn', 'import', 'node', 'promise', 'vitest'],
  categories: { correctness: 'error' },
  options: { typeAware: true, reportUnusedDisableDirectives: 'error' },
  // The types that tools/api uses come with its own installation.
  ignorePatterns: ['tools/api/**', '**/dist/**', '**/fixtures/**', 'matrix/.examples/**'],
  rules: {
    'typescript/no-explicit-any': 'error',
    'typescript/no-unsafe-argument': 'error',
    'typescript/no-unsafe-assignment': 'error',
    'typescript/no-unsafe-call': 'error',
    'typescript/no-unsafe-member-access': 'error',
    'typescript/no-unsafe-return': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'eslint/eqeqeq': 'error',
    'eslint/no-console': 'error',
    'eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all' }],
    'eslint/no-var': 'error',
    'eslint/prefer-const': 'error',
    'import/no-cycle': 'error',
    // Our objects are closures without `this`, so that their methods may be taken off them.
    'typescript/unbound-method': 'off',
    // Both speak of arrays where typed arrays are meant: a length given to a constructor, and a spread of a slice.
    'unicorn/no-new-array': 'off',
    'unicorn/no-useless-spread': 'off',
    'vitest/valid-title': ['error', { ignoreTypeOfDescribeName: true, ignoreTypeOfTestName: true }],
    // Properties and refusals are asserted inside callbacks and catch blocks.
    'vitest/no-conditional-expect': 'off',
    'vitest/expect-expect': [
      'error',
      {
        assertFunctionNames: [
          'expect',
          'expectJudged',
          'expectNegotiated',
          'qemuToUs',
          'usToQemu',
          'qemuReplaysOurLog',
          'flattened',
          'expectSame',
          'expectTypeOf',
          'fc.assert',
          'assert',
          'assertType',
        ],
      },
    ],
    'vitest/no-disabled-tests': 'error',
    'vitest/no-focused-tests': 'error',
    // A tool that this machine lacks is told by a test of its own.
    'vitest/no-conditional-tests': 'off',
  },
  overrides: [
    {
      files: ['packages/*/src/**/*.ts', 'packages/report/page/**/*.{ts,tsx}', 'matrix/src/**/*.ts'],
      rules: {
        'eslint/max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
        'eslint/max-lines-per-function': ['error', { max: 100 }],
        'eslint/max-depth': ['error', 3],
        'import/no-cycle': ['error', { ignoreTypes: false }],
      },
    },
    { files: purePackages.map((name) => `packages/${name}/src/**/*.ts`), rules: pure },
    { files: impureFiles, rules: Object.fromEntries(Object.keys(pure).map((rule) => [rule, 'off'])) },
    // Codecs are compiled from layouts; where that is forbidden, the interpreter of layouts takes over.
    { files: ['packages/layout/src/compile.ts'], rules: { 'typescript/no-implied-eval': 'off' } },
    // A command line, scripts and the long tiers, which tell their counts, print; libraries do not.
    {
      files: ['matrix/src/**', 'scripts/**', '**/bench/**', '**/*.{deep,guests}.test.ts'],
      rules: { 'eslint/no-console': 'off' },
    },
    // A program of its own, which shows what a runtime without code generation does.
    {
      files: ['packages/layout/test/csp-child.ts'],
      rules: { 'eslint/no-console': 'off', 'typescript/no-implied-eval': 'off' },
    },
    // JSON.parse of our own manifests is the only `any` in the scripts, and JSDoc names the type of what it gave.
    {
      files: ['**/*.mjs'],
      rules: {
        'typescript/no-unsafe-argument': 'off',
        'typescript/no-unsafe-assignment': 'off',
        'typescript/no-unsafe-member-access': 'off',
      },
    },
  ],
}
