// How much of a package its fast tests hold: `npm run test:mutate -- core --seed 1 --most 200` changes one place of its sources
// at a time, runs the tests that reach the place, and lists the changes that no test noticed. Files on disk are not touched.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createVitest } from 'vitest/node'
import { mutantsOf } from './mutate/mutants.mjs'

/** @import { Mutant } from './mutate/mutants.mjs' */
/** @import { TestModule, TestSpecification } from 'vitest/node' */

const USAGE = `npm run test:mutate -- PACKAGE [options]
  --seed N       which mutants are drawn (default 1)
  --most N       how many (default 200)
  --files WORD   only of sources with this in their path
  --tests NAMES  packages whose tests may notice, with commas (default: the package itself)
  --seconds N    least time that a run may take before it counts as one without end (default 20)
  --root FOLDER  a workspace other than this one`

const here = fileURLToPath(new URL('.', import.meta.url))

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        seed: { type: 'string', default: '1' },
        most: { type: 'string', default: '200' },
        files: { type: 'string', default: '' },
        tests: { type: 'string' },
        seconds: { type: 'string', default: '20' },
        root: { type: 'string', default: join(here, '..') },
      },
    })
    const [name] = positionals
    const [seed, most, seconds] = [values.seed, values.most, values.seconds].map(Number)
    if (name === undefined || positionals.length > 1 || ![seed, most, seconds].every(Number.isSafeInteger)) return
    return {
      name,
      seed: seed ?? 1,
      most: most ?? 0,
      seconds: seconds ?? 0,
      files: values.files,
      tests: values.tests ?? name,
      root: resolve(values.root),
    }
  } catch {
    return undefined
  }
}

/** @param {string} name of a package */
const folderOf = (name) => (name === 'matrix' ? 'matrix' : `packages/${name}`)

/**
 * A list in an order that the seed draws (Mulberry32, Fisher and Yates).
 *
 * @template T
 * @param {readonly T[]} list
 * @param {number} seed
 */
function shuffled(list, seed) {
  const drawn = [...list]
  let state = seed >>> 0
  for (let left = drawn.length; left > 1; left--) {
    state = (state + 0x6d2b79f5) >>> 0
    let word = Math.imul(state ^ (state >>> 15), state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    const at = ((word ^ (word >>> 14)) >>> 0) % left
    const last = drawn[left - 1]
    drawn[left - 1] = /** @type {T} */ (drawn[at])
    drawn[at] = /** @type {T} */ (last)
  }
  return drawn
}

/**
 * Every mutant of a package, and its sources with them in.
 *
 * @param {string} root
 * @param {string} name
 * @param {string} files
 */
function instrumented(root, name, files) {
  const src = join(root, folderOf(name), 'src')
  /** @type {Mutant[]} */
  const mutants = []
  /** @type {Map<string, string>} */
  const codes = new Map()
  for (const entry of readdirSync(src, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(src, entry)
    if (!path.endsWith('.ts') || !path.includes(files)) continue
    const found = mutantsOf(relative(root, path), readFileSync(path, 'utf8'), mutants.length)
    mutants.push(...found.mutants)
    codes.set(path.split(sep).join('/'), found.code)
  }
  return { mutants, codes }
}

/**
 * @param {string} root
 * @param {string} trial file in which the tests' processes read which mutant is tried
 * @param {string} tests
 * @param {Map<string, string>} codes
 */
async function vitestFor(root, trial, tests, codes) {
  process.env['VMBUS_MUTATE'] = trial
  const folders = tests.split(',').map((name) => `${folderOf(name)}/test/`)
  const mutated = {
    name: 'mutants',
    enforce: /** @type {const} */ ('pre'),
    /** @param {string} id */
    load: (id) => codes.get(id.replace(/\?.*$/, '')),
  }
  const vitest = await createVitest(
    'test',
    {
      root,
      config: join(here, '../vitest.config.ts'),
      watch: false,
      reporters: [{}],
      setupFiles: [join(here, 'fast-check.ts'), join(here, 'mutate/setup.ts')],
      pool: 'forks',
      maxWorkers: 1,
      fileParallelism: false,
      bail: 1,
      // What a module does as it is loaded is reached by each file of tests that imports it, not by the first alone.
      isolate: true,
    },
    { plugins: [mutated] },
  )
  await vitest.standalone()
  return { vitest, specifications: await vitest.globTestSpecifications(folders) }
}

/** @param {readonly TestModule[]} modules */
const failedIn = (modules) => modules.find((module) => !module.ok())

/** @param {TestModule} module */
const whyFailed = (module) =>
  [...module.children.allTests()]
    .flatMap((test) => test.result().errors ?? [])
    .concat(module.errors())
    .map(({ message }) => `${module.relativeModuleId}: ${message}`)
    .join('\n')

/**
 * Which mutants each file of tests reaches, as scripts/mutate/setup.ts wrote it.
 *
 * @param {string} lines
 */
const reachedBy = (lines) =>
  lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      /** @type {{ file: string, reached: number[] }} */
      const { file, reached } = JSON.parse(line)
      return { file, ids: new Set(reached) }
    })

