// Packs every built package as it would be published and asks two judges: publint about the manifest and the files, attw
// about the types that a consumer's resolver finds. Run after `npm run build`.
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * @param {string} command found in node_modules/.bin
 * @param {string[]} args
 * @returns {Promise<string | undefined>} what it said, when it failed
 */
function complaint(command, args) {
  return new Promise((resolve) => {
    execFile(
      join(root, 'node_modules/.bin', command),
      args,
      { cwd: root, shell: process.platform === 'win32' },
      (error, stdout, stderr) => resolve(error ? `$ ${command} ${args.join(' ')}\n${stdout}${stderr}` : undefined),
    )
  })
}

const folder = await mkdtemp(join(tmpdir(), 'vmbus-packed-'))
try {
  const found = [await complaint('pnpm', ['--filter', '@vmbus/*', 'pack', '--pack-destination', folder])]
  const judgements = (await readdir(folder))
    .sort()
    .flatMap((name) => [
      () => complaint('publint', ['--strict', join(folder, name)]),
      () => complaint('attw', [join(folder, name), '--profile', 'esm-only', '--format', 'ascii']),
    ])
  const judge = async () => {
    for (let next = judgements.shift(); next !== undefined; next = judgements.shift()) found.push(await next())
  }
  await Promise.all(Array.from({ length: availableParallelism() }, judge))
  const complaints = found.filter((said) => said !== undefined)
  for (const said of complaints) console.error(said)
  if (complaints.length > 0) process.exitCode = 1
} finally {
  await rm(folder, { recursive: true })
}
