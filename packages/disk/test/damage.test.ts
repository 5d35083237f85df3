import { seeded } from '@vmbus/world'
import { describe, expect, it } from 'vitest'
import {
  createVhd,
  createVhdx,
  powerCutStore,
  DiskError,
  memoryDisk,
  memoryStore,
  openImage,
  type BlockDevice,
  type ByteStore,
  type MemoryStore,
} from '@vmbus/disk'
import { crc32c } from '../src/vhdx/crc32c.ts'
import { pattern } from './support.ts'

const MB = 2 ** 20
const K = 1024

/** A VHDX of 4 MiB with data in blocks 0 and 2, closed or with its log in use. Log at 1 MiB, metadata at 2, BAT at 3. */
function vhdx(closed: boolean, parent?: BlockDevice): MemoryStore {
  const store = memoryStore()
  const disk = createVhdx(store, { size: 4 * MB, blockSize: MB, ...(parent === undefined ? {} : { parent }) })
  disk.write(0, [pattern(4096, 1)])
  disk.write(4096, [pattern(4096, 2)])
  disk.flush()
  if (closed) disk.close()
  return store.fork()
}

function vhd(type: 'fixed' | 'dynamic'): MemoryStore {
  const store = memoryStore()
  const disk = createVhd(store, { size: 4 * MB, type, blockSize: MB })
  disk.write(0, [pattern(4096, 1)])
  disk.write(4096, [pattern(4096, 2)])
  disk.close()
  return store
}

const patch = (store: MemoryStore, offset: number, ...bytes: number[]): void =>
  store.write(offset, Uint8Array.from(bytes))

/** Makes the checksum of a VHDX structure right again, so that its fields are judged. */
function seal(store: MemoryStore, offset: number, length: number): void {
  const bytes = new Uint8Array(length)
  store.read(offset, bytes)
  new DataView(bytes.buffer).setUint32(4, crc32c(bytes, 4), true)
  store.write(offset, bytes)
}

const both = (store: MemoryStore, places: readonly number[], length: number, at: number, ...bytes: number[]): void => {
  for (const place of places) {
    patch(store, place + at, ...bytes)
    seal(store, place, length)
  }
}
const HEADERS = [64 * K, 128 * K]
const REGIONS = [192 * K, 256 * K]
const METADATA = 2 * MB
const ITEMS = METADATA + 64 * K
const BAT = 3 * MB

const damages: readonly [name: string, structure: string, code: string, make: () => MemoryStore][] = [
  [
    'both headers',
    'VHDX header',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => HEADERS.forEach((at) => patch(s, at + 100, 1))),
  ],
  [
    'two headers of one sequence number and other contents',
    'VHDX header',
    'VMBUS_DISK_DAMAGED',
    () =>
      with_(vhdx(true), (s) => {
        const [first, second] = HEADERS as [number, number]
        s.write(second, s.bytes().subarray(first, first + 4096))
        patch(s, second + 16, 1)
        seal(s, second, 4096)
      }),
  ],
  [
    'a log past the end of the file',
    'VHDX header',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(false), (s) => both(s, HEADERS, 4096, 68, 0, 0, 0, 0xf0)),
  ],
  [
    'format version 2',
    'VHDX header',
    'VMBUS_DISK_UNSUPPORTED',
    () => with_(vhdx(true), (s) => both(s, HEADERS, 4096, 66, 2)),
  ],
  [
    'log version 1 with a log',
    'VHDX header',
    'VMBUS_DISK_UNSUPPORTED',
    () => with_(vhdx(false), (s) => both(s, HEADERS, 4096, 64, 1)),
  ],
  [
    'log length of 4 KiB',
    'VHDX header',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => both(s, HEADERS, 4096, 68, 0, 16, 0, 0)),
  ],
  [
    'log in the header section',
    'VHDX header',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => both(s, HEADERS, 4096, 72, 0, 0, 0, 0)),
  ],
  [
    'log on the metadata',
    'VHDX region table',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => both(s, HEADERS, 4096, 72, 0, 0, 0x20, 0)),
  ],
  [
    'log without an entry',
    'VHDX log',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(false), (s) => s.write(MB, new Uint8Array(MB))),
  ],
  [
    'file cut off behind its log',
    'VHDX log',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(false), (s) => s.truncate(5 * MB)),
  ],
  [
    'both region tables',
    'VHDX region table',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => REGIONS.forEach((at) => patch(s, at, 0))),
  ],
  [
    '3000 regions',
    'VHDX region table',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => both(s, REGIONS, 65536, 8, 0xb8, 0x0b)),
  ],
  [
    'an unknown required region',
    'VHDX region table',
    'VMBUS_DISK_UNSUPPORTED',
    () => with_(vhdx(true), (s) => both(s, REGIONS, 65536, 16, 0)),
  ],
  [
    'a region past the end',
    'VHDX region table',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => both(s, REGIONS, 65536, 16 + 16, 0, 0, 0, 0x40)),
  ],
  [
    'metadata signature',
    'VHDX metadata table',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => patch(s, METADATA, 0)),
  ],
  [
    'a metadata item outside its region',
    'VHDX metadata table',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => patch(s, METADATA + 32 + 16, 0xff, 0xff, 0xff, 0x7f)),
  ],
  [
    'an unknown required item',
    'VHDX metadata table',
    'VMBUS_DISK_UNSUPPORTED',
    () => with_(vhdx(true), (s) => patch(s, METADATA + 32, 0)),
  ],
  [
    'block size 3 MiB',
    'VHDX metadata item "file parameters"',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => patch(s, ITEMS, 0, 0, 0x30, 0)),
  ],
  [
    '65 TiB',
    'VHDX metadata item "virtual disk size"',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => patch(s, ITEMS + 8, 0, 0, 0, 0, 0, 0x41)),
  ],
  [
    'a disk larger than its BAT',
    'VHDX BAT',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => patch(s, ITEMS + 8, 0, 0, 0, 0, 0, 0x20)),
  ],
  [
    'sectors of 1024',
    'VHDX metadata item "logical sector size"',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => patch(s, ITEMS + 32, 0, 4)),
  ],
  ['a reserved block state', 'VHDX BAT', 'VMBUS_DISK_DAMAGED', () => with_(vhdx(true), (s) => patch(s, BAT, 5))],
  ['reserved bits of an entry', 'VHDX BAT', 'VMBUS_DISK_DAMAGED', () => with_(vhdx(true), (s) => patch(s, BAT, 0x0e))],
  [
    'partially present without parent',
    'VHDX BAT',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => patch(s, BAT, 7)),
  ],
  [
    'two blocks in one place',
    'VHDX BAT',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => patch(s, BAT + 8, 6, 0, 0x40)),
  ],
  [
    'a block on the metadata',
    'VHDX BAT',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => patch(s, BAT + 8, 6, 0, 0x20)),
  ],
  [
    'a block past the end',
    'VHDX BAT',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhdx(true), (s) => patch(s, BAT + 8, 6, 0, 0, 1)),
  ],
  [
    'no parent locator type',
    'VHDX parent locator',
    'VMBUS_DISK_UNSUPPORTED',
    () => with_(vhdx(true, memoryDisk('4M')), (s) => patch(s, ITEMS + 40, 0)),
  ],
  [
    'the footer of a fixed VHD',
    'VHD hard disk footer',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhd('fixed'), (s) => patch(s, s.size - 400, 1)),
  ],
  [
    'a fixed VHD cut off in front',
    'VHD hard disk footer',
    'VMBUS_DISK_DAMAGED',
    () => memoryStore({ contents: vhd('fixed').bytes().subarray(MB) }),
  ],
  [
    'both footers of a dynamic VHD',
    'VHD hard disk footer',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhd('dynamic'), (s) => [100, s.size - 400].forEach((at) => patch(s, at, 1))),
  ],
  [
    'the dynamic disk header',
    'VHD dynamic disk header',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhd('dynamic'), (s) => patch(s, 512 + 40, 1)),
  ],
  [
    'a block of a VHD past the end',
    'VHD block allocation table',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhd('dynamic'), (s) => patch(s, 1536, 0x7f)),
  ],
  [
    'two blocks of a VHD in one place',
    'VHD block allocation table',
    'VMBUS_DISK_DAMAGED',
    () => with_(vhd('dynamic'), (s) => s.write(1536 + 4, s.bytes().subarray(1536, 1540))),
  ],
]

