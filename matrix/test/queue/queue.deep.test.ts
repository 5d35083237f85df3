import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseResults } from '@vmbus/matrix'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import type { Execution } from '@vmbus/report'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { redisAddress } from '../../src/queue/address.ts'
import { LOSSES, PREFIX, queueName } from '../../src/queue/jobs.ts'
import { present } from '../../src/queue/presence.ts'
import { queueDispatch, type QueueSide, type RunTimes } from '../../src/queue/produce.ts'
import { serve } from '../../src/queue/serve.ts'
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

let port = 0
let server: RedisServer
let url = ''
/** Stays through all tests of processes. */
let worker: VmbusProcess
let redis: Redis
/** Before the name of a list, or the id of a job. */
let prefix = ''

const newWorker = (): VmbusProcess => vmbus(['worker', '--queue', url, '--workers', '1'], file('worker'))
const isReady = (process: VmbusProcess) => until(() => process.said().includes('take executions'), 'a worker')
const lengthOf = (list: 'wait' | 'active'): Promise<number> => redis.llen(`${prefix}${list}`)
const completed = (): Promise<string[]> => redis.zrange(`${prefix}completed`, 0, -1)

/** A run whose cache is a folder of its own name, as its results are. */
const run = (named: string, cache = named): VmbusProcess =>
  vmbus(['matrix', ...ASKED, '--queue', url, '--json', file(`${named}.json`)], file(cache))

async function expectSame(named: string, running: VmbusProcess): Promise<void> {
  expect(await running.ended()).toBe(0)
  expect(bytes(`${named}.json`)).toBe(bytes('local.json'))
}

beforeAll(async () => {
  port = await freePort()
  server = await redisServer(port)
  ;({ url } = server)
  redis = new Redis(url, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  worker = newWorker()
  const local = vmbus(['matrix', ...ASKED, '--workers', '1', '--json', file('local.json')], file('local'))
  await local.ended()
  await isReady(worker)
  await until(async () => (await present(redis)).length === 1, 'a sign of life')
  const [one] = await present(redis)
  prefix = `${PREFIX}:${queueName(one?.code ?? '')}:`
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
  const running = run('killed')
  // Each worker has one, and takes the next with the end of it.
  await until(async () => (await lengthOf('active')) === 2 && (await lengthOf('wait')) > 4, 'two jobs under way')
  await victim.end('SIGKILL')
  expect(await lengthOf('active')).toBe(2)
  await expectSame('killed', running)
})

test('a server that comes back with nothing is given all again', async () => {
  const running = run('restarted')
  await until(async () => (await completed()).length > 0, 'a job done')
  await server.kill()
  server = await redisServer(port)
  await expectSame('restarted', running)
})

test('a run that was interrupted keeps what was finished, and the next goes on from there', async () => {
  const interrupted = run('interrupted')
  await until(async () => (await completed()).length > 1, 'some jobs done')
  expect(await interrupted.end('SIGINT')).toBe(130)
  expect(interrupted.said()).toMatch(/vmbus: interrupted\n$/)
  const { executions } = parseResults(bytes('interrupted.json'), 'interrupted.json')
  expect(executions.length).toBeGreaterThan(1)
  expect(await lengthOf('wait')).toBe(0)
  const again = run('again', 'interrupted')
  await expectSame('again', again)
  expect(again.said()).toContain(`${executions.length} of them from before`)
})

test('a run that was killed leaves nothing for ever, and the next takes what was made meanwhile', async () => {
  const killed = run('dead')
  await until(async () => (await completed()).length > 0, 'a job done')
  await killed.end('SIGKILL')
  await until(async () => (await lengthOf('wait')) + (await lengthOf('active')) === 0, 'the jobs made')
  expect((await completed()).length).toBeGreaterThan(4)
  // A worker says for the queue itself how long it is kept, at its next sign of life.
  await until(async () => {
    const times = await Promise.all((await redis.keys('*')).map(async (key) => await redis.ttl(key)))
    return times.every((seconds) => seconds !== -1)
  }, 'a time for each key')
  await expectSame('next', run('next'))
})

test('the last one to leave removes what is left', async () => {
  expect(await worker.end('SIGTERM')).toBe(130)
  expect(worker.said()).toMatch(/vmbus: \d+ executions made\nvmbus: interrupted\n$/)
  await redis.del(`${PREFIX}:present`)
  expect(await redis.keys('*')).toEqual([])
})

const CODE = 'c'.repeat(64)
const task = (id: string): Task => ({ id, probe: 'kvp', release: 'debian 12', host: 'ws2022', seed: 7, runs: 1 })

function side(told: string[] = []): QueueSide {
  const address = redisAddress(url)
  if (address === undefined) throw new Error('no address')
  return { address, code: CODE, version: 'vmbus of the test', tell: (line) => void told.push(line) }
}

async function dispatched(times: RunTimes, signal?: AbortSignal): Promise<readonly Execution[]> {
  const all: Execution[] = []
  await queueDispatch(side(), times)([task('one')], { signal, finished: (execution) => void all.push(execution) })
  return all
}

test('a job that loses its worker each time is an error of ours', async () => {
  const connection = new Redis(url, { maxRetriesPerRequest: null })
  const options = { connection, prefix: PREFIX, lockDuration: 50, stalledInterval: 50, maxStalledCount: LOSSES }
  const thief = new Worker(queueName(CODE), undefined, options)
  thief.on('error', () => undefined)
  const running = dispatched({ pollMs: 50 })
  await thief.startStalledCheckTimer()
  for (let loss = 0; loss <= LOSSES; loss++)
    await until(async () => (await thief.getNextJob(`thief ${loss}`, { block: false })) !== undefined, 'a job')
  await until(async () => (await redis.llen(`${PREFIX}:${queueName(CODE)}:wait`)) === 1, 'the job to be given back')
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
  const refused = dispatched({})
  await expect(refused).rejects.toMatchObject({ code: 'VMBUS_QUEUE_VERSION' })
  await expect(refused).rejects.toThrow(
    'the workers at this queue are of other code (vmbus 0.0.1, Node v20.0.0, code f',
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

test('TLS and a password are asked for, and neither goes without the right one', async () => {
  const [key, cert] = [file('key.pem'), file('cert.pem')]
  const made = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=redis']
  execFileSync('openssl', ['req', '-x509', ...made, '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' })
  const own = await freePort()
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert]
  const tls = ['--port', '0', '--tls-port', String(own), ...files, '--tls-auth-clients', 'no', '--requirepass', 's3/t']
  const secure = await redisServer(own, ...tls)
  const worker = (login: string, environment = {}) =>
    vmbus(['worker', '--queue', `rediss://${login}127.0.0.1:${own}`], file('worker'), environment)
  const [unknown, wrong, right] = [
    worker(':s3%2Ft@'),
    worker(':s3@', { NODE_EXTRA_CA_CERTS: cert }),
    worker(':s3%2Ft@', { NODE_EXTRA_CA_CERTS: cert }),
  ]
  await isReady(right)
  expect(await right.end('SIGINT')).toBe(130)
  expect([await unknown.ended(), unknown.said()]).toEqual([
    2,
    `vmbus: cannot use rediss://127.0.0.1:${own}/0: self-signed certificate (VMBUS_QUEUE_REDIS)\n`,
  ])
  expect(await wrong.ended()).toBe(2)
  expect(wrong.said()).toMatch(/^vmbus: cannot use rediss:.*: WRONGPASS .* \(VMBUS_QUEUE_REDIS\)\n$/)
  await secure.kill()
})
