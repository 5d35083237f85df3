// Before a package is packed, by whatever tool and from whatever state: it is built, and has what its licence asks for. Run in
// the package's folder.
import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
for (const file of ['LICENSE', 'THIRD-PARTY-NOTICES.md']) copyFileSync(join(root, file), file)
const { status } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-b'], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
})
process.exitCode = status ?? 1
