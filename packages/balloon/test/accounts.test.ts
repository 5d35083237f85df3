import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { balloon, type BalloonHost, type PageRun } from '../src/index.ts'
import { balloonFloor } from '../src/floor.ts'
import { guestRam } from './guest-ram.ts'
import { world } from './world.ts'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  const MIB = 256
  const BOOT = 64 * MIB
  /** Hot add in blocks of 2^4 MiB. */
  const ALIGNMENT = 4
  const BLOCK = 16 * MIB

  type Step =
    | { readonly do: 'balloon' | 'unballoon' | 'use' | 'unuse'; readonly pages: number }
    | { readonly do: 'hot-add'; readonly pages: number }
    | { readonly do: 'save' }
    | { readonly do: 'steps'; readonly count: number }
    | { readonly do: 'wait'; readonly seconds: number }

  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('balloon' as const, 'unballoon' as const),
        pages: fc.oneof(fc.nat(3000), fc.nat(100_000)),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('use' as const, 'unuse' as const), pages: fc.nat(8000) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('hot-add' as const),
        pages: fc.oneof(fc.constant(BLOCK), fc.integer({ min: 1, max: BLOCK })),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('save' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('steps' as const), count: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 3 }) }) },
  )

  /** Pages that the host took back, each counted: twice or unasked is a fault. */
  function reclaimer() {
    const owned = new Set<number>()
    const faults: string[] = []
    const each = ({ start, count }: PageRun, what: (page: number) => void): void => {
      for (let page = start; page < start + count; page++) what(page)
    }
    return {
      owned,
      faults,
      reclaimed: (run: PageRun) =>
        each(run, (page) => {
          if (owned.has(page)) faults.push(`page ${page} reclaimed twice`)
          owned.add(page)
        }),
      returned: (run: PageRun) =>
        each(run, (page) => {
          if (!owned.delete(page)) faults.push(`page ${page} returned, not reclaimed`)
        }),
    }
  }

  function life() {
    const ram = guestRam({ pages: BOOT, fragmentedBy: 700, hotAddBlock: BLOCK, hotAddParts: true })
    const books = reclaimer()
    const made = world(
      balloon({ bootPages: BOOT, settleSeconds: 1, reclaimed: books.reclaimed, returned: books.returned }),
      balloon.driver({ memory: ram, reportDelay: 0, hotAddAlignment: ALIGNMENT }),
      interrupts,
    )
    const operations: { name: string; asked: number; done: number }[] = []
    const finals: number[] = []
    made.hostBus.on((event) => {
      if (event.kind !== 'device' || !['balloon', 'unballoon', 'hot-add'].includes(event.name)) return
      operations.push({ name: event.name, ...(event.detail as { asked: number; done: number }) })
      finals.push(made.now)
    })
    let begun = 0
    const host = (): BalloonHost => made.hostBus.devices[0]?.device as BalloonHost
    const count = (answer: string): void => void (begun += answer === 'begun' ? 1 : 0)

    return {
      ram,
      books,
      made,
      operations,
      host,
      get begun() {
        return begun
      },
      run(each: Step) {
        switch (each.do) {
          case 'balloon':
            return count(host().balloon(each.pages))
          case 'unballoon':
            return count(host().unballoon(each.pages))
          case 'hot-add': {
            // Blocks are filled one after the other, in parts.
            const added = host().hotAddedPages
            const room = BLOCK - (added % BLOCK)
            return added >= 4 * BLOCK
              ? undefined
              : count(host().hotAdd({ start: BOOT + added, count: Math.min(room, each.pages) }))
          }
          case 'use':
            return ram.use(each.pages)
          case 'unuse':
            return ram.unuse(each.pages)
          case 'save':
            return made.restore(structuredClone(made.save()))
          case 'steps':
            for (let i = 0; i < each.count; i++) made.step(made.now + 10_000_000)
            return
          case 'wait':
            return made.advance(each.seconds)
        }
      },
    }
  }

  /** What holds whenever nothing is under way. */
  function check(at: ReturnType<typeof life>): void {
    const { ram, books } = at
    const host = at.host()
    expect(host.balloonedPages).toBe(ram.count('taken'))
    expect(host.assignedPages).toBe(ram.total())
    expect(ram.hasTaken(books.owned)).toBe(true)
    expect([...books.faults, ...ram.violations]).toEqual([])
  }

  const steps = fc.array(step, { minLength: 5, maxLength: 25, size: 'max' })

  test('guest and host have the same pages after every operation, above the floor, and each answer equals the work', () => {
    let worked = 0
    fc.assert(
      fc.property(steps, (list) => {
        const at = life()
        at.made.advance(3)
        let [before, floor] = [0, 0]
        for (const each of list) {
          // A guest that is interrupted at once gives up what it has when it is asked, another while time passes.
          const now: [number, number] = [at.ram.available(), balloonFloor(at.ram.total())]
          if (each.do === 'wait' && interrupts === 'deferred') [before, floor] = now
          const ended = at.operations.length
          const { begun } = at
          at.run(each)
          if (each.do === 'balloon' && interrupts === 'immediate' && at.begun > begun) [before, floor] = now
          if (at.operations.length === at.begun) check(at)
          const last = at.operations.at(-1)
          if (at.operations.length > ended && each.do === 'wait' && last?.name === 'balloon') {
            expect(last.done).toBeLessThanOrEqual(last.asked)
            // One operation ends at most before the next is begun; what the guest had free before it is enough to judge.
            expect(last.done).toBe(Math.max(0, Math.min(last.asked, before - floor)))
            worked += last.done
          }
        }
        at.made.advance(5)
        expect(at.operations.length).toBe(at.begun)
        check(at)
      }),
      { seed: 6, numRuns: 40 },
    )
    expect(worked).toBeGreaterThan(10_000)
  })

  test('saving and restoring after every step changes no later byte', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const [plain, saved] = [life(), life()]
        for (const each of list) {
          plain.run(each)
          saved.run(each)
          saved.run({ do: 'save' })
        }
        for (const each of [plain, saved]) each.made.advance(5)
        expect(saved.made.messages.map(({ to, bytes }) => `${to} ${Buffer.from(bytes).toString('hex')}`)).toEqual(
          plain.made.messages.map(({ to, bytes }) => `${to} ${Buffer.from(bytes).toString('hex')}`),
        )
        expect(saved.operations).toEqual(plain.operations)
        expect(Buffer.compare(saved.made.memory.bytes, plain.made.memory.bytes)).toBe(0)
      }),
      { seed: 9, numRuns: 10 },
    )
  })
})
