import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { BlockDevice, ByteStore } from '@vmbus/disk'
import { contents, pattern, type Format } from './support.ts'

/** One step of a model run. Sectors are taken modulo what the disk has at that moment. */
export type Command =
  | {
      readonly kind: 'write' | 'read'
      readonly sector: number
      readonly count: number
      readonly cuts: readonly number[]
      readonly tag: number
    }
  | { readonly kind: 'discard' | 'zero'; readonly sector: number; readonly count: number }
  | { readonly kind: 'flush' | 'reopen' | 'save' }
  | { readonly kind: 'resize'; readonly sectors: number }

export function commands(format: Format, size: number): fc.Arbitrary<Command[]> {
  const total = size / format.sectorSize
  const block = 2 ** 20 / format.sectorSize
  const sector = fc.oneof(fc.nat(total - 1), fc.nat(40), fc.constantFrom(0, block - 1, block, 2 * block, total - 1))
  const count = fc.oneof(fc.nat(24), fc.constantFrom(1, 8, block, 2 * block))
  const transfer = fc.record({
    kind: fc.constantFrom('write' as const, 'write' as const, 'read' as const),
    sector,
    count,
    cuts: fc.array(fc.nat(20000), { maxLength: 4 }),
    tag: fc.nat(10000),
  })
  const range = fc.record({ kind: fc.constantFrom('discard' as const, 'zero' as const), sector, count })
  const plain = fc.record({
    kind: fc.constantFrom('flush' as const, 'flush' as const, 'reopen' as const, 'save' as const),
  })
  const resizable = format.name !== 'vhd differencing'
  const resize = fc.record({
    kind: fc.constant('resize' as const),
    sectors: fc.oneof(fc.integer({ min: 1, max: 2 * total }), fc.constantFrom(block, total, total + 3 * block)),
  })
  const arms = [
    { arbitrary: transfer, weight: 6 },
    { arbitrary: range, weight: 2 },
    { arbitrary: plain, weight: 2 },
    ...(resizable ? [{ arbitrary: resize, weight: 1 }] : []),
  ]
  return fc.array(fc.oneof(...(arms as [{ arbitrary: fc.Arbitrary<Command>; weight: number }])), {
    maxLength: 30,
    size: 'max',
  })
}

/** Cuts bytes into buffers at arbitrary places, so that a sector may be in several of them. */
function scatter(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

/** The disk as an array, with what discard leaves open: a discarded sector reads as before or as zeros. */
export class DiskModel {
  bytes: Uint8Array
  /** Sectors whose next read decides. */
  readonly open = new Set<number>()
  readonly sectorSize: number

  constructor(sectorSize: number, initial: Uint8Array) {
    this.sectorSize = sectorSize
    this.bytes = initial
  }

  get sectors(): number {
    return this.bytes.length / this.sectorSize
  }

  sector(index: number): Uint8Array {
    return this.bytes.subarray(index * this.sectorSize, (index + 1) * this.sectorSize)
  }

  write(sector: number, data: Uint8Array): void {
    this.bytes.set(data, sector * this.sectorSize)
    for (let i = 0; i < data.length / this.sectorSize; i++) this.open.delete(sector + i)
  }

  discard(sector: number, count: number): void {
    for (let i = sector; i < sector + count; i++) this.open.add(i)
  }

  resize(sectors: number): void {
    const next = new Uint8Array(sectors * this.sectorSize)
    next.set(this.bytes.subarray(0, next.length))
    this.bytes = next
    for (const sector of this.open) if (sector >= sectors) this.open.delete(sector)
  }

  /** The first sector that differs, -1 when none does. */
  check(sector: number, data: Uint8Array): number {
    const start = sector * this.sectorSize
    const end = start + data.length
    if (this.open.size === 0 && end <= this.bytes.length && Buffer.compare(data, this.bytes.subarray(start, end)) === 0)
      return -1
    for (let i = 0; i < data.length / this.sectorSize; i++) {
      const got = data.subarray(i * this.sectorSize, (i + 1) * this.sectorSize)
      if (Buffer.compare(got, this.sector(sector + i)) === 0) {
        if (got.some((byte) => byte !== 0)) this.open.delete(sector + i)
        continue
      }
      if (!this.open.has(sector + i) || got.some((byte) => byte !== 0)) return sector + i
      this.sector(sector + i).fill(0)
      this.open.delete(sector + i)
    }
    return -1
  }
}

/** Runs commands on a disk and on the model; "equal", or what differs. */
export function run(format: Format, store: ByteStore, size: number, list: readonly Command[]): string {
  let disk: BlockDevice = format.create(store, size)
  const parent = format.parent?.()
  const model = new DiskModel(disk.sectorSize, parent === undefined ? new Uint8Array(size) : contents(parent))
  let resized = 0
  disk.onResize(() => resized++)
  for (const [step, command] of list.entries()) {
    const fail = (what: string): string => `step ${step} ${JSON.stringify(command)}: ${what}`
    const from = 'sector' in command ? command.sector % disk.sectors : 0
    const count = 'count' in command ? Math.min(command.count, disk.sectors - from) : 0
    if (command.kind === 'write') {
      const data = pattern(count * disk.sectorSize, command.tag)
      const status = disk.write(from, scatter(data, command.cuts))
      if (status !== 'ok') return fail(status)
      model.write(from, data)
    } else if (command.kind === 'read') {
      const data = new Uint8Array(count * disk.sectorSize).fill(0xee)
      const status = disk.read(from, scatter(data, command.cuts))
      if (status !== 'ok') return fail(status)
      const differs = model.check(from, data)
      if (differs >= 0) return fail(`sector ${differs} differs`)
    } else if (command.kind === 'discard') {
      const status = disk.discard(from, count)
      if (status !== 'ok') return fail(status)
      model.discard(from, count)
    } else if (command.kind === 'zero') {
      const status = disk.zero(from, count)
      if (status !== 'ok') return fail(status)
      model.write(from, new Uint8Array(count * disk.sectorSize))
    } else if (command.kind === 'resize') {
      const before = resized
      const change = disk.sectors !== command.sectors
      disk.resize(command.sectors)
      model.resize(command.sectors)
      if (resized !== before + (change ? 1 : 0)) return fail('listeners were not called once')
    } else if (command.kind === 'flush') {
      if (disk.flush() !== 'ok') return fail('flush failed')
    } else if (command.kind === 'save') {
      const saved = disk.save()
      const again = disk.save()
      disk.write(0, [pattern(disk.sectorSize, 77)])
      disk.flush()
      disk.restore(saved)
      if (!isDeepStrictEqual(disk.save(), again)) return fail('save after restore differs')
    } else {
      disk.close()
      disk = format.open(store)
      disk.onResize(() => resized++)
    }
    if (disk.sectors !== model.sectors) return fail(`${disk.sectors} sectors instead of ${model.sectors}`)
  }
  disk.close()
  disk = format.open(store)
  const differs = model.check(0, contents(disk))
  return differs < 0 ? 'equal' : `at the end sector ${differs} differs`
}
