import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'

/** Packages whose code decides what an execution finds out. They are found by name: each is a dependency of this one. */
export const PACKAGES = [
  'balloon',
  'core',
  'disk',
  'fcopy',
  'guest-freebsd',
  'guest-linux',
  'guest-windows',
  'heartbeat',
  'host',
  'hypervisor',
  'ic',
  'kvp',
  'layout',
  'machine-v86',
  'netvsc',
  'shutdown',
  'simulation',
  'storvsc',
  'switch',
  'timesync',
  'trace',
  'vss',
  'world',
] as const

/** Sources, or what was built of them: not the declarations beside it. */
const CODE = /(?<!\.d)\.[jt]s$/

function* filesOf(folder: string): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesOf(path)
    else if (CODE.test(entry.name)) yield path
  }
}

/**
 * SHA-256 of the code of this package and of every package that an execution runs, as they are on this machine; `config` is the
 * digest of a user's own.
 */
export function codeDigest(config = ''): string {
  // What draws the values, and what runs them, are not among the files.
  const hash = createHash('sha256').update(`${fc.__version} ${process.version} ${config}\0`)
  const own = dirname(dirname(fileURLToPath(import.meta.url)))
  const folders = [
    own,
    ...PACKAGES.map((name) => realpathSync(dirname(fileURLToPath(import.meta.resolve(`@vmbus/${name}`))))),
  ]
  for (const folder of folders)
    for (const path of filesOf(folder)) hash.update(path.slice(folder.length)).update('\0').update(readFileSync(path))
  return hash.digest('hex')
}
