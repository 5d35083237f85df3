import fc from 'fast-check'
import { seeded } from '@vmbus/world'
import { describe, expect, it } from 'vitest'
import {
  DiskError,
  StoreError,
  checkpointAll,
  checkpoints,
  createVhdx,
  differencing,
  faultInjectingDisk,
  memoryDisk,
  memoryStore,
  openVhdx,
  queued,
  rawDisk,
  type BlockDevice,
  type CompletionTable,
} from '@vmbus/disk'
import { cutCheckpoints } from './checkpoint-cuts.ts'
import { KINDS, created, type Kind } from './checkpoint-kinds.ts'
import { DiskModel } from './model.ts'
import { contents, pattern, readSectors, sameBytes } from './support.ts'

const SIZE = 2 ** 21 + 8192
const SECTORS = SIZE / 512

type Command =
  | {
      readonly kind: 'write' | 'zero' | 'discard'
      readonly sector: number
      readonly count: number
      readonly tag: number
    }
  | { readonly kind: 'resize'; readonly sectors: number }
  | { readonly kind: 'merge'; readonly bytes: number }
  | { readonly kind: 'flush' | 'checkpoint' | 'move' | 'reopen' }

const sector = fc.oneof(fc.nat(SECTORS - 1), fc.nat(40), fc.constantFrom(0, 2047, 2048, SECTORS - 1))
const commands = fc.array(
  fc.oneof(
    {
      arbitrary: fc.record({
        kind: fc.constantFrom('write' as const, 'write' as const, 'zero' as const, 'discard' as const),
        sector,
        count: fc.oneof(fc.nat(24), fc.constantFrom(1, 8, 2048, 4096)),
        tag: fc.nat(10000),
      }),
      weight: 8,
    },
    {
      arbitrary: fc.record({ kind: fc.constant('merge' as const), bytes: fc.constantFrom(1, 4096, 1 << 30) }),
      weight: 4,
    },
    {
      arbitrary: fc.record({
        kind: fc.constant('resize' as const),
        sectors: fc.integer({ min: 1, max: SECTORS + 3000 }),
      }),
      weight: 1,
    },
    { arbitrary: fc.record({ kind: fc.constant('checkpoint' as const) }), weight: 5 },
    {
      arbitrary: fc.record({ kind: fc.constantFrom('flush' as const, 'move' as const, 'reopen' as const) }),
      weight: 2,
    },
  ),
  { minLength: 20, maxLength: 40, size: 'max' },
)

interface Seen {
  checkpoints: number
  merged: number
  /** Changes while a merge was under way. */
  meanwhile: number
}

/** Runs commands on a disk and on an array; "equal", or what differs. */
function run(kind: Kind | 'memory', list: readonly Command[], seen: Seen): string {
  let { disk, reopen } = created(kind, SIZE)
  const model = new DiskModel(512, new Uint8Array(SIZE))
  let frozen: { readonly view: BlockDevice; readonly bytes: Uint8Array } | undefined
  for (const [step, command] of list.entries()) {
    const fail = (what: string): string => `step ${step} ${JSON.stringify(command)}: ${what}`
    if ('sector' in command) {
      const from = command.sector % disk.sectors
      const count = Math.min(command.count, disk.sectors - from)
      if (disk.phase === 'merging') seen.meanwhile++
      const data = command.kind === 'write' ? pattern(count * 512, command.tag) : new Uint8Array(count * 512)
      const status =
        command.kind === 'write'
          ? disk.write(from, [data])
          : command.kind === 'zero'
            ? disk.zero(from, count)
            : disk.discard(from, count)
      if (status !== 'ok') return fail(status)
      if (command.kind === 'discard') model.discard(from, count)
      else model.write(from, data)
    } else if (command.kind === 'resize') {
      disk.resize(command.sectors)
      model.resize(command.sectors)
    } else if (command.kind === 'checkpoint') {
      if (disk.phase !== 'none') continue
      seen.checkpoints++
      frozen = { view: disk.checkpoint(), bytes: contents(disk) }
    } else if (command.kind === 'merge') {
      if (disk.phase === 'none') continue
      frozen = undefined
      if (disk.merge(command.bytes)) seen.merged++
    } else if (command.kind === 'move') {
      const saved = structuredClone(disk.save())
      const other = created(kind, SIZE)
      other.disk.restore(saved)
      ;({ disk, reopen } = other)
      frozen = undefined
    } else if (command.kind === 'reopen' && kind !== 'memory') {
      disk.close()
      disk = reopen()
      frozen = undefined
    } else if (disk.flush() !== 'ok') return fail('flush')
    if (disk.sectors !== model.sectors) return fail(`${disk.sectors} sectors instead of ${model.sectors}`)
    // All of it where images were changed for others, else what was touched.
    const [first, sectors] = 'sector' in command ? [command.sector % disk.sectors, 64] : [0, disk.sectors]
    const differs = model.check(first, readSectors(disk, first, Math.min(sectors, disk.sectors - first)))
    if (differs >= 0) return fail(`sector ${differs} differs`)
    if (frozen !== undefined && !('sector' in command) && !sameBytes(contents(frozen.view), frozen.bytes))
      return fail('the checkpoint changed')
  }
  while (disk.phase !== 'none') disk.merge(100_000)
  const differs = model.check(0, contents(disk))
  if (differs >= 0) return `sector ${differs} differs after the last merge`
  if (kind === 'memory') return 'equal'
  disk.close()
  return model.check(0, contents(reopen())) < 0 ? 'equal' : 'differs when opened again'
}

