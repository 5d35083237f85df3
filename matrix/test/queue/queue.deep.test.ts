import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main, parseResults } from '@vmbus/matrix'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import type { Execution } from '@vmbus/report'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { redisAddress } from '../../src/queue/address.ts'
import { LOSSES, PREFIX, queueName } from '../../src/queue/jobs.ts'
import { present } from '../../src/queue/presence.ts'
import { queueDispatch, type QueueSide, type RunTimes } from '../../src/queue/produce.ts'
import { serve } from '../../src/queue/serve.ts'
import { codeDigest } from '../../src/run/code.ts'
import type { Task } from '../../src/run/plan.ts'
import { freePort, redisServer, until, vmbus, type RedisServer, type VmbusProcess } from './processes.ts'

// Real processes at a real Redis, which keeps nothing: what it forgets at a restart is what runs have to make good.

const folder = mkdtempSync(join(tmpdir(), 'vmbus-queue-'))
const file = (name: string): string => join(folder, name)
const bytes = (name: string): string => readFileSync(file(name), 'utf8')

/** 24 executions. */
const ASKED = [
  '--release',
  'debian *,ubuntu *',
  '--host',
  '2012r2,2016,2022',
  '--feature',
  'core,kvp,file-copy',
  '--seed',
  '7',
]
const name = queueName(codeDigest())

let port = 0
let server: RedisServer
let url = ''
/** Stays through all tests. */
let worker: VmbusProcess
let redis: Redis

const newWorker = (): VmbusProcess => vmbus(['worker', '--queue', url, '--workers', '1'])
const isReady = (process: VmbusProcess) => until(() => process.said().includes('take executions'), 'a worker')
const lengthOf = (list: string): Promise<number> => redis.llen(`${PREFIX}:${name}:${list}`)

interface Ran {
  readonly code: number
  readonly err: string
}

/** A run whose cache is the folder of its own name. */
async function run(cache: string, argv: readonly string[], signal = new AbortController().signal): Promise<Ran> {
  let err = ''
  const before = process.env['XDG_CACHE_HOME']
  process.env['XDG_CACHE_HOME'] = file(cache)
  try {
    const streams = { out: () => undefined, err: (part: string) => void (err += part) }
    return { code: await main(['matrix', ...ASKED, ...argv], streams, signal), err }
  } finally {
    if (before === undefined) delete process.env['XDG_CACHE_HOME']
    else process.env['XDG_CACHE_HOME'] = before
  }
}

