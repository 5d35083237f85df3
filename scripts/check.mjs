// Everything that can be said about the repository without running its tests, in one command: `npm run check`.
// `npm run check -- lint types` runs only those steps, in the order of package.json. Each step prints its seconds; a step
// that fails prints what it said, the others still run, and the exit code is 1.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A step is a script of package.json whose name starts so. */
const PREFIX = 'check:'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @type {{ scripts: Record<string, string> }} */
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const steps = Object.entries(scripts)
  .filter(([name]) => name.startsWith(PREFIX))
  .map(([name, command]) => ({ name: name.slice(PREFIX.length), command }))

const env = {
  ...process.env,
  PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}`,
  TURBO_TELEMETRY_DISABLED: '1',
  NPM_CONFIG_LOGLEVEL: 'error',
}

/**
 * @param {string} command
 * @returns {Promise<{ code: number | null, output: string }>}
 */
function run(command) {
  return new Promise((resolve) => {
    // A shell finds the tools in node_modules/.bin on every system; the commands are those of package.json.
    const child = spawn(command, { cwd: root, env, shell: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
    child.on('close', (code) => resolve({ code, output }))
  })
}

const names = process.argv.slice(2)
const unknown = names.filter((name) => !steps.some((step) => step.name === name))
if (unknown.length > 0) {
  console.error(`no step ${unknown.join(', ')}; there are ${steps.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

for (const { name, command } of steps) {
  if (names.length > 0 && !names.includes(name)) continue
  const started = performance.now()
  const { code, output } = await run(command)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(10)} ${seconds.padStart(5)} s`)
  if (code === 0) continue
  console.log(`\n$ ${command}\n${output}`)
  process.exitCode = 1
}
