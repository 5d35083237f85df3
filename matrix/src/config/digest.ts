import { createHash, type Hash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'

/** What a package's code is made of; declarations say nothing to it. */
const CODE = /(?<!\.d)\.(?:[cm]?[jt]s|json)$/

function* codeOf(folder: string): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* codeOf(path)
    else if (CODE.test(entry.name)) yield path
  }
}

/** The first of these names in a folder or above it. */
export function upward(folder: string, names: readonly string[]): string | undefined {
  const found = names.map((name) => join(folder, name)).find((path) => existsSync(path))
  const above = dirname(folder)
  return found ?? (above === folder ? undefined : upward(above, names))
}

/** Names of what a package needs, of any kind. */
function dependenciesOf(manifest: unknown): string[] {
  if (typeof manifest !== 'object' || manifest === null) return []
  const lists = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies']
  const needed = Object.entries(manifest).flatMap(([name, list]: [string, unknown]) =>
    lists.includes(name) && typeof list === 'object' && list !== null ? Object.keys(list) : [],
  )
  return [...new Set(needed)].toSorted()
}

const readManifest = (folder: string): unknown => {
  const path = join(folder, 'package.json')
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
}

/**
 * Adds a package: all of its code and, in turn, that of the packages that it needs and that are linked into its node_modules, as
 * in a workspace. What was installed there is known by its manifest.
 */
function addPackage(hash: Hash, folder: string, seen: Set<string>): void {
  if (seen.has(folder)) return
  seen.add(folder)
  for (const path of codeOf(folder))
    hash.update(relative(folder, path).split(sep).join('/')).update('\0').update(readFileSync(path))
  for (const name of dependenciesOf(readManifest(folder))) {
    const found = upward(folder, [join('node_modules', name)])
    const real = found === undefined ? undefined : realpathSync(found)
    hash.update(`\0${name}\0`)
    if (real === undefined) continue
    if (real.split(sep).includes('node_modules')) hash.update(JSON.stringify(readManifest(real)) ?? '')
    else addPackage(hash, real, seen)
  }
}

/**
 * SHA-256 of the code that a configuration is made of: that of its package, which the nearest package.json begins. It is the same
 * wherever the package lies, on every machine.
 */
export function configDigest(path: string): string {
  const hash = createHash('sha256')
  const manifest = upward(dirname(path), ['package.json'])
  const folder = realpathSync(dirname(manifest ?? path))
  addPackage(hash, folder, new Set())
  // Where the package is says nothing: on another machine it is elsewhere.
  return hash.update(relative(folder, realpathSync(path)).split(sep).join('/')).digest('hex')
}
