import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A block of TypeScript in a README.
 *
 * @typedef {object} Example
 * @property {number} line of its first line of code, from 1
 * @property {string} code
 * @property {'fast' | 'guests' | 'none'} tier of tests that runs it: a block marked "guests" needs a kernel, one marked
 *   "no-run" is run by none
 * @property {string | undefined} why the comment before a block that is not run: `<!-- not run: it needs a network -->`
 */

/**
 * What a mark after `ts` means.
 *
 * @type {Readonly<Record<string, Example['tier']>>}
 */
const TIERS = { '': 'fast', guests: 'guests', 'no-run': 'none' }

/** The languages that would show code without its being run; TypeScript blocks say `ts`. */
const UNTESTED = new Set(['typescript', 'tsx', 'mts', 'js', 'javascript', 'mjs', 'jsx'])

/**
 * The TypeScript blocks of a markdown text.
 *
 * @param {string} markdown
 * @returns {Example[]}
 */
export function examplesOf(markdown) {
  const lines = markdown.split('\n')
  /** @type {Example[]} */
  const examples = []
  for (let at = 0; at < lines.length; at++) {
    const [, fence = '', info = ''] = /^\s*(`{3,})\s*(.*?)\s*$/.exec(lines[at] ?? '') ?? []
    if (fence === '') continue
    let end = at + 1
    while (end < lines.length && lines[end]?.trim() !== fence) end++
    if (end === lines.length) throw new SyntaxError(`line ${at + 1}: this block does not end`)
    const [, language = '', mark = ''] = /^(\S*)\s*(.*)$/.exec(info) ?? []
    if (UNTESTED.has(language)) throw new SyntaxError(`line ${at + 1}: mark a block of ${language} as ts`)
    if (language === 'ts') {
      const tier = Object.hasOwn(TIERS, mark) ? TIERS[mark] : undefined
      if (tier === undefined) throw new SyntaxError(`line ${at + 1}: unknown mark in '${info}'`)
      // The formatter puts an empty line between the two.
      const above = (lines[at - 1]?.trim() === '' ? lines[at - 2] : lines[at - 1]) ?? ''
      const [, why] = /^<!-- not run: (.+) -->$/.exec(above.trim()) ?? []
      examples.push({ line: at + 2, code: lines.slice(at + 1, end).join('\n'), tier, why })
    }
    at = end
  }
  return examples
}

/**
 * The README of the repository and of each package, as paths from the root. One that is missing is left out here and
 * found by scripts/docs.mjs.
 *
 * @param {string} root
 */
function readmes(root) {
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`)
  return ['README.md', ...packages, 'matrix/README.md'].filter((path) => existsSync(join(root, path)))
}

/**
 * Writes every example of every README as a file of its own, for the compiler to check and a test to run. Line numbers are
 * those of the README. The files lie in matrix, whose libraries they may import as well as every package.
 *
 * @param {string} root
 * @returns {{ readme: string, example: Example, file: string }[]} with absolute paths of the files
 */
export function writeExamples(root) {
  const folder = join(root, 'matrix/.examples')
  rmSync(folder, { recursive: true, force: true })
  const scope = join(folder, 'node_modules/@vmbus')
  mkdirSync(scope, { recursive: true })
  for (const name of readdirSync(join(root, 'packages')))
    symlinkSync(join(root, 'packages', name), join(scope, name), 'junction')
  return readmes(root).flatMap((readme) =>
    examplesOf(readFileSync(join(root, readme), 'utf8')).map((example) => {
      const file = join(
        folder,
        `${readme.replace(/\/?README\.md$/, '').replaceAll('/', '-') || 'root'}-${example.line}.ts`,
      )
      // The empty export makes a module of a block without imports, so that it may await at its top level.
      writeFileSync(file, `${'\n'.repeat(example.line - 1)}${example.code}\nexport {}\n`)
      return { readme, example, file }
    }),
  )
}
