import { HResult } from '@vmbus/ic'
import {
  filePools,
  kvp,
  memoryPools,
  readPoolFile,
  registryPools,
  type KvpCompletion,
  type KvpHost,
  type KvpItem,
  type PoolFiles,
  type PoolStore,
} from '@vmbus/kvp'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  const key = fc.constantFrom('a', 'ab', 'abc', 'ä', 'ключ', 'k'.repeat(255))
  const value = fc.string({ maxLength: 20 }).filter((text) => !text.includes('\0'))
  const pool = fc.constantFrom('external' as const, 'guest' as const, 'auto-external' as const)
  type Step = {
    readonly do: 'set' | 'get' | 'delete'
    readonly pool: 'external' | 'guest' | 'auto-external'
    readonly key: string
    readonly value: string
  }
  const step: fc.Arbitrary<Step> = fc.record({
    do: fc.constantFrom('set' as const, 'set' as const, 'get' as const, 'delete' as const),
    pool,
    key,
    value,
  })

  /** Files in memory, which stop taking writes after `writes` of them: a power cut. */
  function files(writes = Infinity) {
    const disk = new Map<string, Uint8Array>()
    let left = writes
    const may = (): boolean => left-- > 0
    const os: PoolFiles = {
      read: (path) => disk.get(path),
      create: (path) => may() && disk.set(path, new Uint8Array(0)) !== undefined,
      append(path, bytes) {
        if (!may()) return false
        disk.set(path, Uint8Array.from([...(disk.get(path) ?? []), ...bytes]))
        return true
      },
      sync: may,
      rename(from, to) {
        const bytes = disk.get(from)
        if (bytes === undefined || !may()) return false
        disk.set(to, bytes)
        return disk.delete(from)
      },
    }
    return { disk, os }
  }

  function registry(): PoolStore {
    const keys = new Map<string, { name: string; type: number; data: string }[]>()
    return registryPools({
      values: (path) => keys.get(path) ?? [],
      set(path, changed) {
        const values = keys.get(path) ?? []
        const place = values.findIndex(({ name }) => name === changed.name)
        keys.set(path, place < 0 ? [...values, changed] : values.with(place, changed))
        return true
      },
      remove(path, name) {
        const values = keys.get(path) ?? []
        keys.set(
          path,
          values.filter((each) => each.name !== name),
        )
        return values.some((each) => each.name === name)
      },
    })
  }

  describe.each([
    ['memory', () => memoryPools()],
    ['files', () => filePools(files().os)],
    ['files in place', () => filePools(files().os, { rewrite: 'in-place' })],
    ['a registry', registry],
  ] as const)('pools in %s', (_, store) => {
    it('are maps that keep their order, through the wire and any save in between', () => {
      fc.assert(
        fc.property(
          fc.array(step, { maxLength: 20 }),
          fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
          (steps, saves) => {
            const pools = store()
            const made = world(kvp({}), kvp.driver({ pools }))
            made.run(1)
            const host = (): KvpHost => made.handle.device
            const model = new Map<string, Map<string, string>>()
            const last = (): KvpCompletion => made.heard('completed').at(-1) as KvpCompletion
            for (const [i, { do: what, pool: at, key: name, value: text }] of steps.entries()) {
              const map = model.get(at) ?? new Map<string, string>()
              model.set(at, map)
              const before = map.get(name)
              const id =
                what === 'set'
                  ? host().set({ pool: at, key: name, value: text })
                  : host()[what]({ pool: at, key: name })
              if (saves[i] === true) made.restore(made.save())
              made.run(1)
              const status = what === 'set' || before !== undefined ? HResult.ok : HResult.noMoreItems
              expect(last()).toMatchObject({ id, operation: what, status })
              if (what === 'get' && before !== undefined) expect(last().item?.value).toBe(before)
              if (what === 'set') map.set(name, text)
              if (what === 'delete') map.delete(name)
            }
            for (const [at, map] of model) {
              host().enumerate({ pool: at as Step['pool'] })
              made.run(1)
              expect(last().items?.map((item) => [item.key, item.value])).toEqual([...map])
            }
          },
        ),
        { seed: 4, numRuns: 15 },
      )
    })
  })

  const item = fc.record({ key, value })

  describe('pool files', () => {
    it('hold the old items or the new ones wherever the power is cut', () => {
      fc.assert(
        fc.property(
          fc.uniqueArray(item, { maxLength: 5, selector: (each) => each.key }),
          item,
          fc.boolean(),
          fc.nat(12),
          (items, changed, remove, cut) => {
            const { disk, os } = files()
            const whole = filePools(os)
            for (const each of items) whole.put('external', each)
            const before = whole.items('external')
            const apply = (store: PoolStore): number =>
              remove ? store.remove('external', changed.key) : store.put('external', changed)
            const other = files()
            for (const [path, bytes] of disk) other.disk.set(path, bytes)
            apply(filePools(other.os))
            const after = filePools(other.os).items('external')
            const cutAt = files(cut)
            for (const [path, bytes] of disk) cutAt.disk.set(path, bytes)
            const status = apply(filePools(cutAt.os))
            const left = filePools(cutAt.os).items('external')
            expect([before, after]).toContainEqual(left)
            if (status === HResult.ok) expect(left).toEqual(after)
          },
        ),
        { seed: 5, numRuns: 100 },
      )
    })

    it('rewritten in place lose items, as the real daemon loses them', () => {
      const { disk, os } = files(4)
      disk.set(
        '/var/lib/hyperv/.kvp_pool_0',
        (() => {
          const full = files()
          const pools = filePools(full.os)
          for (const name of ['a', 'b', 'c', 'd', 'e']) pools.put('external', { key: name, value: name })
          return full.disk.get('/var/lib/hyperv/.kvp_pool_0') as Uint8Array
        })(),
      )
      expect(filePools(os, { rewrite: 'in-place' }).put('external', { key: 'f', value: 'f' })).toBe(HResult.fail)
      expect(
        filePools(os)
          .items('external')
          .map(({ key: name }) => name),
      ).toEqual(['a', 'b', 'c'])
    })

    it('keep the records of others to the byte, and know a key that is no UTF-16 again', () => {
      const { disk, os } = files()
      const foreign = new Uint8Array(2560).fill(0xff)
      disk.set('/var/lib/hyperv/.kvp_pool_1', foreign)
      const pools = filePools(os)
      for (const text of ['1', '2']) expect(pools.put('guest', { key: 'lone \ud800', value: text })).toBe(HResult.ok)
      const bytes = disk.get('/var/lib/hyperv/.kvp_pool_1') as Uint8Array
      expect(bytes).toHaveLength(2 * 2560)
      expect(bytes.subarray(0, 2560)).toEqual(foreign)
      expect(pools.items('guest')[1]).toEqual({ key: 'lone \ufffd', value: '2' })
      expect(pools.remove('guest', 'lone \ufffd')).toBe(HResult.ok)
      expect(disk.get('/var/lib/hyperv/.kvp_pool_1')).toEqual(foreign)
    })

    it('are records of 512 and 2048 bytes of UTF-8, and an incomplete one is no record', () => {
      const { disk, os } = files()
      const pools = filePools(os, { directory: '/var/db/hyperv/pool' })
      pools.put('auto-external', { key: 'Hällo', value: 'wörld' })
      const bytes = disk.get('/var/db/hyperv/pool/.kvp_pool_3') as Uint8Array
      expect(bytes).toHaveLength(2560)
      expect([...bytes.subarray(0, 7)]).toEqual([0x48, 0xc3, 0xa4, 0x6c, 0x6c, 0x6f, 0])
      expect([...bytes.subarray(512, 519)]).toEqual([0x77, 0xc3, 0xb6, 0x72, 0x6c, 0x64, 0])
      expect(readPoolFile(Uint8Array.from([...bytes, ...bytes.subarray(0, 2559)]))).toEqual([
        { key: 'Hällo', value: 'wörld' },
      ] satisfies KvpItem[])
      expect(pools.put('external', { key: '€'.repeat(200), value: '' })).toBe(HResult.invalidArgument)
      expect(pools.put('external', { key: 'k', value: '€'.repeat(700) })).toBe(HResult.invalidArgument)
      expect(disk.has('/var/db/hyperv/pool/.kvp_pool_0')).toBe(false)
    })
  })
})
