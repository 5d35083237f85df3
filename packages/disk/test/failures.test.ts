import { seeded } from '@vmbus/world'
import { describe, expect, it } from 'vitest'
import { memoryStore, StoreError, type ByteStore } from '@vmbus/disk'
import { contents, formats, parentSize, pattern, readSectors, type Format } from './support.ts'

const UNIT = 512

/** A store of which the seed lets one operation in `one` fail, before it has an effect, while `failing()`. */
function unreliable(store: ByteStore, seedNumber: number, one: number, failing: () => boolean): ByteStore {
  const seed = seeded(seedNumber)
  let operations = 0
  const maybe = (): void => {
    operations++
    if (failing() && seed.below(one, operations) === 0) throw new StoreError('VMBUS_STORE_IO', 'injected')
  }
  return {
    get size() {
      return store.size
    },
    readOnly: false,
    lock: store.lock,
    read(...args) {
      maybe()
      store.read(...args)
    },
    write(...args) {
      maybe()
      store.write(...args)
    },
    truncate(size) {
      maybe()
      store.truncate(size)
    },
    flush() {
      maybe()
      store.flush()
    },
    close: () => store.close(),
    inspect: () => store.inspect(),
  }
}

/** Writes, discards and flushes of which some fail; what was answered "ok" must be there in the end. */
function survive(format: Format, seedNumber: number): { failures: number; wrong: string | undefined } {
  const seed = seeded(seedNumber)
  const store = memoryStore()
  let failing = false
  const bad = unreliable(store, seedNumber, 9, () => failing)
  const disk = format.create(bad, parentSize)
  const allowed = new Map<number, Buffer[]>()
  const initial = Buffer.from(contents(disk))
  let failures = 0
  failing = true
  for (let step = 0; step < 120; step++) {
    const draw = (bound: number, what: string): number => seed.below(bound, step, what)
    const from = draw(disk.sectors, 'from')
    const count = Math.min(disk.sectors - from, 1 + draw(20, 'count'))
    const kind = draw(8, 'kind')
    const bytes = kind < 5 ? pattern(count * disk.sectorSize, step) : new Uint8Array(count * disk.sectorSize)
    const status =
      kind < 5
        ? disk.write(from, [bytes])
        : kind === 5
          ? disk.zero(from, count)
          : kind === 6
            ? disk.discard(from, count)
            : disk.flush()
    if (status !== 'ok') failures++
    if (kind === 7) continue
    for (let at = 0; at < bytes.length; at += UNIT) {
      const unit = (from * disk.sectorSize + at) / UNIT
      const value = Buffer.from(bytes.subarray(at, at + UNIT))
      const certain = status === 'ok' && kind !== 6
      allowed.set(
        unit,
        certain ? [value] : [...(allowed.get(unit) ?? [initial.subarray(unit * UNIT, (unit + 1) * UNIT)]), value],
      )
    }
  }
  failing = false
  if (disk.flush() !== 'ok') return { failures, wrong: 'the flush after all was well again' }
  const live = Buffer.from(contents(disk))
  disk.close()
  const again = Buffer.from(contents(format.open(store)))
  if (!live.equals(again)) return { failures, wrong: 'reopened, it differs' }
  for (const [unit, values] of allowed) {
    const got = again.subarray(unit * UNIT, (unit + 1) * UNIT)
    if (!values.some((value) => value.equals(got))) return { failures, wrong: `sector of 512 bytes ${unit}` }
    allowed.delete(unit)
    got.copy(initial, unit * UNIT)
  }
  return { failures, wrong: initial.equals(again) ? undefined : 'a sector that nothing was written to' }
}

describe.each(formats)('$name on a store that fails now and then', (format) => {
  it('has in the end what it answered "ok" to', () => {
    let failures = 0
    for (let seed = 1; seed <= 4; seed++) {
      const report = survive(format, seed)
      expect(`seed ${seed}: ${report.wrong ?? 'right'}`).toBe(`seed ${seed}: right`)
      failures += report.failures
    }
    expect(failures).toBeGreaterThan(10)
  })

  it('answers a failed growth with an error, and its size holds', () => {
    if (format.name === 'vhd differencing')
      return expect(() => format.create(memoryStore(), parentSize).resize(1)).toThrow('size of its parent')
    let failing = false
    for (let seed = 1; seed < 12; seed++) {
      const disk = format.create(
        unreliable(memoryStore(), seed, 3, () => failing),
        parentSize,
      )
      disk.write(3, [pattern(disk.sectorSize, 1)])
      disk.flush()
      const before = disk.sectors
      failing = true
      let threw = false
      try {
        disk.resize(before * 2)
      } catch (error) {
        threw = true
        if (!(error instanceof StoreError)) throw error
      }
      failing = false
      // Taking a growth back may fail as well.
      expect(threw ? [before, before * 2] : [before * 2]).toContain(disk.sectors)
      expect(disk.flush()).toBe('ok')
      disk.resize(before + 4096)
      expect(readSectors(disk, 3, 1)).toEqual(pattern(disk.sectorSize, 1))
      expect(readSectors(disk, before, 8).every((byte) => byte === 0)).toBe(true)
    }
  })
})
