import { describe, expect, it } from 'vitest'
import {
  createVhd,
  createVhdx,
  powerCutStore,
  DiskError,
  memoryDisk,
  memoryStore,
  openVhd,
  openVhdx,
  type BlockDevice,
} from '@vmbus/disk'
import { seeded } from '@vmbus/world'
import { contents, pattern, readSectors, sameBytes } from './support.ts'

const MB = 2 ** 20

function fill(disk: BlockDevice): void {
  for (let sector = 0; sector < disk.sectors; sector += 2048) disk.write(sector, [pattern(MB, sector)])
  disk.flush()
}

describe('space', () => {
  it('a dynamic VHDX shrinks when its tail is discarded, and reuses holes before it grows', () => {
    const store = memoryStore()
    const disk = createVhdx(store, { size: '16M', blockSize: MB })
    const empty = store.size
    fill(disk)
    expect(store.size).toBe(empty + 16 * MB)
    disk.discard(8 * 2048, 8 * 2048)
    disk.flush()
    expect(store.size).toBe(empty + 8 * MB)
    disk.discard(2 * 2048, 2 * 2048)
    disk.flush()
    expect(store.size).toBe(empty + 8 * MB)
    disk.write(12 * 2048, [pattern(512, 1)])
    disk.write(13 * 2048, [pattern(512, 2)])
    disk.flush()
    expect(store.size).toBe(empty + 8 * MB)
    expect(readSectors(disk, 12 * 2048 + 1, 1)).toEqual(new Uint8Array(512))
    disk.zero(0, disk.sectors)
    disk.close()
    expect(store.size).toBe(empty)
  })

  it('a dynamic VHD does so too', () => {
    const store = memoryStore()
    const disk = createVhd(store, { size: '16M', blockSize: MB })
    const empty = store.size
    fill(disk)
    disk.discard(0, disk.sectors)
    disk.flush()
    expect(store.size).toBe(empty)
    expect(contents(disk).every((byte) => byte === 0)).toBe(true)
  })

  it('memory is given back', () => {
    const store = memoryStore()
    const disk = memoryDisk('16M')
    fill(disk)
    const held = (disk.inspect()['store'] as { allocated: number }).allocated
    disk.discard(0, disk.sectors)
    expect(held).toBe(16 * MB)
    expect((disk.inspect()['store'] as { allocated: number }).allocated).toBe(0)
    expect(store.size).toBe(0)
  })

  it('a fixed VHDX keeps its blocks and says so', () => {
    const store = memoryStore()
    const disk = createVhdx(store, { size: '4M', type: 'fixed' })
    const size = store.size
    expect(disk.supportsDiscard).toBe(false)
    fill(disk)
    expect(disk.discard(0, disk.sectors)).toBe('ok')
    expect(disk.zero(0, 2048)).toBe('ok')
    disk.flush()
    expect(store.size).toBe(size)
  })

  it('a full store is "no-space", and the disk goes on when there is room again', () => {
    const store = memoryStore({ limit: 64 * 65536 })
    const disk = createVhdx(store, { size: '16M', blockSize: MB })
    let status = 'ok'
    let written = 0
    for (; status === 'ok' && written < disk.sectors; written += 128)
      status = disk.write(written, [pattern(65536, written + 1)])
    expect(status).toBe('no-space')
    const good = written - 128
    expect(disk.discard(0, 2048)).toBe('ok')
    expect(disk.flush()).toBe('ok')
    expect(disk.write(good, [pattern(65536, good + 1)])).toBe('ok')
    expect(disk.flush()).toBe('ok')
    expect(readSectors(disk, 2048, 128)).toEqual(pattern(65536, 2049))
    disk.close()
    expect(readSectors(openVhdx(store), good, 128)).toEqual(pattern(65536, good + 1))
  })

  it('growing past the BAT region moves it', () => {
    const store = memoryStore()
    // A BAT of 1 MiB holds 131072 entries: 128 GiB of blocks of 1 MiB, less the bitmaps' entries.
    const disk = createVhdx(store, { size: '1G', blockSize: MB })
    disk.write(5, [pattern(512, 1)])
    disk.resize(300 * 2 ** 21)
    disk.write(299 * 2 ** 21, [pattern(512, 2)])
    disk.close()
    const again = openVhdx(store)
    expect(again.sectors).toBe(300 * 2 ** 21)
    expect(readSectors(again, 5, 1)).toEqual(pattern(512, 1))
    expect(readSectors(again, 299 * 2 ** 21, 1)).toEqual(pattern(512, 2))
    again.resize(2 ** 21)
    again.close()
    expect(readSectors(openVhdx(store), 5, 1)).toEqual(pattern(512, 1))
  })

  it('a cut at any moment of moving the BAT leaves the old size or the new one', () => {
    const store = powerCutStore(seeded(8))
    const disk = createVhdx(store, { size: '1G', blockSize: MB })
    disk.write(5, [pattern(512, 1)])
    disk.flush()
    const images: ReturnType<typeof store.cut>[] = []
    let operations = 0
    store.beforeOperation = () => {
      if (operations++ % 8 === 0) images.push(store.cut(operations))
    }
    disk.resize(140 * 2 ** 21)
    store.beforeOperation = undefined
    const sizes = new Set<number>()
    for (const image of images) {
      const cut = openVhdx(image)
      sizes.add(cut.sectors)
      expect(readSectors(cut, 5, 1)).toEqual(pattern(512, 1))
    }
    sizes.add(openVhdx(store.cut(999)).sectors)
    expect([...sizes].sort((a, b) => a - b)).toEqual([2 ** 21, 140 * 2 ** 21])
  })

  it('a cut at any moment of moving the table of a VHD leaves the old size or the new one', () => {
    const store = powerCutStore(seeded(9))
    const disk = createVhd(store, { size: '256K', blockSize: 4096 })
    for (let sector = 0; sector < disk.sectors; sector += 8) disk.write(sector, [pattern(512, sector + 1)])
    disk.flush()
    const old = contents(disk)
    const sizes = new Set<number>()
    let cuts = 0
    const check = (): void => {
      for (let i = 0; i < 20; i++) {
        const cut = openVhd(store.cut(cuts++))
        sizes.add(cut.sectors)
        expect(sameBytes(contents(cut).subarray(0, old.length), old)).toBe(true)
      }
    }
    store.beforeOperation = check
    disk.resize(16384)
    disk.write(16000, [pattern(512, 3)])
    disk.close()
    check()
    expect([...sizes].sort((a, b) => a - b)).toEqual([512, 16384])
    const again = openVhd(store)
    expect(readSectors(again, 16000, 1)).toEqual(pattern(512, 3))
  })

  it('sizes that a format cannot have are refused, and nothing changes', () => {
    const disk = createVhdx(memoryStore(), { size: '4M' })
    for (const sectors of [0, -1, 1.5, 2 ** 38]) expect(() => disk.resize(sectors)).toThrow(DiskError)
    expect(disk.sectors).toBe(8192)
    expect(() => createVhd(memoryStore(), { size: '3T' })).toThrow('2040 GiB')
    expect(() => memoryDisk('64Q')).toThrow('64Q')
  })
})
