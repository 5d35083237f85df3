import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createDisk, openDisk } from '@vmbus/disk/file'
import { afterAll, describe, expect, it } from 'vitest'
import { codeOf, pattern, readSectors, temporaryDirectory } from './support.ts'

const { path, remove } = temporaryDirectory()
afterAll(remove)

type Format = 'vhd' | 'vhdx'
const FORMATS: readonly Format[] = ['vhd', 'vhdx']
const PARENT = 'VMBUS_DISK_PARENT'

/** A parent whose first sector is `tag`, and a child of it. */
function pair(format: Format, folder: string, tag: number, parent = 'p.img'): { parent: string; child: string } {
  const files = { parent: path(`${folder}/${parent}`), child: path(`${folder}/c.img`) }
  const disk = createDisk({ path: files.parent, format, size: '4M' })
  disk.write(0, [pattern(512, tag)])
  disk.close()
  createDisk({ path: files.child, format, parentPath: files.parent }).close()
  return files
}

const opens = (file: string, parentFolders?: readonly string[]): unknown => {
  try {
    const disk = openDisk(file, { readOnly: true, ...(parentFolders === undefined ? {} : { parentFolders }) })
    const sector = readSectors(disk, 0, 1)
    disk.close()
    return sector
  } catch (error) {
    return codeOf(() => {
      throw error
    })
  }
}

/** Puts another path of the same length where a VHD or VHDX states one, which is behind the first 1536 bytes of both. */
function rename(file: string, from: string, to: string): void {
  const bytes = readFileSync(file)
  const [old, next] = [from, to].map((text) => Buffer.from(text, 'utf16le')) as [Buffer, Buffer]
  if (old.length !== next.length || !bytes.includes(old, 1536)) throw new Error(`no ${from} of the length of ${to}`)
  for (let at = bytes.indexOf(old, 1536); at >= 0; at = bytes.indexOf(old, at + 1)) next.copy(bytes, at)
  writeFileSync(file, bytes)
}

describe.each(FORMATS)('the parent of a %s', (format) => {
  it('is looked for by the relative path, by the others, and by its name beside the child', () => {
    const { parent, child } = pair(format, `${format}/order`, 1, 'sub/p.img')
    expect(opens(child)).toEqual(pattern(512, 1))
    // Moved together with the folder: the relative path leads there.
    renameSync(path(`${format}/order`), path(`${format}/moved`))
    expect(opens(path(`${format}/moved/c.img`))).toEqual(pattern(512, 1))
    // Moved to beside the child: nothing but the name does.
    renameSync(path(`${format}/moved/sub/p.img`), path(`${format}/moved/p.img`))
    expect(opens(path(`${format}/moved/c.img`))).toEqual(pattern(512, 1))
    // Only the child was moved: the absolute path leads there, if that is allowed.
    mkdirSync(path(`${format}/order/sub`), { recursive: true })
    renameSync(path(`${format}/moved/p.img`), parent)
    expect(opens(path(`${format}/moved/c.img`))).toBe(PARENT)
    expect(opens(path(`${format}/moved/c.img`), [path(`${format}/order`)])).toEqual(pattern(512, 1))
  })

  it('is the one whose identity the child names, though another comes first', () => {
    const { parent, child } = pair(format, `${format}/identity`, 1, 'sub/p.img')
    cpSync(parent, path(`${format}/identity/p.img`))
    rmSync(parent)
    createDisk({ path: parent, format, size: '4M' }).close()
    expect(opens(child)).toEqual(pattern(512, 1))
    rmSync(path(`${format}/identity/p.img`))
    expect(opens(child)).toBe(PARENT)
  })

  it('is no file outside the folders that are allowed, whatever leads there', () => {
    const { parent } = pair(format, `${format}/outside`, 1)
    const child = path(`${format}/inside/c.img`)
    createDisk({ path: child, format, parentPath: parent }).close()
    expect(opens(child)).toBe(PARENT)
    expect(opens(child, [path(`${format}/inside`)])).toBe(PARENT)
    expect(opens(child, [path(format)])).toEqual(pattern(512, 1))
    // A folder whose name begins like one that is allowed.
    expect(
      opens(
        child,
        [path(`${format}/out`)].map((folder) => (mkdirSync(folder), folder)),
      ),
    ).toBe(PARENT)
    symlinkSync(parent, path(`${format}/inside/p.img`))
    expect(opens(child)).toBe(PARENT)
    // Through a link in the allowed folder's own path.
    symlinkSync(path(`${format}/outside`), path(`${format}/link`))
    expect(opens(child, [path(`${format}/link`)])).toEqual(pattern(512, 1))
  })

  it('is a regular image file', () => {
    const { parent, child } = pair(format, `${format}/regular`, 1)
    writeFileSync(path(`${format}/regular/s.img`), Buffer.alloc(4 * 2 ** 20, 'S'))
    mkdirSync(path(`${format}/regular/d.img`))
    rmSync(parent)
    let name = 'p.img'
    const places = ['s.img', 'd.img', 'c.img', '..\\..', 'nul\0x']
    if (process.platform !== 'win32' && spawnSync('mkfifo', [path(`${format}/regular/f.img`)]).status === 0)
      places.push('f.img')
    for (const place of places) {
      rename(child, name, place)
      name = place
      expect([place, opens(child)]).toEqual([place, PARENT])
    }
    expect(() => openDisk(child)).toThrow(/no parent found/)
  })

  it('is not sought through more files than a chain may have, however they branch', () => {
    const [a, b] = ['a', 'b'].map((name) => path(`${format}/branches/${name}`)) as [string, string]
    createDisk({ path: `${a}/00.img`, format, size: '1M' }).close()
    const images = Array.from({ length: 9 }, (_, level) => `${String(level).padStart(2, '0')}.img`)
    for (const [level, name] of images.entries())
      if (level > 0) createDisk({ path: `${a}/${name}`, format, parentPath: `${a}/${images[level - 1]}` }).close()
    const last = `${a}/${images.at(-1)}`
    expect(opens(last)).toEqual(new Uint8Array(512))
    // Two copies of the chain, each image naming its parent in both of them, and at the end none: 2^8 ways to look for it.
    cpSync(a, b, { recursive: true })
    for (const [level, name] of images.slice(1).entries())
      rename(`${a}/${name}`, `${a}/${images[level]}`, `${b}/${images[level]}`)
    for (const folder of [a, b]) rmSync(`${folder}/00.img`)
    expect(() => openDisk(last, { parentFolders: [path(format)], readOnly: true })).toThrow(/longer than 64 images/)
  })

  it('that is raw has no identity: it is given and not found', () => {
    const raw = path(`${format}/raw/p.img`)
    createDisk({ path: raw, format: 'raw', size: '4M' }).close()
    const child = path(`${format}/raw/c.img`)
    createDisk({ path: child, format, parentPath: raw }).close()
    expect(() => openDisk(child)).toThrow(/a raw parent is given, not found/)
    const parent = openDisk(raw, { format: 'raw', readOnly: true })
    openDisk(child, { parent }).close()
    parent.close()
  })
})
