import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join, posix, relative, sep } from 'node:path'

/**
 * What the check of the floors knows of a package.
 *
 * @typedef {object} Source
 * @property {string} path from the package's folder, with forward slashes
 * @property {string} text
 *
 * @typedef {object} Package
 * @property {string} folder the last part of its path, which is also its name without the scope
 * @property {{ name: string } & Partial<Record<DependencyField, Record<string, string>>>} manifest
 * @property {readonly string[]} references folders that its tsconfig.json refers to
 * @property {boolean} isBuilt tsconfig.build.json refers to it
 * @property {readonly Source[]} sources the TypeScript files of src and test
 *
 * @typedef {'dependencies' | 'devDependencies' | 'peerDependencies' | 'optionalDependencies'} DependencyField
 */

/**
 * Every package of the workspace, as it stands on disk.
 *
 * @param {string} root
 * @returns {Package[]}
 */
export function readWorkspace(root) {
  const packages = readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .filter((path) => existsSync(join(path, 'package.json')))
  const built = referencesOf(JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8')))
  return [...packages, join(root, 'matrix')].map((path) => ({
    folder: basename(path),
    manifest: JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')),
    references: referencesOf(JSON.parse(readFileSync(join(path, 'tsconfig.json'), 'utf8'))),
    isBuilt: built.includes(basename(path)),
    sources: ['src', 'test'].flatMap((part) => sourcesIn(path, part)),
  }))
}

/**
 * @param {string} path
 * @param {string} part
 * @returns {Source[]}
 */
function sourcesIn(path, part) {
  const folder = join(path, part)
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(path, file).split(sep).join('/'), text: readFileSync(file, 'utf8') }))
}

/** @param {{ references: readonly { path: string }[] }} tsconfig */
function referencesOf({ references }) {
  return references.map(({ path }) => posix.basename(path))
}