async function main() {
  const given = options()
  if (given === undefined) {
    console.error(USAGE)
    return 2
  }
  const { name, seed, most, seconds } = given
  const scratch = mkdtempSync(join(tmpdir(), 'vmbus-mutate-'))
  const [trial, reachedFile] = [join(scratch, 'trial.json'), join(scratch, 'reached.jsonl')]
  const { mutants, codes } = instrumented(given.root, name, given.files)
  writeFileSync(reachedFile, '')
  writeFileSync(trial, JSON.stringify({ reached: reachedFile, seconds: 3600 }))
  const { vitest, specifications } = await vitestFor(given.root, trial, given.tests, codes)
  try {
    console.log(`${mutants.length} mutants of ${name}; ${specifications.length} files of tests run once without`)
    const first = await vitest.runTestSpecifications(specifications)
    const broken = failedIn(first.testModules)
    if (broken !== undefined || first.unhandledErrors.length > 0) {
      const why = broken === undefined ? JSON.stringify(first.unhandledErrors[0]) : whyFailed(broken)
      console.error(`the tests fail without a mutant\n${why}`)
      return 2
    }
    // In a trial the mutant is there from the start: each module is loaded once, with it.
    for (const { config } of vitest.projects) config.isolate = false
    const durations = new Map(first.testModules.map((module) => [module.moduleId, module.diagnostic().duration / 1000]))
    const reached = reachedBy(readFileSync(reachedFile, 'utf8'))
    return await judge()

    async function judge() {
      const tally = { killed: 0, endless: 0 }
      /** @type {string[]} */
      const survivors = []
      const drawn = shuffled(mutants, seed).slice(0, most)
      for (const [index, mutant] of drawn.entries()) {
        const specs = specificationsFor(mutant)
        const outcome = specs.length === 0 ? 'reached by no test' : await tried(mutant, specs)
        if (outcome === 'killed') tally.killed++
        else if (outcome === 'no end') tally.endless++
        else
          survivors.push(
            `${mutant.file}:${mutant.line}: ${mutant.original} -> ${mutant.mutated || 'nothing'} (${outcome})`,
          )
        if (outcome !== 'killed' && outcome !== 'no end') console.log(survivors.at(-1))
        if (index % 20 === 19) console.error(`${index + 1} of ${drawn.length}`)
      }
      const dead = tally.killed + tally.endless
      const share = drawn.length === 0 ? 100 : (100 * dead) / drawn.length
      console.log(
        `${name}: ${dead} of ${drawn.length} mutants killed (${share.toFixed(1)} %), ${tally.endless} of them by time; ` +
          `${mutants.length} in all, seed ${seed}`,
      )
      return 0
    }

    /** @param {Mutant} mutant */
    function specificationsFor({ id }) {
      const files = new Set(reached.filter(({ ids }) => ids.has(id)).map(({ file }) => file))
      return specifications
        .filter(({ moduleId }) => files.has(moduleId))
        .sort((a, b) => (durations.get(a.moduleId) ?? 0) - (durations.get(b.moduleId) ?? 0))
    }

    /**
     * @param {Mutant} mutant
     * @param {TestSpecification[]} specs
     */
    async function tried({ id }, specs) {
      const usual = specs.reduce((sum, { moduleId }) => sum + (durations.get(moduleId) ?? 0), 0)
      writeFileSync(trial, JSON.stringify({ mutant: id, reached: reachedFile, seconds: Math.max(seconds, 5 * usual) }))
      const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specs)
      if (failedIn(testModules) !== undefined) return 'killed'
      return unhandledErrors.length > 0 ? 'no end' : `survives ${specs.length} files of tests`
    }
  } finally {
    await vitest.close()
    rmSync(scratch, { recursive: true })
  }
}

process.exitCode = await main()
