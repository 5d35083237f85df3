import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createVhd, createVhdx, memoryStore, openVhd, openVhdx, type ByteStore, type MemoryStore } from '@vmbus/disk'
import { crc32c } from '../src/vhdx/crc32c.ts'
import { replay, replayed } from '../src/vhdx/replay.ts'
import { codeOf, pattern, readSectors, sameBytes } from './support.ts'

const MB = 2 ** 20
const K = 1024

/** A store that counts the bytes that are read of it. */
function counting(store: MemoryStore): { store: ByteStore; read: () => number } {
  let count = 0
  const { read } = store
  store.read = (offset, into, start = 0, length = into.length - start) => {
    count += length
    read(offset, into, start, length)
  }
  return { store, read: () => count }
}

/** A VHD whose header is changed, longer by a hole, with its footer behind that. */
function longVhd(options: { entries?: number; tableOffset?: number; blockSize: number; size: number }): MemoryStore {
  const made = memoryStore()
  createVhd(made, { size: '64M', blockSize: options.blockSize }).close()
  const good = made.bytes()
  const header = good.slice(512, 1536)
  const view = new DataView(header.buffer)
  if (options.entries !== undefined) view.setUint32(28, options.entries)
  view.setUint32(36, 0)
  view.setUint32(36, ~header.reduce((sum, byte) => sum + byte, 0) >>> 0)
  const store = memoryStore({ size: options.size - 512 })
  store.write(0, good.subarray(0, 512))
  store.write(512, header)
  if (options.entries === undefined) store.write(1536, good.subarray(1536, good.length - 512))
  store.write(options.size - 512, good.subarray(0, 512))
  return store
}

describe('an image that is mostly hole', () => {
  it('a VHD whose table is one: refused at its first entry', () => {
    const { store, read } = counting(longVhd({ entries: 2 ** 26, blockSize: 2 * MB, size: 300 * MB }))
    expect(() => openVhd(store)).toThrow(/VHD block allocation table: block 0 overlaps/)
    expect(read()).toBeLessThan(MB)
  })

  it('a VHD with room for 15 million blocks between its last one and its footer: one number for all of them', () => {
    const store = longVhd({ blockSize: 4096, size: 2 ** 36 })
    const disk = openVhd(store)
    expect((disk.save() as unknown as { free: readonly unknown[] }).free.length).toBeLessThan(3)
    // 512 bytes of bitmap and 4096 of data, every 8192 bytes, up to the footer.
    const { freeSlots } = disk.inspect()
    expect([8_380_000 < Number(freeSlots), Number(freeSlots) <= 2 ** 36 / 8192]).toEqual([true, true])
    disk.write(0, [pattern(512, 1)])
    disk.discard(0, disk.sectors)
    disk.write(9, [pattern(512, 2)])
    disk.close()
    expect(readSectors(openVhd(store), 9, 1)).toEqual(pattern(512, 2))
  })

  it('a VHDX of 64 TiB with a block table of 512 MiB of zeros takes no memory for it', () => {
    const made = memoryStore()
    createVhdx(made, { size: '1G', blockSize: MB }).close()
    const good = made.bytes()
    const store = memoryStore({ size: 600 * MB })
    store.write(0, good.subarray(0, 3 * MB))
    // The disk's size, and the length of the BAT's region in both tables; it begins at 3 MiB.
    store.write(2 * MB + 64 * K + 8, Uint8Array.of(0, 0, 0, 0, 0, 0x40))
    for (const place of [192 * K, 256 * K]) {
      const table = good.slice(place, place + 64 * K)
      const view = new DataView(table.buffer)
      view.setUint32(16 + 24, 513 * MB, true)
      view.setUint32(4, crc32c(table, 4), true)
      store.write(place, table)
    }
    const before = process.memoryUsage().rss
    const disk = openVhdx(store, { readOnly: true })
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * MB)
    expect(readSectors(disk, 2 ** 37 - 1, 1)).toEqual(new Uint8Array(512))
  })
})

