import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createVhdx, storeLock, type BlockDevice } from '@vmbus/disk'
import { createDisk, fileStore, openCheckpoints, openDisk } from '@vmbus/disk/file'
import { afterAll, describe, expect, it } from 'vitest'
import { codeOf, temporaryDirectory } from './support.ts'

const { path, remove } = temporaryDirectory()
afterAll(remove)

const LOCKED = 'VMBUS_DISK_LOCKED'
const opened = (file: string, readOnly = false): unknown => codeOf(() => openDisk(file, { readOnly }).close())

const CWD = fileURLToPath(new URL('..', import.meta.url))
const NODE = [process.execPath, '--import', import.meta.resolve('tsx'), '-C', '@vmbus/source', '--input-type=module']

/** A program that opens the file to write, says how that went, and does `then`. */
const program = (then: string): string => `
  import { openDisk } from '@vmbus/disk/file'
  try { globalThis.disk = openDisk(process.argv[1]); process.stdout.write('opened') }
  catch (error) { process.stdout.write(String(error.code)) }
  ${then}`

function inProcess(file: string, wrapper: readonly string[] = []): string {
  const [command, ...args] = [...wrapper, ...NODE, '-e', program(''), file]
  return spawnSync(command, args, { cwd: CWD, encoding: 'utf8' }).stdout
}

/** An image with a symbolic and a hard link to it. */
function image(name: string): { names: string[]; file: string } {
  const file = path(`${name}.vhdx`)
  createDisk({ path: file, format: 'vhdx', size: '4M' }).close()
  const names = [file, path(`${name}-symbolic.vhdx`), path(`${name}-hard.vhdx`)]
  symlinkSync(file, names[1] as string)
  linkSync(file, names[2] as string)
  return { names, file }
}

describe('an image file', () => {
  it('has one writer or many readers, by whatever name', () => {
    const { names } = image('names')
    for (const first of names) {
      const writer = openDisk(first)
      expect(names.flatMap((name) => [opened(name), opened(name, true)])).toEqual(Array(6).fill(LOCKED))
      writer.close()
      const reader = openDisk(first, { readOnly: true })
      expect(names.map((name) => opened(name))).toEqual([LOCKED, LOCKED, LOCKED])
      expect(names.map((name) => opened(name, true))).toEqual(['none', 'none', 'none'])
      reader.close()
    }
    expect(names.map((name) => opened(name))).toEqual(['none', 'none', 'none'])
  })

  it('is not written to while a child of it is open', () => {
    const { names, file } = image('parent')
    const child = createDisk({ path: path('child.vhdx'), format: 'vhdx', parentPath: names[1] as string })
    expect(names.map((name) => opened(name))).toEqual([LOCKED, LOCKED, LOCKED])
    child.close()
    const again = openDisk(path('child.vhdx'))
    expect(names.map((name) => opened(name))).toEqual([LOCKED, LOCKED, LOCKED])
    again.close()
    expect(opened(file)).toBe('none')
  })

  it('is locked while it is made, and gone when that fails', () => {
    const file = path('made.vhdx')
    const seen: unknown[] = []
    const newIdentity = (): Uint8Array => {
      seen.push(codeOf(() => openDisk(file, { format: 'raw' })))
      return new Uint8Array(16).fill(seen.length)
    }
    const store = fileStore(file, { create: true })
    createVhdx(store, { size: '4M', newIdentity }).close()
    store.close()
    expect(new Set(seen)).toEqual(new Set([LOCKED]))
    expect(() => createDisk({ path: path('not.vhdx'), format: 'vhdx', size: 100 })).toThrow('not a positive multiple')
    expect(readdirSync(path('')).includes('not.vhdx')).toBe(false)
  })

  it('is locked among processes, also where neither sees the other or its names', () => {
    const { names, file } = image('process')
    const disk = openDisk(file)
    expect(inProcess(names[2] as string)).toBe(LOCKED)
    // As in another container: processes and mounts of its own, the image under another mount.
    const inside = path('inside')
    mkdirSync(inside)
    const container = [
      'unshare',
      '--mount',
      '--pid',
      '--fork',
      'sh',
      '-c',
      `mount --bind "${path('')}" "${inside}" && exec "$@"`,
      '-',
    ]
    if (spawnSync(container[0] as string, [...container.slice(1), 'true']).status === 0) {
      expect(inProcess(`${inside}/process.vhdx`, container)).toBe(LOCKED)
      disk.close()
      expect(inProcess(`${inside}/process.vhdx`, container)).toBe('opened')
    } else {
      process.stdout.write('locks among containers: not run: unshare and mount are not allowed here\n')
      disk.close()
    }
    // It ended without closing: nothing of it holds.
    expect(inProcess(file)).toBe('opened')
    expect(opened(file)).toBe('none')
  })

  it('is free at once when its holder was killed, and nothing of him stays', async () => {
    mkdirSync(path('killed'))
    const file = path('killed/a.vhdx')
    createDisk({ path: file, format: 'vhdx', size: '4M' }).close()
    const [command, ...args] = [...NODE, '-e', program('setInterval(() => {}, 1000)'), file]
    const holder = spawn(command, args, { cwd: CWD })
    const [said] = (await once(holder.stdout, 'data')) as [Buffer]
    expect(String(said)).toBe('opened')
    expect(opened(file)).toBe(LOCKED)
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    expect(opened(file)).toBe('none')
    expect(readdirSync(path('killed'))).toEqual(['a.vhdx'])
  })

  it('may have locks of the caller, parents too', () => {
    const { names, file } = image('given')
    const asked: string[] = []
    const locks = (name: string) => {
      asked.push(name)
      return storeLock()
    }
    const child = path('given-child.vhdx')
    createDisk({ path: child, format: 'vhdx', parentPath: file }).close()
    const disks: BlockDevice[] = [openDisk(child, { locks }), openDisk(names[1] as string, { locks })]
    expect(asked).toEqual([child, file, names[1]])
    for (const disk of disks) disk.close()
    openCheckpoints(child, { locks }).close()
  })
})

