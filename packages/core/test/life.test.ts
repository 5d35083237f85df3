import fc from 'fast-check'
import { expect, test } from 'vitest'
import { VERSION_CHOICE, action, liveAt } from './life.ts'
import { INTERRUPTS } from './pair.ts'

const MODE = fc.constantFrom(...INTERRUPTS)
const actions = fc.array(action, { minLength: 5, maxLength: 40, size: 'max' })

test('offer, open, close, grant, rescind, release, unload, suspend, save and hot add in any order keep the invariants', () => {
  const totals: Record<string, number> = {}
  fc.assert(
    fc.property(VERSION_CHOICE, MODE, actions, (version, interrupts, steps) => {
      const { run, finish, world } = liveAt(version, interrupts)
      for (const step of steps) run(step)
      expect(finish()).toEqual([])
      const { ended, rescinds, pongs } = world.counts
      for (const [kind, count] of Object.entries({ ...ended, rescinds, pongs }))
        totals[kind] = (totals[kind] ?? 0) + count
    }),
    { seed: 7, numRuns: 160 },
  )
  // Lives in which nothing happens would keep every invariant.
  const below = (least: number, kinds: string[]): string[] => kinds.filter((kind) => (totals[kind] ?? 0) <= least)
  expect(below(40, ['open', 'grant', 'rescinds', 'pongs', 'close'])).toEqual([])
  expect(below(2, ['ungrant', 'modify'])).toEqual([])
})

test('saving and restoring after every step changes no later byte', () => {
  fc.assert(
    fc.property(VERSION_CHOICE, MODE, actions, (version, interrupts, steps) => {
      const plain = liveAt(version, interrupts)
      const restored = liveAt(version, interrupts)
      for (const step of steps) {
        plain.run(step)
        restored.run(step)
        restored.run({ do: 'save' })
      }
      plain.finish()
      restored.finish()
      expect(restored.world.trace).toEqual(plain.world.trace)
      expect(Buffer.compare(restored.world.memory.bytes, plain.world.memory.bytes)).toBe(0)
    }),
    { seed: 8, numRuns: 25 },
  )
})