describe.each(['memory' as const, ...KINDS])('checkpoints of $name against an array', (kind) => {
  it('any writes, checkpoints, merges, resizes, moves and reopenings', { timeout: 120_000 }, () => {
    const seen: Seen = { checkpoints: 0, merged: 0, meanwhile: 0 }
    fc.assert(
      fc.property(commands, (list) => {
        expect(run(kind, list, seen)).toBe('equal')
      }),
      { seed: 20240305, numRuns: 8 },
    )
    expect(Math.min(seen.checkpoints, seen.merged, seen.meanwhile)).toBeGreaterThan(3)
  })
})

describe.each(KINDS)('$name, power cuts from checkpoint to merge', (kind) => {
  it('what was flushed is there, in one image or in two', () => {
    const report = cutCheckpoints(kind, { seed: 7, size: SIZE, steps: 90, every: 4 })
    expect(report.failures).toEqual([])
    expect(Math.min(report.whileCreated, report.whileMerging, report.withChild)).toBeGreaterThan(5)
  })
})

describe('a checkpoint', () => {
  it('has every write that was acknowledged before it, the child every later one, whatever is in flight', () => {
    const disk = checkpoints(memoryDisk('1M'))
    const queue = queued(disk, { seed: seeded(4), minDelay: 5, maxDelay: 50 })
    const table: CompletionTable = { slots: [], statuses: [] }
    const acknowledged = new Set<number>()
    const take = (now: number): void => {
      const count = queue.completions(table, now)
      for (let index = 0; index < count; index++) acknowledged.add(table.slots[index] ?? -1)
    }
    for (let now = 0; now < 40; now++) {
      queue.submit({ operation: 'write', sector: now, buffers: [pattern(512, now)] }, now, now)
      take(now)
    }
    const before = [...acknowledged]
    expect(before.length).toBeGreaterThan(3)
    expect(queue.pending).toBeGreaterThan(3)
    const frozen = disk.checkpoint()
    for (let now = 40; now < 80; now++) {
      queue.submit({ operation: 'write', sector: now, buffers: [pattern(512, now)] }, now, now)
      take(now)
    }
    take(Infinity)
    for (const slot of before) expect(readSectors(frozen, slot, 1)).toEqual(pattern(512, slot))
    for (let slot = 40; slot < 80; slot++) {
      expect(readSectors(frozen, slot, 1)).toEqual(new Uint8Array(512))
      expect(readSectors(disk, slot, 1)).toEqual(pattern(512, slot))
    }
    expect(acknowledged.size).toBe(80)
  })

  it('refuses changes, a second one, and to be read once it is merged', () => {
    const disk = checkpoints(memoryDisk('1M'))
    expect(() => disk.merge()).toThrow(DiskError)
    disk.write(0, [pattern(512, 1)])
    const frozen = disk.checkpoint()
    expect(() => disk.checkpoint()).toThrow(expect.objectContaining({ code: 'VMBUS_DISK_STATE' }))
    expect([frozen.write(0, [pattern(512, 2)]), frozen.zero(0, 1), frozen.discard(0, 1), frozen.flush()]).toEqual([
      'read-only',
      'read-only',
      'read-only',
      'ok',
    ])
    expect(() => frozen.resize(10)).toThrow(DiskError)
    frozen.close()
    expect(readSectors(frozen, 0, 1)).toEqual(pattern(512, 1))
    expect(disk.merge(0)).toBe(false)
    expect(frozen.read(0, [new Uint8Array(512)])).toBe('medium-error')
    expect(disk.merge()).toBe(true)
  })

  it('leaves the disk as it was when it cannot be made', () => {
    const store = memoryStore()
    createVhdx(store, { size: '4M' }).close()
    let open: BlockDevice | undefined
    const disk = checkpoints({
      below(access) {
        open?.close()
        return (open = openVhdx(store, { readOnly: access === 'read' }))
      },
      // The host's disk is full.
      create: (parent) => createVhdx(memoryStore({ limit: 1 << 20 }), { parent }),
    })
    disk.write(0, [pattern(4096, 1)])
    expect(() => disk.checkpoint()).toThrow(expect.objectContaining({ code: 'VMBUS_STORE_NO_SPACE' }))
    expect(disk.phase).toBe('none')
    expect(disk.write(8, [pattern(4096, 2)])).toBe('ok')
    const expected = contents(disk)
    disk.close()
    expect(sameBytes(contents(openVhdx(store)), expected)).toBe(true)
  })

  it('is made of all disks or of none', () => {
    const good = checkpoints(memoryDisk('1M'))
    const bad = faultInjectingDisk(memoryDisk('1M'))
    const other = checkpoints(bad)
    bad.inject({ operation: 'flush', status: 'medium-error', times: 1 })
    expect(() => checkpointAll([good, other])).toThrow(StoreError)
    expect([good.phase, other.phase]).toEqual(['none', 'none'])
    expect(checkpointAll([good, other]).map(({ sectors }) => sectors)).toEqual([2048, 2048])
    expect([good.phase, other.phase]).toEqual(['taken', 'taken'])
  })

  it('keeps the identity of the disk, whatever image is on top', () => {
    const identity = Uint8Array.from({ length: 16 }, (_, index) => index)
    const disk = checkpoints(memoryDisk('1M', { identity }))
    disk.checkpoint()
    expect(disk.identity).toEqual(identity)
  })
})

