import { icVersion } from '@vmbus/ic'
import { kvp, memoryPools, type KvpCompletion, type KvpItem } from '@vmbus/kvp'
import { KVP_INSTANCE, KVP_INTERFACE } from '@vmbus/kvp/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rawComponent, requestOf, worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES, rawDriver } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  const patch = fc.record({
    /** Offsets where sizes, counts and types stand, and anywhere. */
    at: fc.oneof(fc.constantFrom(4, 8, 12, 14, 18, 20, 25, 28, 29, 32, 36, 40, 44, 48), fc.nat(7500)),
    word: fc.oneof(fc.constantFrom(0, 1, 2, 11, 511, 512, 513, 2048, 2049, 0x7fff_ffff, 0xffff_ffff), fc.nat(0xffff)),
  })
  const mutation = fc.record({
    patches: fc.array(patch, { maxLength: 4 }),
    cut: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(7500) }),
    copies: fc.integer({ min: 0, max: 2 }),
  })

  function mutated(
    bytes: Uint8Array,
    { patches, cut }: { patches: readonly { at: number; word: number }[]; cut: number },
  ): Uint8Array {
    const out = bytes.slice(0, Math.max(0, bytes.length - cut))
    const view = new DataView(out.buffer)
    for (const { at, word } of patches) if (at + 4 <= out.length) view.setUint32(at, word, true)
    return out
  }

  it('a host ends every request once, whatever the guest answers', () => {
    let readable = 0
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 12 }), (mutations) => {
        let turn = -1
        const driver = rawDriver(KVP_INTERFACE, (message) => {
          const answer = message.slice()
          answer[25] = 5
          if (turn++ < 0) {
            answer.set([1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0], 28)
            return [answer]
          }
          const how = mutations[(turn - 1) % mutations.length]
          if (how === undefined) return []
          return Array.from({ length: how.copies }, () => mutated(answer, how)).filter((bytes) => bytes.length > 0)
        })
        const made = world(kvp({ replySeconds: 1 }), driver)
        made.run(1)
        const host = made.handle.device
        const ids = [
          host.enumerate({ pool: 'auto' }),
          host.get({ key: 'k' }),
          host.set({ key: 'k', value: 'v' }),
          host.getIp({ adapterId: '{a}', family: 'both' }),
          host.delete({ key: 'k' }),
        ]
        expect(ids).toEqual([1, 2, 3, 4, 5])
        made.run(2000)
        const ended = made.heard('completed') as KvpCompletion[]
        expect(ended.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(ids)
        readable += ended.filter(({ outcome }) => outcome === 'ok').length
      }),
      { seed: 6, numRuns: 150 },
    )
    expect(readable).toBeGreaterThan(20)
  })

  it('a guest answers each request that has a header, and no pool has what was not asked for in full', () => {
    let stored = 0
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.constantFrom(0, 1, 1, 1, 1, 2, 3, 4, 5, 8),
            fc.constantFrom(0, 0, 1, 3, 4, 255),
            mutation,
            fc.constantFrom(2580, 7428),
          ),
          { minLength: 1, maxLength: 10 },
        ),
        (list) => {
          const contents: Record<string, readonly KvpItem[]> = {}
          const answers: Uint8Array[] = []
          const messages = list.map(([operation, pool, how, size]) => {
            const body = new Uint8Array(size)
            body.set([operation, pool, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0x6b, 0])
            return mutated(requestOf(2, icVersion(5, 0), body), { ...how, cut: how.cut > 7000 ? 7000 : how.cut })
          })
          const negotiation = requestOf(0, 0, Uint8Array.from([1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0]))
          const network = { get: () => undefined, set: () => 0 }
          const made = world(
            rawComponent(KVP_INTERFACE, KVP_INSTANCE, [negotiation, ...messages], answers, true),
            kvp.driver({ pools: memoryPools(contents), network }),
          )
          made.run(5)
          expect(answers.length).toBeLessThanOrEqual(messages.length + 1)
          for (const items of Object.values(contents))
            for (const each of items) {
              stored++
              expect(each.key.length).toBeGreaterThan(0)
              expect(each.key.length).toBeLessThanOrEqual(255)
              expect(each.value.length).toBeLessThanOrEqual(1023)
            }
        },
      ),
      { seed: 7, numRuns: 100 },
    )
    expect(stored).toBeGreaterThan(20)
  })
})
