import { setDeadline } from '@vmbus/ic'
import { expect, test } from 'vitest'

test('a deadline is in the state before the timer is set, and Infinity takes the timer away', () => {
  const state = { deadline: Infinity }
  const seen: unknown[] = []
  const timers = {
    set: (name: string, at: number) => void seen.push(['set', name, at, state.deadline]),
    clear: (name: string) => void seen.push(['clear', name, state.deadline]),
  }
  setDeadline({ timers }, state, 'answer', 700)
  setDeadline({ timers }, state, 'answer', Infinity)
  expect(seen).toEqual([
    ['set', 'answer', 700, 700],
    ['clear', 'answer', Infinity],
  ])
})
