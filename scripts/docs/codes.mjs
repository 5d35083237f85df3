import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The one page that lists every code of an error or a diagnostic. It is written by `npm run docs`. */
export const CODES_PAGE = 'docs/errors.md'

/** A code in quotes. Environment variables share the prefix, and are read as properties or by name in brackets. */
const CODE = /(?<!env\[|env\.)(['"`])(VMBUS_[A-Z0-9_]+)\1/g

/**
 * The codes that the sources of each package name.
 *
 * @param {string} root
 * @param {readonly string[]} packages folders
 * @returns {Map<string, string[]>} code to folders, in alphabetical order of codes
 */
export function codesOf(root, packages) {
  /** @type {Map<string, string[]>} */
  const index = new Map()
  for (const folder of packages) {
    for (const code of new Set(codesIn(join(root, folder, 'src'))))
      index.set(code, [...(index.get(code) ?? []), folder])
  }
  return new Map([...index].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** @param {string} folder */
function codesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .flatMap((entry) => [...readFileSync(join(entry.parentPath, entry.name), 'utf8').matchAll(CODE)])
    .map(([, , code = '']) => code)
}

/**
 * The text of the page.
 *
 * @param {Map<string, string[]>} codes
 */
export function codesPage(codes) {
  const rows = [...codes].map(([code, folders]) => {
    const links = folders.map((folder) => `[${folder.replace('packages/', '')}](../${folder}/README.md)`)
    return `- \`${code}\`: ${links.join(', ')}`
  })
  return `# Codes of errors and diagnostics

Every error is a class with a \`code\`, the field, its value and what was allowed; what a peer did wrong is no error of yours and
goes to the \`diagnose\` callback with a code as well. The README of the package tells what its codes mean.

<!-- Written by npm run docs. -->

${rows.join('\n')}
`
}

/**
 * @param {string} root
 * @param {Map<string, string[]>} codes
 */
export function codeViolations(root, codes) {
  /** @param {string} path */
  const textOf = (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '')
  const untold = [...codes].filter(([code, folders]) => {
    return !folders.some((folder) => new RegExp(`\\b${code}\\b`).test(textOf(`${folder}/README.md`)))
  })
  return [
    ...untold.map(([code, folders]) => `${folders[0]}/README.md: does not tell what ${code} means`),
    ...(textOf(CODES_PAGE) === codesPage(codes) ? [] : [`${CODES_PAGE}: is out of date: npm run docs`]),
  ]
}
