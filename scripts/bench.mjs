// Runs the benchmarks (packages/*/bench/*.ts), one process each so that none warms or pollutes another.
// `npm run bench -- ring` runs those with "ring" in their path.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = process.argv.slice(2)
const folders = [...readdirSync(join(root, 'packages')).map((name) => join('packages', name)), 'matrix']
const files = folders
  .map((folder) => join(folder, 'bench'))
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((file) => file.endsWith('.ts') && wanted.every((word) => file.includes(word)))

if (files.length === 0) {
  console.error(`no benchmark matches ${wanted.join(' ') || 'packages/*/bench/*.ts'}`)
  process.exit(2)
}
for (const file of files) {
  console.log(`\n${file}`)
  const { status } = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', '-C', '@vmbus/source', file], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}
