import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseResults } from '../src/results/file.ts'

// The command in a process of its own, and the key that a person presses.

const CLI = new URL('../dist/cli.js', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'vmbus-interrupted-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string): string => join(folder, name)

const ASKED = ['--release', 'rhel 7.*', '--host', 'ws2012r2,ws2022', '--feature', 'kvp,networking', '--runs', '2']

/** How a run ended, and what it told; `interrupt` presses Ctrl-C when the first executions are there. */
async function run(name: string, interrupt: boolean): Promise<{ code: number | null; err: string }> {
  const env = { ...process.env, XDG_CACHE_HOME: file('cache') }
  const child = spawn(process.execPath, [CLI, 'matrix', ...ASKED, '--json', file(name)], { env })
  let err = ''
  let isPressed = false
  child.stdout.resume()
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    err += part
    if (!interrupt || isPressed || !err.includes('executions')) return
    isPressed = true
    child.kill('SIGINT')
  })
  const code = await new Promise<number | null>((resolve) => void child.on('close', resolve))
  return { code, err }
}

const read = (name: string) => parseResults(readFileSync(file(name), 'utf8'), name)

test('Ctrl-C keeps what was finished, and the next run goes on from there', async () => {
  const first = await run('part.json', true)
  expect(first.code).toBe(130)
  expect(first.err).toMatch(/vmbus: interrupted\n$/)
  const part = read('part.json')
  const total = Number(/of (\d+) executions/.exec(first.err)?.[1])
  expect(part.executions.length).toBeGreaterThan(0)
  expect(part.executions.length).toBeLessThan(total)
  // What did not run says so.
  expect(part.stories.some(({ notRun }) => notRun === 'not-finished')).toBe(true)

  const second = await run('whole.json', false)
  expect(second.code).toBe(0)
  const [, done, all, before] = /(\d+) of (\d+) executions, (\d+) of them from before\n$/.exec(second.err) ?? []
  expect([done, all]).toEqual([`${total}`, `${total}`])
  // Those that a thread still had under way when the key was pressed are in no file.
  expect(Number(before)).toBeGreaterThanOrEqual(part.executions.length)
  const whole = read('whole.json')
  expect(whole.stories.some(({ notRun }) => notRun === 'not-finished')).toBe(false)
  const byId = new Map(whole.executions.map((execution) => [execution.id, execution]))
  for (const execution of part.executions) expect(byId.get(execution.id)).toEqual(execution)

  // The same bytes as a run that nobody interrupted.
  rmSync(file('cache'), { recursive: true })
  await run('again.json', false)
  expect(readFileSync(file('again.json')).equals(readFileSync(file('whole.json')))).toBe(true)
})
