// Writes the pages of the interface into docs/api: `npm run docs:api`. The tool that reads our sources needs a compiler that has
// an interface of its own, which the one that builds them has not; both live in tools/api, installed when they are first asked for.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
/** @type {{ packageManager: string }} */
const { packageManager } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

/**
 * @param {string} command
 * @param {string[]} argv
 */
function run(command, argv) {
  const { status } = spawnSync(command, argv, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}

const install = ['install', '--frozen-lockfile', '--ignore-workspace', '--dir', 'tools/api', '--loglevel=error']
run('npx', ['--yes', '--loglevel=error', packageManager, ...install])
run(process.execPath, ['tools/api/pages.mjs'])