function with_(store: MemoryStore, change: (store: MemoryStore) => void): MemoryStore {
  change(store)
  return store
}

function refusal(store: ByteStore, readOnly: boolean): unknown {
  // The signature may be what is damaged: the format is known.
  const first = new Uint8Array(8)
  store.read(0, first)
  try {
    openImage(store, {
      format: String.fromCharCode(...first) === 'vhdxfile' ? 'vhdx' : 'vhd',
      readOnly,
      parent: memoryDisk('4M'),
    })
  } catch (error) {
    return error
  }
  return undefined
}

describe('a damaged image', () => {
  it.each(damages)('%s: is refused by the name of %s and not written to', (_name, structure, code, make) => {
    for (const readOnly of [false, true]) {
      let wrote = false
      const store = powerCutStore(seeded(0), make())
      store.beforeOperation = () => {
        wrote = true
      }
      const error = refusal(store, readOnly)
      expect(error).toBeInstanceOf(DiskError)
      expect(error).toMatchObject({ code, structure })
      expect((error as DiskError).message).toContain(structure)
      expect(wrote).toBe(false)
      // The refusal gives the lock back.
      store.lock.acquire('write')()
    }
  })

  it('any flipped byte of any structure: opens or is refused, and what is refused is not written to', () => {
    const seed = seeded(99)
    let refused = 0
    const images = [vhd('dynamic'), vhdx(true), vhdx(false), vhdx(false, memoryDisk('4M'))]
    for (let run = 0; run < 300; run++) {
      const kind = seed.below(4, run, 'kind')
      const store = (images[kind] as MemoryStore).fork()
      const pick = (bound: number, what: string): number => seed.below(bound, run, what)
      for (let flip = 0; flip <= pick(3, 'flips'); flip++) {
        const area = pick(6, `area${flip}`)
        const value = pick(256, `value${flip}`)
        if (kind === 0)
          patch(store, ([0, 512, 1536, 512 + 24, store.size - 512, 60][area] as number) + pick(64, `at${flip}`), value)
        else if (area === 0) both(store, HEADERS, 4096, 8 + pick(80, `at${flip}`), value)
        else if (area === 1) both(store, REGIONS, 65536, 8 + pick(72, `at${flip}`), value)
        else
          patch(
            store,
            ([METADATA, ITEMS, BAT, MB][area - 2] as number) + pick(area === 2 ? 224 : 128, `at${flip}`),
            value,
          )
      }
      let wrote = false
      const watched = powerCutStore(seed, store)
      watched.beforeOperation = () => {
        wrote = true
      }
      const error = refusal(watched, false)
      if (error === undefined) continue
      if (!(error instanceof DiskError)) throw error
      refused++
      if (wrote) throw new Error(`run ${run} wrote to an image that it refused`)
    }
    expect(refused).toBeGreaterThan(100)
    expect(refused).toBeLessThan(300)
  })
})
