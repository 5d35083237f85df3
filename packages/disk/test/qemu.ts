import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { createVhdx, memoryStore, type BlockDevice, type DiskState } from '@vmbus/disk'
import { createDisk, openDisk, type CreateDiskOptions } from '@vmbus/disk/file'
import { contents, pattern, qemuImg, sameBytes } from './support.ts'

/** A format as both sides name it. */
export interface QemuCase {
  readonly name: string
  readonly qemu: readonly string[]
  readonly format: 'vpc' | 'vhdx' | 'raw'
  create(path: string, size: number): CreateDiskOptions
  /** `qemu-img check` knows it. */
  readonly checks: boolean
}

export const qemuCases: readonly QemuCase[] = [
  {
    name: 'raw',
    qemu: ['-O', 'raw'],
    format: 'raw',
    create: (path, size) => ({ path, format: 'raw', size }),
    checks: false,
  },
  {
    name: 'VHD fixed',
    qemu: ['-O', 'vpc', '-o', 'subformat=fixed,force_size=on'],
    format: 'vpc',
    create: (path, size) => ({ path, format: 'vhd', size, type: 'fixed' }),
    checks: false,
  },
  {
    name: 'VHD dynamic',
    qemu: ['-O', 'vpc', '-o', 'subformat=dynamic,force_size=on'],
    format: 'vpc',
    create: (path, size) => ({ path, format: 'vhd', size }),
    checks: false,
  },
  {
    name: 'VHDX fixed',
    qemu: ['-O', 'vhdx', '-o', 'subformat=fixed'],
    format: 'vhdx',
    create: (path, size) => ({ path, format: 'vhdx', size, type: 'fixed' }),
    checks: true,
  },
  {
    name: 'VHDX dynamic',
    qemu: ['-O', 'vhdx', '-o', 'subformat=dynamic'],
    format: 'vhdx',
    create: (path, size) => ({ path, format: 'vhdx', size, blockSize: 2 ** 20 }),
    checks: true,
  },
]

export type PathOf = (name: string) => string

/** A disk's worth of data with holes, as a raw file; returns its bytes. */
function makeRaw(path: string, size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0, i = 0; at < size; at += 300 * 1024, i++)
    bytes.set(pattern(Math.min(size - at, 512 * (1 + ((i * 37 + seed) % 200))), seed + i), at)
  bytes.set(pattern(512, seed + 999), size - 512)
  writeFileSync(path, bytes)
  return bytes
}

function checkImage(each: QemuCase, image: string): void {
  if (each.checks) expect(qemuImg('check', '-f', each.format, image)).toContain('No errors were found')
}

function writeAll(disk: BlockDevice, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 65536) {
    const piece = bytes.subarray(at, at + 65536)
    if (piece.some((byte) => byte !== 0)) expect(disk.write(at / 512, [piece])).toBe('ok')
  }
}

/** qemu-img makes it, we read it, change it, grow it, and qemu-img finds it right. */
export function qemuToUs(each: QemuCase, path: PathOf, size: number): void {
  const raw = path('in.raw')
  const image = path('in.img')
  const bytes = makeRaw(raw, size, 5)
  qemuImg('convert', '-f', 'raw', ...each.qemu, raw, image)
  const disk = openDisk(image, each.format === 'raw' ? { format: 'raw' } : {})
  expect(disk.sectors).toBe(size / 512)
  expect(sameBytes(contents(disk), bytes)).toBe(true)
  const more = pattern(3 * 65536, 77)
  disk.write(1000, [more.subarray(0, 700), more.subarray(700)])
  bytes.set(more, 1000 * 512)
  disk.resize(size / 512 + 4096)
  disk.write(size / 512 + 10, [more.subarray(0, 4096)])
  const grown = new Uint8Array(size + 4096 * 512)
  grown.set(bytes)
  grown.set(more.subarray(0, 4096), size + 5120)
  disk.close()
  writeFileSync(raw, grown)
  checkImage(each, image)
  expect(qemuImg('compare', '-f', 'raw', '-F', each.format, raw, image)).toContain('Images are identical')
}

