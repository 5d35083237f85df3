// The page of the report is built from packages/report/page into packages/report/data and committed, so that a checkout needs
// no build. This builds it again and fails where the committed one is another; with --write, as in `npm run page`, it writes it.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const report = fileURLToPath(new URL('../packages/report', import.meta.url))
const committed = join(report, 'data/index.html')
const folder = mkdtempSync(join(tmpdir(), 'vmbus-page-'))
try {
  const vite = join(report, 'node_modules/.bin/vite')
  const { status, stdout, stderr } = spawnSync(
    vite,
    ['build', '--config', 'page/vite.config.ts', '--outDir', folder, '--logLevel', 'warn'],
    { cwd: report, encoding: 'utf8', shell: process.platform === 'win32' },
  )
  if (status !== 0) throw new Error(`the page was not built:\n${stdout}${stderr}`)
  const built = join(folder, 'index.html')
  if (process.argv.includes('--write')) cpSync(built, committed)
  else if (readFileSync(built, 'utf8') !== readFileSync(committed, 'utf8')) {
    console.error('packages/report/data/index.html is not what its sources give: run `npm run page`')
    process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true })
}
