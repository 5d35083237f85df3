import {
  copyFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createDisk, fallocatePunch, fileStore, formatOf, openCheckpoints, openDisk } from '@vmbus/disk/file'
import { contents, pattern, readSectors, sameBytes, temporaryDirectory } from './support.ts'

const { path, remove } = temporaryDirectory()
afterAll(remove)

describe('image files', () => {
  it.each(['raw', 'vhd', 'vhdx'] as const)('%s: made, closed, found by signature, opened', (format) => {
    const file = path(`one.${format}`)
    const disk = createDisk({ path: file, format, size: '4M' })
    disk.write(100, [pattern(4096, 1)])
    expect(disk.flush()).toBe('ok')
    disk.close()
    expect(formatOf(file)).toBe(format)
    const again = openDisk(file, { readOnly: true })
    expect(readSectors(again, 100, 8)).toEqual(pattern(4096, 1))
    again.close()
    expect(() => createDisk({ path: file, format, size: '4M' })).toThrow(
      expect.objectContaining({ code: 'VMBUS_STORE_OPEN', message: expect.stringContaining('EEXIST') as string }),
    )
  })

  it.each(['vhd', 'vhdx'] as const)('%s: a chain finds its parents by relative path, after a move too', (format) => {
    const base = createDisk({ path: path(`chain/${format}/base.img`), format, size: '4M' })
    base.write(0, [pattern(8192, 1)])
    base.close()
    createDisk({
      path: path(`chain/${format}/sub/child.img`),
      format,
      parentPath: path(`chain/${format}/base.img`),
    }).close()
    const grandchild = createDisk({
      path: path(`chain/${format}/grandchild.img`),
      format,
      parentPath: path(`chain/${format}/sub/child.img`),
    })
    grandchild.write(3, [pattern(512, 2)])
    const expected = contents(grandchild)
    grandchild.close()
    const again = openDisk(path(`chain/${format}/grandchild.img`), { readOnly: true })
    expect(sameBytes(contents(again), expected)).toBe(true)
    expect(() => openDisk(path(`chain/${format}/base.img`))).toThrow(
      expect.objectContaining({ code: 'VMBUS_DISK_LOCKED' }),
    )
    again.close()
    expect(readdirSync(path(`chain/${format}`)).sort()).toEqual(['base.img', 'grandchild.img', 'sub'])
  })

  it('two images of one size have different identities', () => {
    const [a, b] = ['a', 'b'].map((name) => createDisk({ path: path(`${name}.vhdx`), format: 'vhdx', size: '4M' }))
    expect(a?.identity).not.toEqual(b?.identity)
    a?.close()
    b?.close()
  })

  it('holes punched in a raw file free its space, where the system can', () => {
    const file = path('holes.raw')
    const disk = createDisk({ path: file, format: 'raw', size: '4M', punch: fallocatePunch })
    disk.write(0, [pattern(2 ** 22, 1)])
    disk.flush()
    const before = statSync(file).blocks
    expect(disk.discard(0, disk.sectors)).toBe('ok')
    disk.flush()
    expect(contents(disk).every((byte) => byte === 0)).toBe(true)
    const canPunch = fallocatePunch(file, 0, 4096)
    if (canPunch) expect(statSync(file).blocks).toBeLessThan(before / 10)
    else process.stdout.write('hole punching: not run: no fallocate on this file system\n')
    disk.close()
    expect(createDisk({ path: path('plain.raw'), format: 'raw', size: '1M' }).supportsDiscard).toBe(false)
  })

  it('what the system refuses becomes a status', () => {
    const store = fileStore(path('closed.raw'), { create: true })
    store.truncate(4096)
    store.close()
    expect(() => store.write(0, new Uint8Array(512))).toThrow(expect.objectContaining({ code: 'VMBUS_STORE_IO' }))
    expect(readFileSync(path('closed.raw')).length).toBe(4096)
  })
})

