import { expect, test } from 'vitest'
import type { Execution } from '@vmbus/report'
import { redisAddress, withoutSecret } from '../../src/queue/address.ts'
import { collection } from '../../src/queue/collection.ts'
import { dataOf, executionOf, givenUp, queueName, taskOf } from '../../src/queue/jobs.ts'
import { optional } from '../../src/queue/libraries.ts'
import { requireSameCode, type Presence } from '../../src/queue/presence.ts'
import type { Task } from '../../src/run/plan.ts'

test.each([
  ['redis://host', { host: 'host', port: 6379, db: 0, isTls: false, shown: 'redis://host:6379/0' }],
  ['redis://10.0.0.5:7000/3', { host: '10.0.0.5', port: 7000, db: 3, isTls: false, shown: 'redis://10.0.0.5:7000/3' }],
  ['rediss://[::1]/', { host: '::1', port: 6379, db: 0, isTls: true, shown: 'rediss://[::1]:6379/0' }],
  [
    'redis://me:p%40ss%2F@host/1',
    { host: 'host', port: 6379, db: 1, isTls: false, username: 'me', password: 'p@ss/', shown: 'redis://host:6379/1' },
  ],
  ['redis://:s3@host', { host: 'host', port: 6379, db: 0, isTls: false, password: 's3', shown: 'redis://host:6379/0' }],
])('%s is a Redis', (text, address) => {
  expect(redisAddress(text)).toEqual(address)
})

test.each([
  '',
  'host:6379',
  'http://host',
  'redis:host',
  'redis://',
  'redis://host:99999',
  'redis://host:0',
  'redis://host/a',
  'redis://host/1/2',
  'redis://host/-1',
  'redis://host?db=1',
  'redis://host#1',
  'redis://%zz:x@host',
])('%j is no Redis', (text) => {
  expect(redisAddress(text)).toBeUndefined()
})

test('what lets one in is not told', () => {
  expect(withoutSecret('redis://me:p@ss@host/x')).toBe('redis://host/x')
  expect(redisAddress('redis://me:secret@host')?.shown).not.toContain('secret')
})

const task: Task = { id: 'abc', probe: 'kvp', release: 'debian 12', host: 'ws2022', seed: 1, runs: 20 }
const execution: Execution = {
  id: 'abc',
  probe: 'kvp',
  outcome: 'fails',
  reason: 'no answer',
  decidedBy: { of: 'guest', field: 'kvp' },
  seed: 1,
  runs: 20,
  bytes: 64,
  transcript: 'x',
}
const error = (reason: string) => ({
  id: 'abc',
  probe: 'kvp',
  outcome: 'error',
  reason,
  seed: 1,
  runs: 0,
  bytes: 0,
  transcript: '',
})

test('what comes from Redis is looked at', () => {
  expect(taskOf({ ...task, whole: true })).toEqual({ ...task, whole: true })
  const real = { ...task, kernel: 'debian-12 6.1.0' }
  expect(taskOf(dataOf(real))).toEqual(real)
  for (const wrong of [undefined, 'abc', {}, { ...task, seed: -1 }, { ...task, script: 'rm' }])
    expect(() => taskOf(wrong)).toThrow('a job that is no task of a matrix')
  expect(executionOf(task, execution)).toEqual(execution)
  for (const wrong of [null, 'works', { ...execution, outcome: 'fine' }, { ...execution, bytes: '64' }])
    expect(executionOf(task, wrong)).toEqual(error('a worker gave something else than an execution'))
  for (const other of [{ id: 'abd' }, { probe: 'trim' }, { seed: 2 }, { kernel: 'debian-12 6.1.0' }])
    expect(executionOf(task, { ...execution, ...other })).toEqual(error('a worker gave the execution of another task'))
})

test('where a run has its configuration is nothing to a worker, which has it elsewhere', () => {
  const [there, here] = ['/a/vmbus.config.mjs', '/b/vmbus.config.mjs'].map((path) => ({ path, digest: 'd' }))
  expect(dataOf({ ...task, ...(there && { config: there }) })).toEqual(task)
  expect(taskOf(task, here)).toEqual({ ...task, config: { path: '/b/vmbus.config.mjs', digest: 'd' } })
})

test('a job that was given up is an error of ours with its reason', () => {
  // As BullMQ says it of a job whose worker was gone more often than allowed: twice may be, the third is too much.
  expect(givenUp(task, 'job stalled more than allowable limit')).toEqual(error('its worker was lost 3 times'))
  expect(givenUp(task, 'a job that is no task of a matrix')).toEqual(error('a job that is no task of a matrix'))
})

test('each task ends once, however often and in whatever way it is told', () => {
  const ended: Execution[] = []
  const collected = collection([task, { ...task, id: 'second' }], (each) => void ended.push(each))
  let woken = 0
  collected.wakes(() => woken++)
  collected.completed('of another run', execution)
  collected.completed('abc', execution)
  collected.completed('abc', execution)
  collected.failed('abc', 'too late')
  expect([ended, woken, [...collected.left.keys()]]).toEqual([[execution], 0, ['second']])
  collected.failed('second', 'it is gone')
  expect([ended.length, ended[1]?.reason, woken, collected.left.size]).toEqual([2, 'it is gone', 1, 0])
  collected.check()
})

test('a run that cannot take what is told fails itself, not the reader of events', () => {
  const collected = collection([task], () => {
    throw new Error('no room')
  })
  let woken = 0
  collected.wakes(() => woken++)
  collected.completed('abc', execution)
  expect(woken).toBe(1)
  expect(collected.check).toThrow('no room')
})

const at = (role: Presence['role'], code: string): Presence => ({
  role,
  id: `${role} of ${code}`,
  code: code.repeat(64),
  version: `vmbus 1.0.${code}, Node v20`,
})

test('other code has another queue, and those who would wait for each other in vain are told', () => {
  expect(queueName('a'.repeat(64))).not.toBe(queueName('b'.repeat(64)))
  expect(() => requireSameCode(at('run', '1'), [at('worker', '2'), at('worker', '2')])).toThrow(
    expect.objectContaining({
      code: 'VMBUS_QUEUE_VERSION',
      message:
        'the workers at this queue are of other code (vmbus 1.0.2, Node v20, code 22222222; ' +
        'here vmbus 1.0.1, Node v20, code 11111111): use the same vmbus and the same Node on all machines',
    }),
  )
  expect(() => requireSameCode(at('worker', '1'), [at('run', '2')])).toThrow('the runs at this queue are of other code')
  // Nobody yet; somebody of ours as well; others of one's own role.
  requireSameCode(at('run', '1'), [])
  requireSameCode(at('run', '1'), [at('worker', '2'), at('worker', '1')])
  requireSameCode(at('worker', '1'), [at('worker', '2')])
})

test('without the packages that talk to Redis one is told how to have them', async () => {
  const name = 'a-package-that-nobody-has-installed'
  await expect(optional(() => import(name))).rejects.toMatchObject({
    code: 'VMBUS_QUEUE_MISSING',
    message: 'a queue needs optional dependencies: npm install bullmq@6 ioredis@5',
  })
  await expect(optional(() => Promise.reject(new Error('something else')))).rejects.toThrow('something else')
})
