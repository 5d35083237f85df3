import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'
import { devicePackages } from '../floors/table.mjs'
import { codesOf, codeViolations } from './codes.mjs'
import { citationViolations } from './citations.mjs'
import { examplesOf } from './examples.mjs'

/** The longest first example a README may open with. */
const OPENING_LINES = 20

const NOTICES = 'THIRD-PARTY-NOTICES.md'

/**
 * What is wrong with the documentation of the repository, one line each.
 *
 * @param {string} root
 * @returns {string[]}
 */
export function docViolations(root) {
  const packages = packageFolders(root)
  return [
    ...['.', ...packages].flatMap((folder) => readmeViolations(root, folder)),
    ...markdownFiles(root, '').flatMap((path) => linkViolations(root, path)),
    ...indexViolations(root, packages),
    ...lifeViolations(root, packages),
    ...noticeViolations(root, packages),
    ...citationViolations(root, packages),
    ...codeViolations(root, codesOf(root, packages)),
  ]
}

/** @param {string} root */
export function packageFolders(root) {
  return [...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`), 'matrix']
}

/**
 * A package's README opens with an example of a few lines, and runs all of its examples or says why not.
 *
 * @param {string} root
 * @param {string} folder
 */
function readmeViolations(root, folder) {
  const path = folder === '.' ? 'README.md' : `${folder}/README.md`
  if (!existsSync(join(root, path))) return [`${path}: is missing`]
  const text = readFileSync(join(root, path), 'utf8')
  const examples = examplesOf(text)
  const [opening] = examples
  if (opening === undefined) return [`${path}: has no example in a ts block`]
  const lines = opening.code.split('\n').length
  const install = installLine(root, folder)
  return [
    ...(install === undefined || text.includes(install) ? [] : [`${path}: does not say '${install}'`]),
    ...(folder === '.' ? plainViolations(opening.code) : []).map(
      (found) => `${path}:${opening.line}: the first example ${found}`,
    ),
    ...(lines > OPENING_LINES
      ? [`${path}:${opening.line}: the first example has ${lines} lines, not ${OPENING_LINES}`]
      : []),
    ...examples
      .filter(({ tier, why }) => tier === 'none' && why === undefined)
      .map(({ line }) => `${path}:${line}: a block that is not run needs '<!-- not run: why -->' before it`),
    ...examples
      .filter(({ tier, why }) => tier !== 'none' && why !== undefined)
      .map(({ line, tier }) => `${path}:${line}: is said not to be run, but the ${tier} tier runs it`),
  ]
}

/**
 * How a package comes to those who use it; undefined where it is not published.
 *
 * @param {string} root
 * @param {string} folder
 */
function installLine(root, folder) {
  const path = join(root, folder, 'package.json')
  /** @type {{ name?: string, private?: boolean }} */
  const { name, private: isPrivate } = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
  return name === undefined || isPrivate === true ? undefined : `npm install ${name}`
}

/**
 * The first example is what people paste: JavaScript without types that every Node of `engines` takes.
 *
 * @param {string} code
 * @returns {string[]}
 */
function plainViolations(code) {
  const { program, errors } = parseSync('example.mjs', code)
  if (errors[0] !== undefined) return [`is no plain JavaScript: ${errors[0].message}`]
  /** @type {string[]} */
  const found = []
  new Visitor({
    VariableDeclaration({ kind }) {
      if (kind.endsWith('using')) found.push(`needs Node 24: ${kind}`)
    },
  }).visit(program)
  return found
}

/**
 * Links to files of the repository lead somewhere.
 *
 * @param {string} root
 * @param {string} path
 */
function linkViolations(root, path) {
  const text = readFileSync(join(root, path), 'utf8').replaceAll(/^\s*```.*?^\s*```/gms, '')
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .filter((target) => !existsSync(join(root, dirname(path), target)))
    .map((target) => `${path}: links to ${target}, which does not exist`)
}

/**
 * The README of the repository links to every package.
 *
 * @param {string} root
 * @param {readonly string[]} packages
 */
function indexViolations(root, packages) {
  const index = readFileSync(join(root, 'README.md'), 'utf8')
  return packages
    .filter((folder) => !index.includes(`](${folder})`))
    .map((folder) => `README.md: does not list ${folder}`)
}

/**
 * The README of a device draws its life. A semicolon ends a statement of Mermaid, and the rest of the text is then no diagram.
 *
 * @param {string} root
 * @param {readonly string[]} packages
 */
function lifeViolations(root, packages) {
  return packages
    .filter((folder) => devicePackages.includes(folder.replace('packages/', '')))
    .filter((folder) => existsSync(join(root, folder, 'README.md')))
    .flatMap((folder) => {
      const [, life] = /^```mermaid\n(.*?)^```/ms.exec(readFileSync(join(root, folder, 'README.md'), 'utf8')) ?? []
      if (life === undefined) return [`${folder}/README.md: does not draw the device's life in a mermaid block`]
      return life.includes(';') ? [`${folder}/README.md: a semicolon breaks its mermaid block`] : []
    })
}

/**
 * The notices name everything foreign that a package needs at run time.
 *
 * @param {string} root
 * @param {readonly string[]} packages
 */
function noticeViolations(root, packages) {
  const notices = readFileSync(join(root, NOTICES), 'utf8')
  return packages.flatMap((folder) => {
    /** @type {{ dependencies?: Record<string, string>, peerDependencies?: Record<string, string> }} */
    const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
    return Object.keys({ ...dependencies, ...peerDependencies })
      .filter((name) => !/^@(vmbus|types)\//.test(name) && !notices.includes(`[${name}](`))
      .map((name) => `${NOTICES}: does not name ${name}, which ${folder} needs`)
  })
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
function markdownFiles(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory())
      return /^(node_modules|dist|coverage|\..*)$/.test(entry.name) ? [] : markdownFiles(root, path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}