beforeAll(async () => {
  port = await freePort()
  server = await redisServer(port)
  ;({ url } = server)
  redis = new Redis(url, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  worker = newWorker()
  await run('local', ['--workers', '0', '--json', file('local.json')])
  await isReady(worker)
})

afterAll(async () => {
  redis.disconnect()
  await worker.end('SIGKILL')
  await server.kill()
  rmSync(folder, { recursive: true })
})

test('what a killed worker held runs elsewhere, with the bytes of a local run', async () => {
  const victim = newWorker()
  await isReady(victim)
  const running = run('killed', ['--queue', url, '--json', file('killed.json')])
  // Each worker has one, and takes the next with the end of it.
  await until(async () => (await lengthOf('active')) === 2 && (await lengthOf('wait')) > 4, 'two jobs under way')
  await victim.end('SIGKILL')
  expect(await lengthOf('active')).toBe(2)
  expect(await running).toMatchObject({ code: 0 })
  expect(bytes('killed.json')).toBe(bytes('local.json'))
  expect(victim.said()).not.toContain('executions made')
})

test('a server that comes back with nothing is given all again', async () => {
  const running = run('restarted', ['--queue', url, '--json', file('restarted.json')])
  await until(async () => (await lengthOf('completed')) + (await lengthOf('active')) > 0, 'a job under way')
  await server.kill()
  server = await redisServer(port)
  expect(await running).toMatchObject({ code: 0 })
  expect(bytes('restarted.json')).toBe(bytes('local.json'))
})

test('a run that was aborted keeps what was finished, and the next goes on from there', async () => {
  const stop = new AbortController()
  const aborted = run('aborted', ['--queue', url, '--json', file('aborted.json')], stop.signal)
  await until(async () => (await redis.zcard(`${PREFIX}:${name}:completed`)) > 1, 'some jobs done')
  stop.abort()
  const { code, err } = await aborted
  expect(code).toBe(130)
  expect(err).toMatch(/vmbus: interrupted\n$/)
  const made = parseResults(bytes('aborted.json'), 'aborted.json')
  expect(made.executions.length).toBeGreaterThan(1)
  expect(await redis.keys(`${PREFIX}:${name}:wait`)).toEqual([])
  const again = await run('aborted', ['--queue', url, '--json', file('again.json')])
  expect(again.code).toBe(0)
  expect(again.err).toContain(`${made.executions.length} of them from before`)
  expect(bytes('again.json')).toBe(bytes('local.json'))
})

test('a run that was killed leaves nothing for ever, and the next takes what was made meanwhile', async () => {
  const killed = vmbus(['matrix', ...ASKED, '--queue', url], { XDG_CACHE_HOME: file('dead') })
  await until(async () => (await lengthOf('wait')) > 4, 'jobs')
  await killed.end('SIGKILL')
  await until(async () => (await lengthOf('wait')) + (await lengthOf('active')) === 0, 'the jobs made')
  const ids = await redis.zrange(`${PREFIX}:${name}:completed`, 0, -1)
  expect(ids.length).toBeGreaterThan(4)
  const keys = async (): Promise<string[]> => await redis.keys(`${PREFIX}:*`)
  // A worker says for the queue itself how long it is kept, at its next sign of life.
  await until(async () => {
    const times = await Promise.all((await keys()).map(async (key) => await redis.ttl(key)))
    return times.every((seconds) => seconds !== -1)
  }, 'a time for each key')
  const next = await run('next', ['--queue', url, '--json', file('next.json')])
  expect(next.code).toBe(0)
  expect(bytes('next.json')).toBe(bytes('local.json'))
})

test('the last one to leave removes what is left', async () => {
  expect(await worker.end('SIGTERM')).toBe(130)
  expect(worker.said()).toMatch(/vmbus: \d+ executions made\nvmbus: interrupted\n$/)
  expect(await redis.keys('*')).toEqual([])
})

const task = (id: string): Task => ({ id, probe: 'kvp', release: 'debian 12', host: 'ws2022', seed: 7, runs: 1 })

function side(told: string[] = []): QueueSide {
  const address = redisAddress(url)
  if (address === undefined) throw new Error('no address')
  return { address, code: codeDigest(), version: 'vmbus of the test', tell: (line) => void told.push(line) }
}

async function dispatched(times: RunTimes, signal?: AbortSignal): Promise<readonly Execution[]> {
  const all: Execution[] = []
  await queueDispatch(side(), times)([task('one')], { signal, finished: (execution) => void all.push(execution) })
  return all
}

test('a job that loses its worker each time is an error of ours', async () => {
  const connection = new Redis(url, { maxRetriesPerRequest: null })
  const options = { connection, prefix: PREFIX, lockDuration: 50, stalledInterval: 50, maxStalledCount: LOSSES }
  const thief = new Worker(name, undefined, options)
  thief.on('error', () => undefined)
  const running = dispatched({ pollMs: 50 })
  await thief.startStalledCheckTimer()
  for (let loss = 0; loss <= LOSSES; loss++)
    await until(async () => (await thief.getNextJob(`thief ${loss}`, { block: false })) !== undefined, 'a job')
  await until(async () => (await lengthOf('wait')) === 1, 'the job to be given back')
  await thief.close(true)
  const stop = new AbortController()
  const serving = serve({ ...side(), threads: 1, signal: stop.signal })
  expect(await running).toMatchObject([{ id: 'one', outcome: 'error', reason: 'its worker was lost 3 times' }])
  stop.abort()
  expect(await serving).toBe(0)
  connection.disconnect()
  expect(await redis.keys('*')).toEqual([])
})

test('a run ends when there is no worker for too long', async () => {
  await expect(dispatched({ pollMs: 20, idleMs: 100 })).rejects.toMatchObject({
    code: 'VMBUS_QUEUE_IDLE',
    message: `no worker at ${url}/0; what was finished is kept, and another run goes on from there`,
  })
  expect(await redis.keys('*')).toEqual([])
})

test('runs and workers of other code refuse one another', async () => {
  const other = { id: 'x', code: 'f'.repeat(64), version: 'vmbus 0.0.1, Node v20.0.0' }
  await present(redis, { role: 'worker', ...other })
  const refused = await run('refused', ['--queue', url])
  expect(refused.code).toBe(2)
  expect(refused.err).toMatch(
    /^vmbus: the workers at this queue are of other code \(vmbus 0\.0\.1, Node v20\.0\.0, code ffffffff; .*\(VMBUS_QUEUE_VERSION\)\n$/,
  )
  await redis.flushall()
  await present(redis, { role: 'run', ...other })
  const signal = new AbortController().signal
  await expect(serve({ ...side(), threads: 1, signal })).rejects.toMatchObject({ code: 'VMBUS_QUEUE_VERSION' })
  await redis.flushall()
})

test('a server that is gone for good is told, and does not keep one who wants to end', async () => {
  const all = Promise.allSettled([
    dispatched({ awayMs: 300 }),
    serve({ ...side(), threads: 1, signal: new AbortController().signal, times: { awayMs: 300 } }),
  ])
  const stop = new AbortController()
  const stopped = dispatched({}, stop.signal)
  await until(async () => (await present(redis)).length === 3, 'all three')
  await server.kill()
  for (const end of await all) {
    expect(end).toMatchObject({ status: 'rejected', reason: { code: 'VMBUS_QUEUE_REDIS' } })
    expect(String(end.status === 'rejected' && end.reason)).toMatch(/lost redis:.*ECONNREFUSED/)
  }
  stop.abort()
  expect(await stopped).toEqual([])
  server = await redisServer(port)
})
