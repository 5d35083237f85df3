import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
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
    expect(existsSync(`${file}.lock`)).toBe(false)
    expect(formatOf(file)).toBe(format)
    const again = openDisk(file, { readOnly: true })
    expect(readSectors(again, 100, 8)).toEqual(pattern(4096, 1))
    again.close()
    expect(() => createDisk({ path: file, format, size: '4M' })).toThrow('EEXIST')
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
    expect(readdirSync(path(`chain/${format}`)).filter((name) => name.endsWith('.lock'))).toEqual([])
  })

  it('two images of one size have different identities', () => {
    const [a, b] = ['a', 'b'].map((name) => createDisk({ path: path(`${name}.vhdx`), format: 'vhdx', size: '4M' }))
    expect(a?.identity).not.toEqual(b?.identity)
    a?.close()
    b?.close()
  })

  it('another process is kept out, and what a killed one left is taken away', () => {
    const file = path('locked.vhdx')
    const disk = createDisk({ path: file, format: 'vhdx', size: '4M' })
    const script = `import { openDisk } from '@vmbus/disk/file'; try { openDisk(process.argv[1]); process.stdout.write('opened') } catch (error) { process.stdout.write(String(error.code)) }`
    const tsx = fileURLToPath(import.meta.resolve('tsx/cli'))
    const inOther = (): string =>
      spawnSync(process.execPath, [tsx, '-C', '@vmbus/source', '--input-type=module', '-e', script, file], {
        cwd: fileURLToPath(new URL('..', import.meta.url)),
        encoding: 'utf8',
      }).stdout
    expect(inOther()).toBe('VMBUS_DISK_LOCKED')
    disk.close()
    // It opens, and ends without closing.
    expect(inOther()).toBe('opened')
    expect(readdirSync(`${file}.lock`)).toEqual(['writer'])
    const again = openDisk(file)
    again.close()
    // A process number that is in use again, by a process that started at another time.
    mkdirSync(`${file}.lock`)
    writeFileSync(`${file}.lock/writer`, `${process.pid} 1`)
    if (existsSync('/proc/self/stat')) openDisk(file).close()
    else expect(() => openDisk(file)).toThrow('VMBUS_DISK_LOCKED')
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

    // The chain says where its parent is, and a run that ended with a checkpoint is gone on with.
    disk.close()
    const chain = openDisk(disk.childPath, { readOnly: true })
    expect(sameBytes(contents(chain), expected)).toBe(true)
    chain.close()
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

  it('what a checkpoint that did not come about left does not count', () => {
    const file = path('unfinished/disk.vhdx')
    createDisk({ path: file, format: 'vhdx', size: '4M' }).close()
    const disk = openCheckpoints(file)
    writeFileSync(`${disk.childPath}.new`, 'vhdxfile')
    expect(disk.phase).toBe('none')
    disk.checkpoint()
    expect(readdirSync(path('unfinished')).sort()).toEqual([
      'disk.avhdx',
      'disk.avhdx.lock',
      'disk.vhdx',
      'disk.vhdx.lock',
    ])
    disk.close()
  })
})
