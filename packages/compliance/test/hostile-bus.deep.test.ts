import { GUEST_REJECTS, HOST_REJECTS } from '@vmbus/core'
import { test } from 'vitest'
import { attackGuest, attackHost } from '../src/index.ts'
import { expectJudged, timed } from './judge.ts'

const INPUTS = 1_000_000
const timeout = 1_500_000

test(`a hostile guest: ${INPUTS} inputs against the host bus`, { timeout }, () => {
  const { report, text } = timed('hostile guest', () => attackHost({ seed: 1000, inputs: INPUTS }))
  console.log(text)
  expectJudged(report, Object.keys(HOST_REJECTS))
})

test(`a hostile host: ${INPUTS} inputs against the guest bus`, { timeout }, () => {
  const { report, text } = timed('hostile host', () => attackGuest({ seed: 1000, inputs: INPUTS }))
  console.log(text)
  expectJudged(report, Object.keys(GUEST_REJECTS))
})
