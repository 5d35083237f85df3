import { GUEST_REJECTS, HOST_REJECTS } from '@vmbus/core'
import { test } from 'vitest'
import { attackGuest, attackHost, type AttackReport } from '../src/index.ts'
import { expectJudged } from './judge.ts'

const INPUTS = 1_000_000
const timeout = 1_500_000

function timed(name: string, attack: () => AttackReport): AttackReport {
  const begin = performance.now()
  const report = attack()
  const seconds = (performance.now() - begin) / 1000
  const past = (100 - (100 * (report.inputs - report.pastLengthCheck)) / report.damaged).toFixed(1)
  console.log(
    `${name}: ${report.inputs} inputs, ${Math.round(report.inputs / seconds)}/s; ${report.damaged} damaged, ${past} % of them past the length check`,
  )
  console.log(JSON.stringify({ rejects: report.rejects, states: report.states }))
  return report
}

test(`a hostile guest: ${INPUTS} inputs against the host bus`, { timeout }, () => {
  expectJudged(
    timed('hostile guest', () => attackHost({ seed: 1000, inputs: INPUTS })),
    Object.keys(HOST_REJECTS),
  )
})

test(`a hostile host: ${INPUTS} inputs against the guest bus`, { timeout }, () => {
  expectJudged(
    timed('hostile host', () => attackGuest({ seed: 1000, inputs: INPUTS })),
    Object.keys(GUEST_REJECTS),
  )
})
