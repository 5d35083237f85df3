import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { regressionCoverage } from './index.ts'
import { DEFECTS, scratch, type Scratch } from './scratch.ts'
import { shrunkSteps } from './shrunk.ts'

/** As many defects are tried at a time; each in a copy of its own. */
const WORKERS = 2

const caught = regressionCoverage.filter((each) => 'caughtBy' in each)
const copies: Scratch[] = []

afterAll(() => {
  for (const copy of copies) copy.dispose()
})

async function tryOut(copy: Scratch, id: string, caughtBy: string): Promise<string> {
  const [file = '', name = ''] = caughtBy.split(' › ')
  const fault = copy.apply(join(DEFECTS, `${id}.patch`))
  if (fault !== undefined) return `does not apply: ${fault}`
  try {
    const { ran, failed, hung, output } = await copy.run(file, name)
    if (!ran) return `no such test: ${caughtBy}\n${output.slice(-300)}`
    if (hung) {
      // Of the defect, or of a machine that is too busy for this test with and without it?
      copy.revert()
      return (await copy.run(file, name)).hung ? `undecided: ${caughtBy} takes too long here` : 'caught'
    }
    if (!failed) return `open: ${caughtBy} passes`
    const steps = shrunkSteps(output)
    return steps === undefined ? 'caught' : `caught, shrunk to ${steps} ${steps === 1 ? 'step' : 'steps'}`
  } finally {
    copy.revert()
  }
}

/** A copy in which nothing is put back any more passes what its last defect failed: nothing of a defect stays. */
async function passesWithout(copy: Scratch, id: string, caughtBy: string): Promise<string> {
  const [file = '', name = ''] = caughtBy.split(' › ')
  const { ran, failed, output } = await copy.run(file, name)
  return ran && !failed
    ? 'caught, and passes without it'
    : `open: ${id} is taken back, and ${caughtBy} fails: ${output}`
}

test(
  'every historical defect that is put back is caught by the test that says so',
  { timeout: 1_200_000 },
  async () => {
    const queue = [...caught]
    const results: { id: string; result: string }[] = []
    const work = async (): Promise<void> => {
      const copy = scratch()
      copies.push(copy)
      let last = caught[0]
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        results.push({ id: next.id, result: await tryOut(copy, next.id, next.caughtBy) })
        last = next
      }
      if (last !== undefined) results.push({ id: last.id, result: await passesWithout(copy, last.id, last.caughtBy) })
    }
    await Promise.all(Array.from({ length: WORKERS }, work))
    results.sort((a, b) => (a.id < b.id ? -1 : 1))
    const open = results.filter(({ result }) => !result.startsWith('caught'))
    const lines = results.map(({ id, result }) => `${id}: ${result.split('\n')[0]}`)
    process.stdout.write(
      `${lines.join('\n')}\n${caught.length - open.length} caught, ${regressionCoverage.length - caught.length} no counterpart, ${open.length} open\n`,
    )
    expect(open).toEqual([])
  },
)