describe('checkpoints of image files', () => {
  it.each(['raw', 'vhd', 'vhdx'] as const)('%s: a file that others may read, and one image again', (format) => {
    const file = path(`checkpoint/${format}/disk.${format}`)
    createDisk({ path: file, format, size: '4M' }).close()
    let disk = openCheckpoints(file)
    const { identity } = disk
    disk.write(0, [pattern(8192, 1)])
    const frozen = contents(disk)
    disk.checkpoint()
    expect(existsSync(disk.childPath)).toBe(true)
    disk.write(4, [pattern(8192, 2)])
    const expected = contents(disk)
    const reader = openDisk(file, { readOnly: true })
    expect(sameBytes(contents(reader), frozen)).toBe(true)
    expect(() => disk.merge()).toThrow(expect.objectContaining({ code: 'VMBUS_DISK_LOCKED' }))
    reader.close()
    expect(disk.phase).toBe('taken')

    // The chain says where its parent is, but of a raw one; and a run that ended with a checkpoint is gone on with.
    disk.close()
    const raw = format === 'raw' ? openDisk(file, { format, readOnly: true }) : undefined
    const chain = openDisk(disk.childPath, { readOnly: true, ...(raw === undefined ? {} : { parent: raw }) })
    expect(sameBytes(contents(chain), expected)).toBe(true)
    chain.close()
    raw?.close()
    disk = openCheckpoints(file)
    expect([disk.phase, disk.identity]).toEqual(['taken', identity])
    expect(disk.merge(1)).toBe(false)
    disk.write(0, [pattern(512, 3)])
    expected.set(pattern(512, 3))
    while (!disk.merge(4096));
    expect(existsSync(disk.childPath)).toBe(false)
    disk.close()
    const again = openDisk(file)
    expect(sameBytes(contents(again), expected)).toBe(true)
    again.close()
    expect(readdirSync(path(`checkpoint/${format}`))).toEqual([`disk.${format}`])
  })

  it('what a checkpoint that did not come about left does not count, and goes', () => {
    const file = path('unfinished/disk.vhdx')
    createDisk({ path: file, format: 'vhdx', size: '4M' }).close()
    const disk = openCheckpoints(file)
    // The first is ours by its name, the second somebody else's.
    writeFileSync(`${disk.childPath}.c0ffee00-1111-4222-8333-444455556666.new`, 'vhdxfile')
    writeFileSync(`${disk.childPath}.new`, 'mine')
    expect(disk.phase).toBe('none')
    disk.checkpoint()
    expect(readdirSync(path('unfinished')).sort()).toEqual(['disk.avhdx', 'disk.avhdx.new', 'disk.vhdx'])
    disk.close()
  })

  it.each([
    ['a.vhdx', 'a.avhdx'],
    ['a.img', 'a.img.diff'],
    ['a', 'a.diff'],
    ['a.avhdx', 'a.avhdx.diff'],
    ['a.img.vhdx', 'a.img.avhdx'],
  ])('%s has its child in %s, which no other image has', (name, child) => {
    const file = path(`names/${name}`)
    createDisk({ path: file, format: 'raw', size: '1M' }).close()
    const disk = openCheckpoints(file, { format: 'raw' })
    expect(basename(disk.childPath)).toBe(child)
    disk.close()
  })

  it.each(['raw', 'vhd', 'vhdx'] as const)(
    '%s: a file of the name that is not its child is neither taken nor lost',
    (format) => {
      const [own, other] = ['own', 'other'].map((name) => path(`foreign/${name}.${format}`)) as [string, string]
      for (const file of [own, other]) createDisk({ path: file, format, size: '4M' }).close()
      const taken = openCheckpoints(other, { format })
      taken.checkpoint()
      taken.close()
      const before = readFileSync(taken.childPath)
      const childPath = taken.childPath.replace('other', 'own')
      copyFileSync(taken.childPath, childPath)
      expect(() => openCheckpoints(own, { format })).toThrow(expect.objectContaining({ code: 'VMBUS_DISK_PARENT' }))
      expect(readFileSync(childPath).equals(before)).toBe(true)

      // One that came after the disk was opened.
      rmSync(childPath)
      const disk = openCheckpoints(own, { format })
      writeFileSync(childPath, 'mine')
      expect(() => disk.checkpoint()).toThrow(expect.objectContaining({ code: 'VMBUS_STORE_IO' }))
      expect(readFileSync(childPath, 'latin1')).toBe('mine')
      expect([disk.phase, disk.write(0, [pattern(512, 1)]), disk.flush()]).toEqual(['none', 'ok', 'ok'])
      disk.close()
      expect(readdirSync(path('foreign')).filter((name) => name.endsWith('.new'))).toEqual([])
      for (const name of readdirSync(path('foreign'))) rmSync(path(`foreign/${name}`))
    },
  )

  it('a raw image is known by its file or by the identity that it is given', () => {
    const file = path('tied/a.img')
    createDisk({ path: file, format: 'raw', size: '1M' }).close()
    const identity = pattern(16, 9)
    const known = openCheckpoints(file, { format: 'raw', raw: { identity } })
    known.checkpoint()
    known.write(0, [pattern(512, 1)])
    known.close()
    expect(() => openCheckpoints(file, { format: 'raw' })).toThrow(
      expect.objectContaining({ code: 'VMBUS_DISK_PARENT' }),
    )
    // A copy of both in another place.
    for (const name of ['a.img', 'a.img.diff']) copyFileSync(path(`tied/${name}`), path(`tied/copy-${name}`))
    const copy = openCheckpoints(path('tied/copy-a.img'), { format: 'raw', raw: { identity } })
    expect(readSectors(copy, 0, 1)).toEqual(pattern(512, 1))
    while (!copy.merge());
    copy.close()
  })

  it('is one disk through whatever name', () => {
    const file = path('linked/a.vhdx')
    createDisk({ path: file, format: 'vhdx', size: '4M' }).close()
    symlinkSync(file, path('linked.vhdx'))
    const disk = openCheckpoints(path('linked.vhdx'))
    expect(disk.childPath).toBe(path('linked/a.avhdx'))
    disk.checkpoint()
    // Locked for all but readers from the first moment to the last, whatever is opened anew below it.
    expect(() => openCheckpoints(file)).toThrow(expect.objectContaining({ code: 'VMBUS_DISK_LOCKED' }))
    expect(() => openDisk(file)).toThrow(expect.objectContaining({ code: 'VMBUS_DISK_LOCKED' }))
    disk.close()
    openCheckpoints(file).close()
    openDisk(file).close()
  })
})
