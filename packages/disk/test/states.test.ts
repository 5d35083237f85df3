import { isDeepStrictEqual } from 'node:util'
import { seeded } from '@vmbus/world'
import {
  checkpoints,
  differencing,
  faultInjectingDisk,
  memoryDisk,
  memoryStore,
  queued,
  type BlockDevice,
} from '@vmbus/disk'
import { describe, expect, it } from 'vitest'
import { codeOf, contents, formats, parentSize, pattern, sameBytes } from './support.ts'

type Saved = Readonly<Record<string, unknown>>

const makers: readonly [name: string, make: (size: number) => BlockDevice][] = [
  ...formats.map(({ name, create }): [string, (size: number) => BlockDevice] => [
    name,
    (size) => create(memoryStore(), size),
  ]),
  ['memory', memoryDisk],
  ['differencing', (size) => differencing(memoryDisk(size))],
  ['checkpoints', (size) => checkpoints(memoryDisk(size))],
  ['fault-injecting', (size) => faultInjectingDisk(memoryDisk(size))],
]

/** Every state that is like this one but for one thing. */
function* spoilt(saved: Saved): Generator<[string, unknown]> {
  yield ['nothing', undefined]
  yield ['a number', 5]
  yield ['another kind', { ...saved, kind: 'other' }]
  yield ['another version', { ...saved, v: 99 }]
  yield ['one more field', { ...saved, more: 1 }]
  for (const key of Object.keys(saved)) {
    const { [key]: value, ...rest } = saved
    if (value !== undefined) yield [`no ${key}`, rest]
    yield [`${key} of another kind`, { ...saved, [key]: typeof value === 'symbol' ? 0 : Symbol.iterator.description }]
    if (typeof value === 'number') yield [`${key} NaN`, { ...saved, [key]: Number.NaN }]
  }
}

describe.each(makers)('a saved state of %s', (_name, make) => {
  it('is looked at in every part before anything changes', () => {
    const disk = make(parentSize)
    disk.write(3, [pattern(8192, 1)])
    const saved = disk.save()
    disk.write(5, [pattern(8192, 2)])
    const [before, now] = [contents(disk), disk.save()]
    for (const [what, state] of spoilt(saved as unknown as Saved)) {
      for (const look of [() => disk.checkState?.(state as typeof saved), () => disk.restore(state as typeof saved)])
        expect([what, codeOf(look)]).toEqual([what, 'VMBUS_STATE_INVALID'])
    }
    expect(sameBytes(contents(disk), before)).toBe(true)
    expect(isDeepStrictEqual(disk.save(), now)).toBe(true)
    disk.checkState?.(saved)
    expect(sameBytes(contents(disk), before)).toBe(true)
    disk.restore(saved)
    expect(isDeepStrictEqual(disk.save(), saved)).toBe(true)
  })

  it('is none of another kind of disk', () => {
    const disk = make(parentSize)
    for (const [, other] of makers) {
      const saved = other(parentSize).save()
      if (saved.kind === disk.save().kind) continue
      expect(codeOf(() => disk.restore(saved))).toBe('VMBUS_STATE_INVALID')
    }
  })
})

it('a saved state of another image of the same format is refused', () => {
  for (const { name, create } of formats) {
    // A raw image has no identity, and a child that of its parent when it was made.
    if (name === 'raw' || name.includes('differencing')) continue
    const [disk, other] = [create(memoryStore(), parentSize), create(memoryStore(), parentSize + 2 ** 20)]
    expect([name, codeOf(() => disk.restore(other.save()))]).toEqual([name, 'VMBUS_STATE_INVALID'])
  }
})

it('a store and a queue look at theirs too', () => {
  const store = memoryStore({ contents: pattern(70_000, 1) })
  const saved = store.save()
  const before = store.bytes()
  for (const [what, state] of spoilt(saved as unknown as Saved))
    if (!/kind|version|nothing/.test(what) || what === 'nothing')
      expect([what, codeOf(() => store.restore(state as typeof saved))]).toEqual([what, 'VMBUS_STATE_INVALID'])
  expect(codeOf(() => store.restore({ ...saved, chunks: [{ offset: 5, bytes: new Uint8Array(65_536) }] }))).toBe(
    'VMBUS_STATE_INVALID',
  )
  expect(sameBytes(store.bytes(), before)).toBe(true)
  const queue = queued(memoryDisk('1M'), { seed: seeded(1) })
  const state = queue.save()
  for (const [what, other] of spoilt(state as unknown as Saved))
    expect([what, codeOf(() => queue.restore(other as typeof state))]).toEqual([what, 'VMBUS_STATE_INVALID'])
})
