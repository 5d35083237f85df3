import fc from 'fast-check'
import { seeded } from '@vmbus/world'
import { expect, test } from 'vitest'
import { createEventQueue, type EventQueue } from '../src/event-queue.ts'

const queue = (min = 0, max = 0): EventQueue => createEventQueue(seeded(1), 0n, { min, max })
const drain = (from: EventQueue): string[] => {
  const out: string[] = []
  for (let due = from.take(Infinity); due !== undefined; due = from.take(Infinity)) {
    out.push(due.kind === 'timer' ? `${due.at} ${due.owner} ${due.name}` : `${due.at} ${due.owner} vp ${due.vp}`)
  }
  return out
}

test('interrupts come before timers of the same time, and timers by name', () => {
  const world = queue()
  const timers = world.timers('a')
  timers.set('y', 10)
  timers.set('x', 10)
  timers.set('gone', 5)
  timers.clear('gone')
  world.take(9)
  world.advanceTo(10)
  world.raise('a', 1, 0xf3)
  world.raise('a', 0, 0xf3)
  expect(drain(world)).toEqual(['10 a vp 1', '10 a vp 0', '10 a x', '10 a y'])
})

test('an interrupt that is pending is raised once; another vector or processor is another', () => {
  const world = queue()
  for (const [vp, vector] of [
    [0, 1],
    [0, 1],
    [1, 1],
    [0, 2],
  ] as const)
    world.raise('a', vp, vector)
  expect(world.size).toBe(3)
})

test('what is held waits, without holding others up, and is due at once when it goes on', () => {
  const world = queue()
  world.timers('a').set('late', 5)
  world.raise('a', 0, 1)
  world.timers('b').set('other', 9)
  world.hold('a')
  expect(world.take(Infinity)).toMatchObject({ owner: 'b', at: 9 })
  expect(world.take(Infinity)).toBeUndefined()
  world.release('a')
  expect(drain(world)).toEqual(['9 a vp 0', '9 a late'])
})

test('time never goes back, nothing is early, and a saved queue goes on as it would have', () => {
  const command = fc.oneof(
    fc.record({
      do: fc.constant('timer' as const),
      owner: fc.constantFrom('a', 'b'),
      name: fc.constantFrom('x', 'y', 'z'),
      after: fc.nat(50),
    }),
    fc.record({ do: fc.constant('raise' as const), owner: fc.constantFrom('a', 'b'), vp: fc.nat(2) }),
    fc.record({ do: fc.constant('take' as const), within: fc.nat(30) }),
  )
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), fc.nat(60), (commands, cut) => {
      let world = queue(0, 20)
      for (const [index, each] of commands.entries()) {
        if (index === cut) {
          const copy = queue(0, 20)
          copy.restore(structuredClone(world.save()))
          world = copy
        }
        const before = world.clock.now()
        if (each.do === 'timer') world.timers(each.owner).set(each.name, before + each.after)
        else if (each.do === 'raise') world.raise(each.owner, each.vp, 0xf3)
        else {
          const due = world.take(before + each.within)
          expect(world.clock.now()).toBe(due?.at ?? before)
          if (due !== undefined) expect(due.at).toBeGreaterThanOrEqual(before)
        }
      }
      const other = queue(0, 20)
      other.restore(world.save())
      expect(drain(other)).toEqual(drain(world))
    }),
    { seed: 4, numRuns: 200 },
  )
})
