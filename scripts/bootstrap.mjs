// Installs the workspace's dependencies when they are missing or out of date, so that `npm start` and `npm test` are all
// that a fresh clone needs. Every npm script that uses a dependency calls this first (pre-hooks in package.json).
//
// Only Node and npm are required: pnpm, in the version that package.json pins, comes through npx. When the lockfile of the
// last install equals the one in the repository there is nothing to do, and this ends at once.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
/** @type {{ engines: { node: string }, packageManager: string }} */
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

/** @param {string} path */
function textOf(path) {
  try {
    return readFileSync(root + path, 'utf8')
  } catch {
    return undefined
  }
}

const [leastMajor = 0, leastMinor = 0] = manifest.engines.node.replace('>=', '').split('.').map(Number)
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
  console.error(`Node ${manifest.engines.node} is needed; this is ${process.versions.node}`)
  process.exit(2)
}

if (textOf('pnpm-lock.yaml') !== textOf('node_modules/.pnpm/lock.yaml')) {
  console.log(`installing dependencies with ${manifest.packageManager}`)
  const install = ['--yes', '--loglevel=error', manifest.packageManager, 'install', '--frozen-lockfile']
  // npx is a .cmd file on Windows, which only a shell runs; none of the arguments needs quoting.
  const { status } = spawnSync('npx', install, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}
