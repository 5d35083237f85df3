import { describe, expect, test } from 'vitest'
import { instance, INTERRUPTS, pair as pairOf, type Pair, type PairOptions } from './pair.ts'

describe.each(INTERRUPTS)('with interrupts %s', (interrupts) => {
  const pair = (options: PairOptions = {}): Pair => pairOf({ interrupts, ...options })

  test('a device waits for its driver, which takes every one that is there when it is loaded', () => {
    const world = pair({ loaded: [] })
    world.host.offer(world.device({ instanceId: instance(1) }))
    world.guest.start()
    world.settle()
    expect(world.guest.devices.map(({ kind, driver }) => [kind, driver])).toEqual([[undefined, undefined]])

    world.guest.load(['probe'])
    world.guest.load(['probe'])
    world.host.offer(world.device({ instanceId: instance(2) }))
    world.settle()
    expect(world.guest.devices.map((device) => device.channels[0]?.state)).toEqual(['open', 'open'])
    expect(world.counts.ended['open']).toBe(2)
  })

  test('a driver never hears of a channel that went before its probe, nor loses a probe to a restore', () => {
    const world = pair({ loaded: [], behaviour: { probing: 'tasks' } })
    const handles = [1, 2, 3].map((n) => world.host.offer(world.device({ instanceId: instance(n) })))
    world.guest.start()
    world.settle()
    world.guest.load(['probe'])
    const saved = world.save()
    handles[2]?.rescind()
    world.settle()
    expect(world.counts.ended['open']).toBe(2)
    // It went before its turn or just after: never twice, and never unasked.
    expect(world.counts.violations).toEqual([])

    const other = pair({ loaded: [], behaviour: { probing: 'tasks' } })
    other.restore(saved)
    other.settle()
    expect(other.counts.ended['open']).toBe(3)
  })
})
