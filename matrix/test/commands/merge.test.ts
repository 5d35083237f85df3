import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Runner } from '../../src/runner.ts'
import { THREE, ownFolder, run, runWith } from './command.ts'
import { fakeRunner } from './fake-runner.ts'

const { file, results } = ownFolder()

describe('shards', () => {
  it('make the very run, whatever their number and order', async () => {
    await run('matrix', ...THREE, '--json', file('whole.json'))
    const names: string[] = []
    let executions = 0
    for (const index of [1, 2, 3, 4]) {
      const name = file(`${index}.json`)
      await run('matrix', ...THREE, '--shard', `${index}/4`, '--json', name)
      executions += results(`${index}.json`).executions.length
      names.unshift(name)
    }
    expect(executions).toBe(9)
    const { code, out } = await run('merge', ...names, '--json', file('merged.json'))
    expect(code).toBe(0)
    expect(out).toContain('9 of 9 executions are there.')
    expect(readFileSync(file('merged.json'))).toEqual(readFileSync(file('whole.json')))
    const part = await run('merge', ...names.slice(1), '--json', file('part.json'))
    // Nine dealt out in turn: the first shard has three, the others two; the last was left out.
    expect(part.out).toContain('7 of 9 executions are there.')
    expect([part.code, part.err]).toEqual([2, 'vmbus: not the whole run: shard 4/4 is missing (VMBUS_USAGE)\n'])
    expect(results('part.json').stories.some(({ notRun }) => notRun === 'not-finished')).toBe(true)
  })

  it('of which one is not there, or ended early, are told by name once the others are merged', async () => {
    const shard = async (index: number): Promise<string> => {
      const name = file(`${index}.json`)
      await run('matrix', ...THREE, '--shard', `${index}/3`, '--json', name)
      return name
    }
    const [first, second] = [await shard(1), await shard(2)]
    const two = await run('merge', second, first, '--json', file('merged.json'))
    expect([two.code, two.err]).toEqual([2, 'vmbus: not the whole run: shard 3/3 is missing (VMBUS_USAGE)\n'])
    expect(results('merged.json').executions).toHaveLength(6)
    expect((await run('merge', second)).err).toContain('shard 1/3 is missing; shard 3/3 is missing')

    const early = results('2.json')
    const [gone] = early.executions
    writeFileSync(
      second,
      JSON.stringify({
        ...early,
        executions: early.executions.slice(1),
        stories: early.stories.map(({ execution, ...story }) =>
          execution === gone?.id || execution === undefined ? story : { ...story, execution },
        ),
      }),
    )
    const short = await run('merge', first, second, await shard(3))
    expect([short.code, short.err]).toEqual([
      2,
      'vmbus: not the whole run: shard 2/3 lacks 1 of its 3 executions (VMBUS_USAGE)\n',
    ])
    // What was merged before says no more into how many shards it was cut.
    expect((await run('merge', file('merged.json'))).err).toContain('3 of 9 executions are in none of the files')
  })

  it('are compared with what was run alone when they are one again, wherever each was', async () => {
    const fake = fakeRunner()
    // TRIM of RHEL 7.9 on Windows Server 2022, shared and alone, which comes out otherwise.
    const alone = 'trim/false/alone'
    const check = { id: alone, of: 'trim/true/ws2022', release: 'rhel 7.9', host: 'ws2022', probe: 'trim' }
    const runner: Runner = {
      ...fake,
      planOf(pairs, probes, options) {
        const plan = fake.planOf(pairs, probes, options)
        const task = { id: alone, probe: 'trim', release: 'rhel 7.9', host: 'ws2022', seed: 1, runs: 20 }
        return { ...plan, tasks: [...plan.tasks, task], checks: [check] }
      },
    }
    const names = [1, 2].map((index) => file(`${index}.json`))
    for (const [index, name] of names.entries())
      expect((await runWith(runner, ['matrix', ...THREE, '--shard', `${index + 1}/2`, '--json', name])).code).toBe(0)
    const { code, err } = await runWith(runner, ['merge', ...names, '--json', file('merged.json')])
    expect([code, err]).toEqual([3, 'vmbus: 2 cells ended with an error of ours (VMBUS_MATRIX)\n'])
    expect(results('merged.json').executions.find(({ id }) => id === check.of)).toMatchObject({
      outcome: 'error',
      reason: 'rhel 7.9 on ws2022 is no-driver by itself: the probe depends on what it does not declare',
    })
  })

  it('that overlap say the same once', async () => {
    await run('matrix', ...THREE, '--json', file('whole.json'))
    await run('matrix', ...THREE, '--shard', '1/2', '--json', file('half.json'))
    const { code } = await run('merge', file('half.json'), file('whole.json'), '--json', file('merged.json'))
    expect(code).toBe(0)
    expect(readFileSync(file('merged.json'))).toEqual(readFileSync(file('whole.json')))
  })

  it('of other runs are refused', async () => {
    await run('matrix', ...THREE, '--json', file('a.json'))
    await run('matrix', ...THREE, '--seed', '2', '--json', file('b.json'))
    const { code, err } = await run('merge', file('a.json'), file('b.json'))
    expect([code, err]).toEqual([
      2,
      `vmbus: ${file('a.json')} and ${file('b.json')} are not of one run: their seed differ (VMBUS_USAGE)\n`,
    ])
  })

  it('that disagree on an execution are refused', async () => {
    await run('matrix', ...THREE, '--json', file('a.json'))
    const text = readFileSync(file('a.json'), 'utf8')
    writeFileSync(file('b.json'), text.replace('"bytes":64', '"bytes":65'))
    const { code, err } = await run('merge', file('a.json'), file('b.json'))
    expect(code).toBe(2)
    expect(err).toMatch(/a\.json and .*b\.json disagree on execution kvp\/\/ws2008r2 \(VMBUS_USAGE\)/)
  })
})
