import { describe, expect, test } from 'vitest'
import { attackDevice } from '../src/index.ts'
import { targets } from './hostile/targets.ts'
import { expectJudged } from './judge.ts'

/** Against each end of each device. */
const INPUTS = 2500

const PEERS = [
  ['guest', 'host'],
  ['host', 'guest'],
] as const

describe.each(targets)('$target.name', ({ target, branches }) => {
  test.each(PEERS)(`a hostile %s: ${INPUTS} inputs against the %s end`, (_peer, end) => {
    expectJudged(attackDevice(target, end, { seed: 1, inputs: INPUTS }), branches[end])
  })

  test('the same seed gives the same attack', () => {
    const again = () => attackDevice(target, 'host', { seed: 9, inputs: 300 })
    expect(again()).toEqual(again())
  })
})
