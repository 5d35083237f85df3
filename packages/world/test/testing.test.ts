import { expect, test } from 'vitest'
import { damaged, differenceAt, taken } from '../src/testing.ts'

const state = () => ({ version: 1, vps: [{ queue: [Uint8Array.of(1, 2, 3)], due: -1, note: undefined }] })

test('equal states differ nowhere, whoever made them', () => {
  expect(differenceAt(state(), state())).toBeUndefined()
  expect(differenceAt(structuredClone(state()), state())).toBeUndefined()
  expect(differenceAt(NaN, NaN)).toBeUndefined()
})

test.each([
  ['a number', { a: [1, 2] }, { a: [1, 3] }, '.a[1]'],
  [
    'a byte',
    state(),
    { ...state(), vps: [{ ...state().vps[0], queue: [Uint8Array.of(1, 9, 3)] }] },
    '.vps[0].queue[0][1]',
  ],
  ['the length of a list', { a: [1] }, { a: [1, 2] }, '.a'],
  ['bytes and a list', { a: [1] }, { a: Uint8Array.of(1) }, '.a'],
  ['a list and an object', { a: [] }, { a: {} }, '.a'],
  ['null and an object', { a: null }, { a: {} }, '.a'],
  ['a field more', { a: 1 }, { a: 1, b: undefined }, '.b'],
  ['a field less', { a: 1, b: undefined }, { a: 1 }, '.b'],
  ['a name', { a: undefined }, { b: undefined }, '.a'],
  ['the whole', 1, '1', ''],
])('a difference in %s is found', (_, a, b, path) => {
  expect(differenceAt(a, b)).toBe(path)
})

test('what a refused restore changed is found, also where the owner gives out its own state', () => {
  const own = { count: 1 }
  const owner = {
    save: () => own,
    restore(): void {
      own.count++
      throw Object.assign(new Error('refused'), { code: 'VMBUS_STATE_INVALID' })
    },
  }
  const found = taken(damaged({ count: 1 }), owner)
  expect(found.length).toBeGreaterThan(0)
  expect(found.every((each) => each.endsWith('.count changed'))).toBe(true)
})
