import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { afterAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { main } from '@vmbus/matrix'

// The workflow of the docs, read as a CI reads it, and its commands run over a few cells.

const path = fileURLToPath(new URL('../../docs/workflows/matrix.yml', import.meta.url))
const step = v.looseObject({ run: v.optional(v.string()), uses: v.optional(v.string()), with: v.optional(v.unknown()) })
const job = v.looseObject({ needs: v.optional(v.string()), steps: v.array(step) })
const { jobs } = v.parse(
  v.looseObject({
    jobs: v.strictObject({
      shard: v.looseObject({
        ...job.entries,
        strategy: v.looseObject({ matrix: v.object({ shard: v.array(v.number()) }) }),
      }),
      merge: job,
    }),
  }),
  parse(readFileSync(path, 'utf8')),
)
const commandOf = ({ steps }: v.InferOutput<typeof job>): string[] => {
  const [command, more] = steps.flatMap(({ run = '' }) => (run.startsWith('vmbus ') ? [run] : []))
  if (command === undefined || more !== undefined) throw new Error('not one command of vmbus')
  return command.split(' ').slice(1)
}

const folder = mkdtempSync(join(tmpdir(), 'vmbus-workflow-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Names of files are those of the folder, and a star stands for what is there, as in a shell. */
const inFolder = (word: string): string[] => {
  if (!/\.(json|html|xml)$/.test(word)) return [word]
  if (!word.includes('*')) return [join(folder, word)]
  const [start = '', end = ''] = word.split('*')
  const names = readdirSync(folder).filter((name) => name.startsWith(start) && name.endsWith(end))
  return names.map((name) => join(folder, name))
}

async function run(words: readonly string[]): Promise<string> {
  let out = ''
  const streams = { out: (text: string) => void (out += text), err: () => undefined }
  expect(await main(words.flatMap(inFolder), streams, new AbortController().signal)).toBe(0)
  return out
}

test('its shards and their merge are the whole run', async () => {
  const few = ['--release', 'debian 12', '--host', '2008r2,2016,2022', '--feature', 'kvp,file-copy', '--runs', '1']
  const small = [...few, '--workers', '0']
  const { shard: shards } = jobs.shard.strategy.matrix
  for (const shard of shards) {
    const words = commandOf(jobs.shard).map((word) => word.replace('${{', '').replace('}}', ''))
    const command = words.join(' ').replaceAll(/ ?matrix\.shard ?/g, String(shard))
    expect(command).toBe(`matrix --shard ${shard}/${shards.length} --json shard-${shard}.json`)
    await run([...command.split(' '), ...small])
  }
  expect(jobs.merge.needs).toBe('shard')
  const out = await run(commandOf(jobs.merge))
  expect(out).toContain('6 of 6 executions are there.')
  await run(['matrix', ...small, '--json', 'whole.json'])
  const bytes = (name: string): string => readFileSync(join(folder, name), 'utf8')
  expect(bytes('matrix.json')).toBe(bytes('whole.json'))
  expect(bytes('matrix.html')).toContain('debian 12')
  expect(bytes('matrix.xml')).toContain('<testsuite name="debian 12"')
})

test('its results and its report are kept', () => {
  const kept = (steps: (typeof jobs.merge)['steps']) =>
    steps.flatMap(({ uses = '', with: settings }) => (uses.startsWith('actions/upload-artifact@') ? [settings] : []))
  expect(kept(jobs.shard.steps)).toEqual([
    { name: 'shard-${{ matrix.shard }}', path: 'shard-${{ matrix.shard }}.json' },
  ])
  expect(kept(jobs.merge.steps)).toEqual([{ name: 'report', path: 'matrix.*' }])
})