describe('what the system refuses has a code', () => {
  it('when a file is opened or made', () => {
    mkdirSync(path('folder'))
    writeFileSync(path('plain'), '')
    if (process.platform !== 'win32') spawnSync('mkfifo', [path('fifo')])
    const places = ['absent', 'folder', 'plain/below', 'nul\0', ...(process.platform === 'win32' ? [] : ['fifo'])]
    for (const place of places)
      for (const readOnly of [true, false]) {
        expect(codeOf(() => openDisk(path(place), { readOnly }))).toBe('VMBUS_STORE_OPEN')
        expect(codeOf(() => fileStore(path(place), { readOnly }))).toBe('VMBUS_STORE_OPEN')
      }
    for (const place of places) expect(codeOf(() => openCheckpoints(path(place)))).toBe('VMBUS_STORE_OPEN')
    expect(codeOf(() => openDisk('/dev/zero'))).toBe('VMBUS_STORE_OPEN')
    expect(codeOf(() => createDisk({ path: path('plain/a.raw'), format: 'raw', size: '1M' }))).toBe('VMBUS_STORE_IO')
    expect(codeOf(() => createDisk({ path: path('plain'), format: 'raw', size: '1M' }))).toBe('VMBUS_STORE_OPEN')
  })

  it('and a reader needs no leave to write, in the folder or to the image', () => {
    mkdirSync(path('place'))
    const file = path('place/base.vhdx')
    createDisk({ path: file, format: 'vhdx', size: '4M' }).close()
    chmodSync(file, 0o444)
    chmodSync(path('place'), 0o555)
    chmodSync(path(''), 0o755)
    // Root may write everywhere; what is loaded late is loaded before it becomes somebody else.
    const script = `
      import { openDisk } from '@vmbus/disk/file'
      const code = (run) => { try { run(); return 'none' } catch (error) { return error.code } }
      const read = () => openDisk(process.argv[1], { readOnly: true }).close()
      read()
      if (process.geteuid?.() === 0) process.seteuid(65534)
      process.stdout.write(code(read) + ' ' + code(() => openDisk(process.argv[1])))`
    const [command, ...args] = [...NODE, '-e', script, file]
    expect(spawnSync(command, args, { cwd: CWD, encoding: 'utf8' }).stdout).toBe('none VMBUS_STORE_OPEN')
    chmodSync(path('place'), 0o755)
  })

  it('and a store that is closed says so', () => {
    const store = fileStore(path('gone.raw'), { create: true })
    const release = store.lock.acquire('write')
    store.close()
    release()
    store.close()
    expect(codeOf(() => store.truncate(512))).toBe('VMBUS_STORE_IO')
    expect(codeOf(() => store.flush())).toBe('VMBUS_STORE_IO')
    expect(store.inspect()).toEqual({ kind: 'file', size: 0, readOnly: false, lock: 'free' })
  })
})
