import { expect, test } from 'vitest'
import { WaitingKeys } from '../src/waiting-keys.ts'

test('keys wait once each, and the one that has waited longest is taken first', () => {
  const keys = new WaitingKeys()
  expect([keys.isEmpty, keys.take()]).toEqual([true, undefined])
  for (const key of [7, 0, 7, 9, 0]) keys.add(key)
  expect(keys.save()).toEqual([7, 0, 9])
  keys.delete(0)
  keys.delete(5)
  expect([keys.isEmpty, keys.take(), keys.take(), keys.take(), keys.isEmpty]).toEqual([false, 7, 9, undefined, true])
})

test('a key that was taken may wait again, behind the others', () => {
  const keys = new WaitingKeys()
  for (const key of [1, 2]) keys.add(key)
  keys.take()
  keys.add(1)
  expect(keys.save()).toEqual([2, 1])
})
