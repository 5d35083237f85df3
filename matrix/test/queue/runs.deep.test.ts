import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseResults } from '@vmbus/matrix'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PREFIX } from '../../src/queue/jobs.ts'
import { freePort, redisServer, until, vmbus, type RedisServer, type VmbusProcess } from './processes.ts'

// Several runs at one queue at the same time, in processes of their own, each beside the same run without a queue.

const folder = mkdtempSync(join(tmpdir(), 'vmbus-runs-'))
const file = (name: string): string => join(folder, name)
const bytes = (name: string): string => readFileSync(file(`${name}.json`), 'utf8')
const idsOf = (name: string): string[] => parseResults(bytes(name), name).executions.map(({ id }) => id)

/** What each run asks for. `more` has all of `seven`, and as much again. */
const CELLS = ['--release', 'debian *,ubuntu *', '--host', '2012r2,2016,2022']
const CONFIG = ['--config', file('vmbus.config.mjs')]
const ASKED = {
  seven: [...CELLS, '--feature', 'core,kvp,file-copy', '--seed', '7'],
  eight: [...CELLS, '--feature', 'core,kvp,file-copy', '--seed', '8'],
  more: [...CELLS, '--feature', 'core,kvp,file-copy,live-backup', '--seed', '7'],
  own: [
    ...CONFIG,
    '--release',
    'debian *,ubuntu *',
    '--host',
    'no-copy,2022',
    '--feature',
    'kvp,file-copy',
    '--seed',
    '7',
  ],
} as const
type Name = keyof typeof ASKED

let server: RedisServer
let url = ''
let redis: Redis

/** Its results are in the file of its name; nothing of other runs is in its cache. */
const run = (name: Name, as: string): VmbusProcess =>
  vmbus(['matrix', ...ASKED[name], '--queue', url, '--json', file(`${as}.json`)], file(as))

async function worker(...more: readonly string[]): Promise<VmbusProcess> {
  const process = vmbus(['worker', '--queue', url, '--workers', '1', ...more], file('worker'))
  await until(() => process.said().includes('take executions'), 'a worker', 120_000)
  return process
}

async function madeBy(process: VmbusProcess): Promise<number> {
  await process.end('SIGTERM')
  const [, count] = /vmbus: (\d+) executions made/.exec(process.said()) ?? expect.fail(process.said())
  return Number(count)
}

async function expectLocal(name: Name, as: string, running: VmbusProcess): Promise<void> {
  expect([as, await running.ended()]).toEqual([as, 0])
  expect(bytes(as)).toBe(bytes(`local-${name}`))
}

beforeAll(async () => {
  writeFileSync(
    file('vmbus.config.mjs'),
    `const fcopy = { value: [], basis: 'source-read', source: 'here' }
     export default { hosts: [{ id: 'no-copy', name: 'No copy', like: 'ws2022', fields: { fcopy } }] }`,
  )
  server = await redisServer(await freePort())
  ;({ url } = server)
  redis = new Redis(url, { maxRetriesPerRequest: null })
  for (const [name, asked] of Object.entries(ASKED)) {
    const local = vmbus(['matrix', ...asked, '--json', file(`local-${name}.json`)], file(`local-${name}`))
    if ((await local.ended()) !== 0) throw new Error(`${name}: ${local.said()}`)
  }
})

afterAll(async () => {
  redis.disconnect()
  await server.kill()
  rmSync(folder, { recursive: true })
})

test('runs of other seeds, and one that shares what another asks, are each as without a queue; nothing is made twice', async () => {
  const workers = [await worker(), await worker()]
  const running = (['seven', 'eight', 'more'] as const).map((name) => ({ name, process: run(name, name) }))
  for (const { name, process } of running) await expectLocal(name, name, process)
  const all = running.map(({ name }) => idsOf(name))
  // Of another seed no execution is the same; of `more` all that `seven` has are.
  expect(all[0]?.some((id) => all[1]?.includes(id))).toBe(false)
  expect(all[0]?.every((id) => all[2]?.includes(id))).toBe(true)
  const made = await Promise.all(workers.map(madeBy))
  expect(made.every((count) => count > 0)).toBe(true)
  expect(made.reduce((sum, count) => sum + count)).toBe(new Set(all.flat()).size)
  await redis.del(`${PREFIX}:present`)
  expect(await redis.keys('*')).toEqual([])
})

test('a run that is interrupted takes nothing from another that asks for the same', async () => {
  const one = await worker()
  const [stopped, other] = [run('seven', 'stopped'), run('more', 'other')]
  const isThere = async (): Promise<boolean> => {
    const said = [stopped, other].map((each) => each.said())
    return Promise.resolve(said.every((text) => /[1-9]\d* of \d+ executions/.test(text)))
  }
  await until(isThere, 'both to have something')
  await stopped.end('SIGINT')
  await expectLocal('more', 'other', other)
  expect(await madeBy(one)).toBeGreaterThan(0)
})

test('a run with a configuration and one without have workers of their own at one Redis', async () => {
  const [plain, configured] = [await worker(), await worker(...CONFIG)]
  const [seven, own] = [run('seven', 'plain'), run('own', 'configured')]
  await expectLocal('seven', 'plain', seven)
  await expectLocal('own', 'configured', own)
  expect(await madeBy(plain)).toBe(idsOf('plain').length)
  expect(await madeBy(configured)).toBe(idsOf('configured').length)
})
