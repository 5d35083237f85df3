// What the manifest of every published package has to say, beside what publint and sherif look at. With --write it is written.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageFolders } from './docs/rules.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const REPOSITORY = 'https://github.com/vmbus/vmbus'

/**
 * What a tarball has; LICENSE and README.md are in each without being named.
 *
 * @param {string} folder
 */
const filesOf = (folder) => [
  'dist',
  ...(existsSync(join(root, folder, 'data')) ? ['data'] : []),
  'CHANGELOG.md',
  'THIRD-PARTY-NOTICES.md',
  '!**/*.tsbuildinfo',
]

/** Peers that work in one version alone: the hooks into v86 were proven on builds. */
const EXACT = new Set(['v86'])

/**
 * @typedef {Record<string, unknown> & { name: string, private?: boolean, scripts?: Record<string, string> }
 *   & { [K in 'dependencies' | 'peerDependencies']?: Record<string, string> }} Manifest
 */

/**
 * The fields that a manifest must have, for a folder of the repository.
 *
 * @param {string} folder
 * @param {Manifest} manifest
 */
const wanted = (folder, { scripts }) => ({
  homepage: `${REPOSITORY}/tree/main/${folder}#readme`,
  bugs: `${REPOSITORY}/issues`,
  repository: { type: 'git', url: `git+${REPOSITORY}.git`, directory: folder },
  license: 'MIT',
  files: filesOf(folder),
  sideEffects: false,
  scripts: {
    ...scripts,
    build: 'tsc -b',
    prepack: 'node ../../scripts/prepack.mjs'.replace('../../', folder === 'matrix' ? '../' : '../../'),
  },
})

/**
 * Exact versions that a library would force upon whoever installs it.
 *
 * @param {Manifest} manifest
 * @param {string} catalog text of pnpm-workspace.yaml
 */
function pinned({ dependencies, peerDependencies }, catalog) {
  return Object.entries({ ...dependencies, ...peerDependencies })
    .filter(([name]) => !EXACT.has(name))
    .map(([name, range]) => {
      const [, listed = ''] = new RegExp(`^ +'?${name}'?: (.+)$`, 'm').exec(catalog) ?? []
      return { name, range: range === 'catalog:' ? listed : range }
    })
    .filter(({ range }) => /^\d/.test(range))
    .map(({ name, range }) => `pins ${name} to ${range}: give a range`)
}

const catalog = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')
for (const folder of packageFolders(root)) {
  const path = join(root, folder, 'package.json')
  if (!existsSync(path)) continue
  /** @type {Manifest} */
  const manifest = JSON.parse(readFileSync(path, 'utf8'))
  if (manifest.private === true) continue
  const fields = Object.entries(wanted(folder, manifest))
  if (process.argv.includes('--write')) {
    const { name, version, description, keywords, ...rest } = manifest
    const written = { name, version, description, keywords, ...rest, ...Object.fromEntries(fields) }
    writeFileSync(path, `${JSON.stringify(written, undefined, 2)}\n`)
  }
  const wrong = fields.filter(([field, value]) => JSON.stringify(manifest[field]) !== JSON.stringify(value))
  const found = [
    ...wrong.map(([field, value]) => `${field} must be ${JSON.stringify(value)}`),
    ...pinned(manifest, catalog),
  ]
  if (process.argv.includes('--write')) continue
  for (const violation of found) console.error(`${folder}/package.json: ${violation}`)
  if (found.length > 0) process.exitCode = 1
}