/** We make it, and qemu-img reads, checks and converts it. */
export function usToQemu(each: QemuCase, path: PathOf, size: number): void {
  const raw = path('out.raw')
  const image = path('out.img')
  const back = path('back.raw')
  const bytes = makeRaw(raw, size, 9)
  const disk = createDisk(each.create(image, size))
  writeAll(disk, bytes)
  const block = 2 ** 21
  expect(disk.zero((2 * block) / 512, (2 * block) / 512)).toBe('ok')
  bytes.fill(0, 2 * block, 4 * block)
  disk.close()
  writeFileSync(raw, bytes)
  checkImage(each, image)
  expect(qemuImg('compare', '-f', each.format, '-F', 'raw', image, raw)).toContain('Images are identical')
  qemuImg('convert', '-f', each.format, '-O', 'raw', image, back)
  expect(sameBytes(readFileSync(back), bytes)).toBe(true)
}

/** A VHDX that nobody closed: qemu-img replays our log. The pages that the log holds are wiped from the file first. */
export function qemuReplaysOurLog(path: PathOf, size: number): void {
  const raw = path('log.raw')
  const image = path('log.vhdx')
  const bytes = makeRaw(raw, size, 3)
  const store = memoryStore()
  const disk = createVhdx(store, { size, blockSize: 2 ** 20 })
  writeAll(disk, bytes)
  expect(disk.flush()).toBe('ok')
  const file = store.bytes()
  const { regions } = disk.save() as DiskState & { regions: { bat: { offset: number } } }
  file.fill(0, regions.bat.offset, regions.bat.offset + 4096)
  writeFileSync(image, file)
  writeFileSync(raw, bytes)
  qemuImg('check', '-r', 'all', '-f', 'vhdx', image)
  expect(qemuImg('compare', '-f', 'vhdx', '-F', 'raw', image, raw)).toContain('Images are identical')
}

/** A differencing chain, flattened by us into an image that qemu-img knows, equals the expected bytes. */
export function flattened(format: 'vhd' | 'vhdx', path: PathOf, size: number): void {
  const raw = path('flat.raw')
  const bytes = makeRaw(raw, size, 21)
  const extension = format
  createDiskClosed({ path: path(`base.${extension}`), format, size }, (base) => writeAll(base, bytes))
  createDiskClosed({ path: path(`child.${extension}`), format, parentPath: path(`base.${extension}`) }, (child) => {
    const more = pattern(100 * 512, 4)
    child.write(333, [more])
    bytes.set(more, 333 * 512)
  })
  createDiskClosed(
    { path: path(`grandchild.${extension}`), format, parentPath: path(`child.${extension}`) },
    (grandchild) => {
      const more = pattern(40 * 512, 8)
      grandchild.write(380, [more])
      bytes.set(more, 380 * 512)
      expect(sameBytes(contents(grandchild), bytes)).toBe(true)
    },
  )
  const chain = openDisk(path(`grandchild.${extension}`), { readOnly: true })
  createDiskClosed({ path: path('flat.img'), format, size }, (flat) => writeAll(flat, contents(chain)))
  chain.close()
  writeFileSync(raw, bytes)
  expect(qemuImg('compare', '-f', format === 'vhd' ? 'vpc' : 'vhdx', '-F', 'raw', path('flat.img'), raw)).toContain(
    'Images are identical',
  )
}

function createDiskClosed(options: CreateDiskOptions, use: (disk: BlockDevice) => void): void {
  const disk = createDisk(options)
  use(disk)
  disk.close()
}

/** A writer here keeps QEMU out, a reader here keeps its writers out, and a writer of QEMU's keeps writers here out. */
export async function qemuAndOurLocks(path: PathOf): Promise<'seen' | 'not run'> {
  if (process.platform !== 'linux') return 'not run'
  const file = path('locked.vhdx')
  createDisk({ path: file, format: 'vhdx', size: '16M' }).close()
  const write = (): string => execFileSync('qemu-io', ['-c', 'write 0 512', file], { encoding: 'utf8', stdio: 'pipe' })
  const read = (): string => qemuImg('convert', '-O', 'raw', file, path('copy.raw'))

  const writer = openDisk(file)
  expect(read).toThrow(/Failed to (get .* lock|lock byte 1\d\d)/)
  expect(write).toThrow(/Failed to (get .* lock|lock byte 1\d\d)/)
  writer.close()

  const reader = openDisk(file, { readOnly: true })
  read()
  expect(write).toThrow(/Failed to (get .* lock|lock byte 1\d\d)/)
  reader.close()
  write()

  const theirs = spawn('qemu-io', [file])
  await once(theirs.stdout, 'data')
  expect(() => openDisk(file)).toThrow(expect.objectContaining({ code: 'VMBUS_DISK_LOCKED' }))
  theirs.stdin.end('quit\n')
  await once(theirs, 'exit')
  openDisk(file).close()
  return 'seen'
}
