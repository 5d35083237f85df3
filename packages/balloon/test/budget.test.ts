import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { balloon, rebalance, type BalancedGuest, type BalloonHost } from '../src/index.ts'
import { guestRam } from './guest-ram.ts'
import { world } from './world.ts'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  const MIB = 256
  const BOOT = 64 * MIB
  const MINIMUM = 16 * MIB
  /** Less than this is let be. */
  const STEP = 512

  /** Several guests, each with RAM and buses of its own, in one time. */
  function farm(count: number, settleSeconds = 1) {
    const guests = Array.from({ length: count }, (_, i) => {
      const ram = guestRam({ pages: BOOT, fragmentedBy: 700 })
      const made = world(
        balloon({ bootPages: BOOT, settleSeconds }),
        balloon.driver({ memory: ram, reportDelay: 0 }),
        interrupts,
      )
      return { id: `guest-${i}`, ram, made, host: made.hostBus.devices[0]?.device as BalloonHost }
    })
    const members: readonly BalancedGuest[] = guests.map(({ id, host }) => ({
      id,
      host,
      minimum: MINIMUM,
      maximum: BOOT,
    }))
    return {
      guests,
      members,
      assigned: () => guests.reduce((sum, { host }) => sum + host.assignedPages, 0),
      advance(seconds: number) {
        for (const { made } of guests) made.advance(seconds)
      },
    }
  }

  type Farm = ReturnType<typeof farm>

  function settle({ members, advance }: Farm, budget: number, rounds = 40): number {
    let last = 0
    for (let round = 1; round <= rounds; round++) {
      if (rebalance(members, budget).length > 0) last = round
      advance(1.2)
    }
    return last
  }

  test('a budget that holds for all gives each what it uses and a fifth more, and then lets it be', () => {
    const made = farm(3)
    made.advance(5)
    for (const [i, { ram }] of made.guests.entries()) ram.use(i * 5000)
    made.advance(1.2)
    expect(settle(made, 3 * BOOT)).toBeLessThan(35)
    for (const { host } of made.guests) {
      const target = Math.min(BOOT, Math.max(MINIMUM, Math.ceil((host.needed ?? 0) * 1.2)))
      expect(Math.abs(host.assignedPages - target)).toBeLessThan(STEP)
    }
  })

  test('what one guest no longer uses goes to the one that does', () => {
    const made = farm(2)
    const [first, second] = made.guests
    made.advance(5)
    const budget = 90 * MIB
    first?.ram.use(9000)
    settle(made, budget)
    const before = second?.host.assignedPages ?? 0
    expect(made.assigned()).toBeLessThanOrEqual(budget)
    expect(first?.host.assignedPages).toBeGreaterThan(before)
    first?.ram.unuse(9000)
    second?.ram.use(6000)
    settle(made, budget)
    expect(second?.host.assignedPages).toBeGreaterThan(before)
    expect(first?.host.assignedPages).toBeLessThan(second?.host.assignedPages ?? 0)
    expect(made.assigned()).toBeLessThanOrEqual(budget)
  })

  test('guests that are not ready, are busy or have not reported keep what they have, and it counts', () => {
    const early = farm(2)
    expect(rebalance(early.members, 0)).toEqual([])
    const unheard = farm(1, 0)
    unheard.advance(0.5)
    expect(unheard.guests[0]?.host).toMatchObject({ ready: true, needed: undefined })
    expect(rebalance(unheard.members, 0)).toEqual([])
    const made = farm(2)
    made.advance(5)
    expect(made.guests[0]?.host.balloon(100)).toBe('begun')
    expect(rebalance(made.members, BOOT + MINIMUM).map(({ id }) => id)).toEqual(['guest-1'])
  })

  const change = fc.record({
    guest: fc.nat(2),
    do: fc.constantFrom('use' as const, 'unuse' as const),
    pages: fc.nat(9000),
    budget: fc.integer({ min: 3 * MINIMUM, max: 3 * BOOT }),
    seconds: fc.constantFrom(0, 0.001, 0.5, 1, 3),
  })

  test('whatever the guests do, the budget is never overdrawn further, and both sides have the same accounts', () => {
    let moved = 0
    fc.assert(
      fc.property(fc.array(change, { minLength: 5, maxLength: 25, size: 'max' }), (changes) => {
        const made = farm(3)
        made.advance(5)
        for (const { guest, do: what, pages, budget, seconds } of changes) {
          made.guests[guest]?.ram[what](pages)
          const before = made.assigned()
          moved += rebalance(made.members, budget).length
          expect(made.assigned()).toBeLessThanOrEqual(Math.max(before, budget))
          made.advance(seconds)
          expect(made.assigned()).toBeLessThanOrEqual(Math.max(before, budget))
          for (const { host, ram } of made.guests) {
            if (!host.ready) continue
            expect([host.balloonedPages, host.assignedPages]).toEqual([ram.count('taken'), ram.total()])
            expect(ram.violations).toEqual([])
          }
        }
      }),
      { seed: 31, numRuns: 15 },
    )
    expect(moved).toBeGreaterThan(100)
  })
})