describe('a merge', () => {
  it('goes on after an error of the image below, and the guest does not notice', () => {
    const below = faultInjectingDisk(memoryDisk('4M'))
    const disk = checkpoints(below)
    disk.checkpoint()
    disk.write(0, [pattern(1 << 20, 1)])
    disk.write(4096, [pattern(1 << 20, 2)])
    disk.merge(1)
    below.inject({ operation: 'write', status: 'no-space' })
    // Behind the merge: the child takes it, the image below cannot.
    expect(disk.write(8, [pattern(4096, 3)])).toBe('ok')
    expect(() => disk.merge()).toThrow(expect.objectContaining({ code: 'VMBUS_STORE_NO_SPACE' }))
    const expected = contents(disk)
    below.heal()
    expect(disk.merge()).toBe(true)
    expect(sameBytes(contents(below), expected)).toBe(true)
  })

  it('lets no other image that was made of the parent go on', () => {
    const store = memoryStore()
    createVhdx(store, { size: '4M' }).close()
    const sibling = memoryStore()
    const parent = openVhdx(store, { readOnly: true })
    createVhdx(sibling, { parent }).close()
    parent.close()
    const medium = memoryStore()
    const disk = checkpoints({
      below: (() => {
        let open: BlockDevice | undefined
        return (access) => {
          open?.close()
          return (open = openVhdx(store, { readOnly: access === 'read' }))
        }
      })(),
      create: (below) => createVhdx(medium, { parent: below }),
      remove: (child) => child.close(),
    })
    disk.checkpoint()
    disk.write(0, [pattern(512, 1)])
    disk.flush()
    disk.merge(0)
    const now = memoryStore({ contents: store.bytes() })
    const refused = expect.objectContaining({ code: 'VMBUS_DISK_PARENT' }) as Error
    expect(() => openVhdx(sibling, { parent: openVhdx(now, { readOnly: true }) })).toThrow(refused)
    // The child itself fits, before and after the merge's first write; once it was merged it does not.
    const copy = memoryStore({ contents: medium.bytes() })
    openVhdx(copy, { parent: openVhdx(now, { readOnly: true }) })
    expect(disk.merge()).toBe(true)
    disk.close()
    expect(() => openVhdx(medium, { parent: openVhdx(store) })).toThrow(refused)
  })

  it('needs a child that tells its own sectors', () => {
    const disk = checkpoints({ below: () => rawBelow, create: () => rawDisk(memoryStore({ size: 4096 })) })
    expect(() => disk.checkpoint()).toThrow(expect.objectContaining({ code: 'VMBUS_DISK_OPTION' }))
    expect(disk.phase).toBe('none')
  })
})

const rawBelow = rawDisk(memoryStore({ size: 4096 }))

describe('differencing', () => {
  it('the child has the writes, the parent does not, and merging gives them to it', () => {
    const parent = memoryDisk('1M')
    parent.write(0, [pattern(4096, 1)])
    const child = differencing(parent)
    child.write(2, [pattern(512, 2).subarray(0, 100), pattern(512, 2).subarray(100)])
    child.zero(3, 1)
    child.discard(4, 1)
    expect(readSectors(parent, 0, 8)).toEqual(pattern(4096, 1))
    const expected = pattern(4096, 1)
    expected.set(pattern(512, 2), 1024)
    expected.fill(0, 1536, 2560)
    expect(readSectors(child, 0, 8)).toEqual(expected)
    child.merge()
    expect(readSectors(parent, 0, 8)).toEqual(expected)
    expect(child.inspect()['pieces']).toBe(0)
  })
})
