import { describe, test } from 'vitest'
import { attackDevice } from '../src/index.ts'
import { targets } from './hostile/targets.ts'
import { expectJudged, timed } from './judge.ts'

/** Against each end of each device. */
const INPUTS = 50_000

const PEERS = [
  ['guest', 'host'],
  ['host', 'guest'],
] as const

describe.each(targets)('$target.name', ({ target, branches, rare = {} }) => {
  test.each(PEERS)(`a hostile %s: ${INPUTS} inputs against the %s end`, (peer, end) => {
    const { report, text } = timed(`${target.name}, hostile ${peer}`, () =>
      attackDevice(target, end, { seed: 1000, inputs: INPUTS }),
    )
    console.log(text)
    expectJudged(report, [...branches[end], ...(rare[end] ?? [])])
  })
})
