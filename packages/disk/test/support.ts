import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createVhd,
  createVhdx,
  memoryStore,
  openVhd,
  openVhdx,
  rawDisk,
  type BlockDevice,
  type ByteStore,
  type MemoryStore,
} from '@vmbus/disk'

/** A way to make and reopen a disk of each format, for tests that hold for all. */
export interface Format {
  readonly name: string
  readonly sectorSize: number
  create(store: ByteStore, size: number): BlockDevice
  open(store: ByteStore): BlockDevice
  /** What sectors hold before anything is written. */
  readonly parent?: () => BlockDevice
}

/** Bytes that tell their sector and generation apart. */
export function pattern(length: number, tag: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0, x = (tag * 2654435761) >>> 0; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0
    bytes[i] = x >>> 24
  }
  return bytes
}

const parents = new Map<string, MemoryStore>()

/** A parent with data here and there; the same one at each call. */
function makeParent(sectorSize: number, size: number): BlockDevice {
  const key = `${sectorSize}/${size}`
  let store = parents.get(key)
  if (store === undefined) {
    store = memoryStore({ size })
    for (let at = 0; at < size; at += 7 * sectorSize) store.write(at, pattern(sectorSize, at / sectorSize + 1))
    parents.set(key, store)
  }
  return rawDisk(store.fork(), { sectorSize })
}

const MB = 2 ** 20

export const formats: readonly Format[] = [
  {
    name: 'raw',
    sectorSize: 512,
    create(store, size) {
      store.truncate(size)
      return rawDisk(store)
    },
    open: (store) => rawDisk(store),
  },
  {
    name: 'vhd fixed',
    sectorSize: 512,
    create: (store, size) => createVhd(store, { size, type: 'fixed' }),
    open: (store) => openVhd(store),
  },
  {
    name: 'vhd dynamic',
    sectorSize: 512,
    create: (store, size) => createVhd(store, { size, blockSize: 65536 }),
    open: (store) => openVhd(store),
  },
  {
    name: 'vhd differencing',
    sectorSize: 512,
    create: (store, size) => createVhd(store, { parent: makeParent(512, size), blockSize: 65536 }),
    open: (store) => openVhd(store, { parent: () => makeParent(512, parentSize) }),
    parent: () => makeParent(512, parentSize),
  },
  {
    name: 'vhdx fixed',
    sectorSize: 512,
    create: (store, size) => createVhdx(store, { size, type: 'fixed' }),
    open: (store) => openVhdx(store),
  },
  {
    name: 'vhdx dynamic',
    sectorSize: 512,
    create: (store, size) => createVhdx(store, { size, blockSize: MB }),
    open: (store) => openVhdx(store),
  },
  {
    name: 'vhdx differencing',
    sectorSize: 512,
    create: (store, size) => createVhdx(store, { parent: makeParent(512, size), blockSize: MB }),
    open: (store) => openVhdx(store, { parent: () => makeParent(512, parentSize) }),
    parent: () => makeParent(512, parentSize),
  },
  {
    name: 'vhdx dynamic 4K',
    sectorSize: 4096,
    create: (store, size) => createVhdx(store, { size, blockSize: MB, sectorSize: 4096 }),
    open: (store) => openVhdx(store),
  },
  {
    name: 'vhdx differencing 4K',
    sectorSize: 4096,
    create: (store, size) => createVhdx(store, { parent: makeParent(4096, size), blockSize: MB }),
    open: (store) => openVhdx(store, { parent: () => makeParent(4096, parentSize) }),
    parent: () => makeParent(4096, parentSize),
  },
]

/** The size that tests of all formats use: three blocks of 1 MiB and a bit. */
export const parentSize = 3 * MB + 8192

export function readSectors(disk: BlockDevice, sector: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count * disk.sectorSize)
  const status = disk.read(sector, [bytes])
  if (status !== 'ok') throw new Error(`read of ${sector}+${count}: ${status}`)
  return bytes
}

export function contents(disk: BlockDevice): Uint8Array {
  return readSectors(disk, 0, disk.sectors)
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

export function temporaryDirectory(): { path: (name: string) => string; remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'vmbus-disk-'))
  return { path: (name) => join(directory, name), remove: () => rmSync(directory, { recursive: true, force: true }) }
}

export const qemuImg = (...args: string[]): string =>
  execFileSync('qemu-img', args, { encoding: 'utf8', stdio: 'pipe' })

export const hasQemuImg: boolean = (() => {
  try {
    qemuImg('--version')
    return true
  } catch {
    return false
  }
})()

/** The code of what is thrown, or "none". */
export function codeOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
  return 'none'
}
