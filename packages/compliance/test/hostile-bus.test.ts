import { GUEST_REJECTS, HOST_REJECTS } from '@vmbus/core'
import { expect, test } from 'vitest'
import { attackGuest, attackHost } from '../src/index.ts'
import { expectJudged } from './judge.ts'

const INPUTS = 20_000

test(`a hostile guest: ${INPUTS} inputs against the host bus`, () => {
  expectJudged(attackHost({ seed: 1, inputs: INPUTS }), Object.keys(HOST_REJECTS))
})

test(`a hostile host: ${INPUTS} inputs against the guest bus`, () => {
  expectJudged(attackGuest({ seed: 1, inputs: INPUTS }), Object.keys(GUEST_REJECTS))
})

test('the same seed gives the same attack', () => {
  expect(attackHost({ seed: 9, inputs: 1000 })).toEqual(attackHost({ seed: 9, inputs: 1000 }))
  expect(attackGuest({ seed: 9, inputs: 500 })).toEqual(attackGuest({ seed: 9, inputs: 500 }))
})