describe('a VHDX log', () => {
  it('of which every sector claims to be an entry of the whole log is read once', () => {
    const store = memoryStore()
    const disk = createVhdx(store, { size: '4M', logSize: 16 * MB })
    disk.write(0, [pattern(512, 1)])
    disk.flush()
    const open = store.fork()
    const guid = new Uint8Array(16)
    open.read(MB + 32, guid)
    for (let at = 0; at < 16 * MB; at += 4096) {
      const head = new Uint8Array(64)
      const view = new DataView(head.buffer)
      view.setUint32(0, 0x65676f6c, true)
      view.setUint32(8, 16 * MB, true)
      view.setBigUint64(16, BigInt(at + 1), true)
      view.setUint32(24, 4000, true)
      head.set(guid, 32)
      open.write(MB + at, head)
    }
    const { store: counted, read } = counting(open)
    expect(() => openVhdx(counted)).toThrow(/VHDX log: it is to be replayed, but holds no complete sequence/)
    expect(read()).toBeLessThan(20 * MB)
  })

  /** A sparse image, of whose zeros its log writes some anew; the store cannot punch, and counts what is written. */
  const zeroing = (size: number, offset: number, length: number) => {
    const made = memoryStore()
    const disk = createVhdx(made, { size: '4M', logSize: MB })
    disk.write(0, [pattern(512, 1)])
    disk.flush()
    const open = made.fork()
    open.truncate(size)
    const entry = new Uint8Array(4096)
    const view = new DataView(entry.buffer)
    view.setUint32(0, 0x65676f6c, true)
    view.setUint32(8, 4096, true)
    view.setBigUint64(16, 1n << 40n, true)
    view.setUint32(24, 1, true)
    open.read(MB + 32, entry, 32, 16)
    view.setBigUint64(56, BigInt(size), true)
    view.setUint32(64, 0x6f72657a, true)
    view.setBigUint64(64 + 8, BigInt(length), true)
    view.setBigUint64(64 + 16, BigInt(offset), true)
    view.setBigUint64(64 + 24, 1n << 40n, true)
    view.setUint32(4, crc32c(entry, 4), true)
    open.write(MB, entry)
    let written = 0
    const { punch: _, write: writeTo, ...rest } = open
    const store = Object.defineProperties(rest, {
      size: { get: () => open.size },
      write: {
        value(at: number, from: Uint8Array, start = 0, count = from.length - start) {
          written += count
          writeTo(at, from, start, count)
        },
      },
    }) as unknown as ByteStore
    return { store, written: () => written }
  }

  it('that zeroes most of a sparse file is refused, to read as to write', () => {
    const { store, written } = zeroing(2 ** 40, 64 * MB, 2 ** 40 - 64 * MB)
    for (const readOnly of [true, false])
      expect(() => openVhdx(store, { readOnly })).toThrow(
        /VHDX log: it writes zeros over 1099444518912 bytes of a file/,
      )
    expect(written()).toBe(0)
  })

  it('that zeroes a hole leaves a hole, and zeroes what is none', () => {
    const { store, written } = zeroing(200 * MB, 64 * MB, 100 * MB)
    store.write(100 * MB, pattern(512, 3))
    const before = written()
    openVhdx(store).close()
    expect(written() - before).toBeLessThan(2 * MB)
    const after = new Uint8Array(512)
    store.read(100 * MB, after)
    expect(after).toEqual(new Uint8Array(512))
  })

  const place = fc.nat(15)
  const write = fc.oneof(
    fc.record({ offset: place, fill: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ offset: place, length: fc.integer({ min: 1, max: 8 }) }),
  )
  it('leaves what its writes leave when they are done one after the other', () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 30 }), fc.nat(16), (writes, pages) => {
        const expected = new Uint8Array(24 * 4096).fill(7, 0, pages * 4096)
        const entry = { sequence: 1n, at: 0, length: 0, tail: 0, flushedFileOffset: 0, lastFileOffset: 24 * 4096 }
        const sequence = writes.map((each) => {
          const offset = each.offset * 4096
          if ('fill' in each) expected.fill(each.fill, offset, offset + 4096)
          else expected.fill(0, offset, offset + each.length * 4096)
          return {
            ...entry,
            writes: [
              'fill' in each
                ? { offset, page: new Uint8Array(4096).fill(each.fill) }
                : { offset, length: each.length * 4096 },
            ],
          }
        })
        const store = memoryStore({ contents: new Uint8Array(pages * 4096).fill(7) })
        const outcome = replayed(sequence)
        replay(store, outcome)
        if (sequence.length > 0) expect(sameBytes(store.bytes(), expected)).toBe(true)
        const ends = outcome.zeros.map(({ offset, length }) => [offset, offset + length])
        expect(ends.flat()).toEqual([...new Set(ends.flat())].sort((x, y) => x - y))
      }),
      { seed: 8, numRuns: 100 },
    )
  })

  it('of half a million ranges of zeros that lie in one another costs in proportion to their number', () => {
    const worked = (count: number): { cost: number; zeros: unknown; pages: number } => {
      const writes = Array.from({ length: count }, (_, i) =>
        i % 2 === 0 ? { offset: i * 4096, page: new Uint8Array(0) } : { offset: 0, length: (count - i) * 4096 },
      )
      const begun = process.cpuUsage()
      const { zeros, pages } = replayed([
        { sequence: 1n, at: 0, length: 0, tail: 0, flushedFileOffset: 0, lastFileOffset: 0, writes },
      ])
      const { user, system } = process.cpuUsage(begun)
      return { cost: user + system, zeros, pages: pages.size }
    }
    worked(62_500) // compiled
    const [quarter, whole] = [worked(125_000), worked(500_000)]
    // Four times as many: 4 by n log n, 16 if each range were compared with every other.
    expect(whole.cost).toBeLessThan(10 * quarter.cost)
    expect([whole.zeros, whole.pages]).toEqual([[{ offset: 0, length: 499_999 * 4096 }], 125_000])
  })
})

it('a VHDX whose two headers are the same opens', () => {
  const store = memoryStore()
  createVhdx(store, { size: '4M' }).close()
  // As Disk2vhd writes them.
  store.write(128 * K, store.bytes().subarray(64 * K, 68 * K))
  expect(codeOf(() => openVhdx(store).close())).toBe('none')
})
