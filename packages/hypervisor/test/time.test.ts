import { expect, test } from 'vitest'
import { referenceTimeAt, referenceTimeFromPage, tscScale } from '../src/index.ts'
import { fixture } from './fixture.ts'

test('scale: floor(10^7 · 2^64 / Hz), 0 where it does not fit', () => {
  // 2^64 / 100 and 2^64 / 2, computed by hand.
  expect(tscScale(1_000_000_000)).toBe(184_467_440_737_095_516n)
  expect(tscScale(20_000_000)).toBe(0x8000_0000_0000_0000n)
  expect([tscScale(10_000_000), tscScale(0), tscScale(Number.NaN), tscScale(2.5)]).toEqual([0n, 0n, 0n, 0n])
})

test('reference time: 64-bit arithmetic with a signed offset', () => {
  expect(referenceTimeAt(20_000_000n, 0x8000_0000_0000_0000n, 5n)).toBe(10_000_005n)
  expect(referenceTimeAt(20_000_000n, 0x8000_0000_0000_0000n, -10_000_001n)).toBe(0xffff_ffff_ffff_ffffn)
})

test('the counter is the clock, at any size', () => {
  const r = fixture()
  r.clock.advanceTo(0x12_3456_789a)
  expect(r.read(0x4000_0020)).toBe(0x12_3456_789an)
  expect(r.read(0x4000_0010)).toBe(0x12_3456_789an)
})

test('reference TSC page: sequence, scale and offset, with the rest zero', () => {
  const r = fixture({ tscOrigin: -3n, features: { tscFrequency: 20_000_000 } })
  r.memory.bytes.fill(0xee, 0x7000, 0xa000)
  expect(r.write(0x4000_0021, 0x8003n)).toBe(false)
  expect(r.write(0x4000_0021, 0x40001n)).toBe(false)
  expect(r.write(0x4000_0021, 0x8001n)).toBe(true)
  expect(r.memory.bytes.slice(0x8000, 0x8019)).toEqual(
    Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0),
  )
  expect([r.memory.bytes[0x7fff], r.memory.bytes[0x8fff], r.memory.bytes[0x9000]]).toEqual([0xee, 0, 0xee])
  expect(referenceTimeFromPage(r.memory, 0x8000, 2000n)).toBe(997n)
  // A page that is written again says so by another sequence, after a restore elsewhere, too.
  r.write(0x4000_0021, 0n)
  const other = fixture({ tscOrigin: -3n })
  other.partition.restore(structuredClone(r.partition.save()))
  for (const { write, memory } of [r, other]) {
    write(0x4000_0021, 0x8001n)
    expect(memory.view.getUint32(0x8000, true)).toBe(2)
  }
})

test('without a TSC the page says to read the counter', () => {
  const r = fixture()
  r.memory.bytes.fill(0xee, 0x8000, 0x9000)
  expect(r.write(0x4000_0021, 0x8001n)).toBe(true)
  expect(r.memory.bytes.slice(0x8000, 0x8018).every((b) => b === 0)).toBe(true)
  expect(referenceTimeFromPage(r.memory, 0x8000, 5n)).toBeUndefined()
  expect(r.read(0x4000_0021)).toBe(0x8001n)
})

test('the sequence of the reference TSC page goes round to 1: 0 and 0xffffffff say invalid', () => {
  const r = fixture({ tscOrigin: 0n, features: { tscFrequency: 20_000_000 } })
  const sequence = (before: number): number => {
    r.partition.restore({ ...(r.partition.save() as object), tscSequence: before })
    r.write(0x4000_0021, 0n)
    r.write(0x4000_0021, 0x8001n)
    return r.memory.view.getUint32(0x8000, true)
  }
  expect([sequence(0xffff_fffd), sequence(0xffff_fffe)]).toEqual([0xffff_fffe, 1])
})
