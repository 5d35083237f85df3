import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fileTree } from '../src/system/file-tree.ts'

const E_FAIL = 0x80004005
const DISK_FULL = 0x80070070
const text = (bytes: Uint8Array | undefined): string => String.fromCharCode(...(bytes ?? [33]))
const bytes = (value: string): Uint8Array => Uint8Array.from(value, (character) => character.charCodeAt(0))

describe('a tree of files', () => {
  test('has what it was made with, and the folders above', () => {
    const tree = fileTree({ folders: ['/var/lib'], files: { '/etc/os-release': bytes('NAME=x') } })
    expect(['/', '/var', '/var/lib', '/etc'].map((path) => tree.isFolder(path))).toEqual([true, true, true, true])
    expect([tree.exists('/etc'), tree.exists('/etc/os-release'), tree.exists('/etc/passwd')]).toEqual([
      true,
      true,
      false,
    ])
    expect(text(tree.read('/etc/os-release'))).toBe('NAME=x')
    expect(tree.paths).toEqual(['/etc/os-release'])
  })

  test('finds a file by any path that leads to it', () => {
    const tree = fileTree({ files: { '/a/b': bytes('b') } })
    for (const path of ['/a/b', '//a/./b', '/a/c/../b', 'a/b', '/../a/b']) expect(text(tree.read(path))).toBe('b')
  })

  test('makes files only where there is a folder, and none in the place of one', () => {
    const tree = fileTree({ folders: ['/tmp'] })
    expect([tree.create('/tmp/f'), tree.create('/nowhere/f'), tree.create('/tmp'), tree.create('/')]).toEqual([
      0,
      E_FAIL,
      E_FAIL,
      E_FAIL,
    ])
    expect([tree.makeFolder('/tmp/a/b'), tree.makeFolder('/tmp/f'), tree.makeFolder('/tmp/f/g')]).toEqual([
      true,
      false,
      false,
    ])
  })

  test('has names of at most 255 bytes of UTF-8, and paths below 4096', () => {
    const tree = fileTree()
    expect([tree.create(`/${'n'.repeat(255)}`), tree.create(`/${'n'.repeat(256)}`)]).toEqual([0, E_FAIL])
    expect([tree.create(`/${'€'.repeat(85)}`), tree.create(`/${'€'.repeat(85)}n`)]).toEqual([0, E_FAIL])
    expect(tree.put('/x'.repeat(2047), bytes(''))).toBe(0)
    expect(tree.put('/x'.repeat(2048), bytes(''))).toBe(E_FAIL)
  })

  test('fills what a write leaves out with zeros, whatever stood there before', () => {
    const tree = fileTree()
    tree.put('/f', bytes('abcdefgh'))
    expect(tree.create('/f')).toBe(0)
    expect(tree.write('/f', 4, bytes('e'))).toBe(0)
    expect([...(tree.read('/f') ?? [])]).toEqual([0, 0, 0, 0, 101])
    expect(tree.write('/g', 0, bytes('e'))).toBe(E_FAIL)
  })

  test('takes another file into the place of one that is there', () => {
    const tree = fileTree({ files: { '/new': bytes('new'), '/old': bytes('older') } })
    expect([tree.rename('/new', '/old'), tree.rename('/new', '/old'), tree.rename('/old', '/no/where')]).toEqual([
      0,
      E_FAIL,
      E_FAIL,
    ])
    expect([tree.paths, text(tree.read('/old'))]).toEqual([['/old'], 'new'])
    expect([tree.rename('/old', '/old'), text(tree.read('/old'))]).toEqual([0, 'new'])
  })

  test('is full at its capacity, and has room again for what is removed', () => {
    const tree = fileTree({}, 10)
    expect([tree.put('/a', bytes('123456')), tree.put('/b', bytes('12345')), tree.put('/b', bytes('1234'))]).toEqual([
      0,
      DISK_FULL,
      0,
    ])
    expect(tree.write('/a', 6, bytes('7'))).toBe(DISK_FULL)
    expect(tree.write('/a', 0, bytes('x'))).toBe(0)
    tree.remove('/b')
    expect([tree.write('/a', 6, bytes('7890')), text(tree.read('/a'))]).toEqual([0, 'x234567890'])
  })

  test('holds files as a map of paths would, and comes back as it was saved', () => {
    const path = fc.constantFrom('/a', '/b', '/d/a', '/d/b')
    const change = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), path, value: fc.uint8Array({ maxLength: 6 }) }),
      fc.record({
        kind: fc.constant('write' as const),
        path,
        offset: fc.nat(8),
        value: fc.uint8Array({ maxLength: 6 }),
      }),
      fc.record({ kind: fc.constant('rename' as const), path, to: path }),
      fc.record({ kind: fc.constant('remove' as const), path }),
    )
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const tree = fileTree({ folders: ['/d'] })
        const model = new Map<string, number[]>()
        for (const each of changes) {
          const old = model.get(each.path)
          if (each.kind === 'put') {
            tree.put(each.path, each.value)
            model.set(each.path, [...each.value])
          } else if (each.kind === 'write') {
            tree.write(each.path, each.offset, each.value)
            if (old === undefined) continue
            while (old.length < each.offset + each.value.length) old.push(0)
            old.splice(each.offset, each.value.length, ...each.value)
          } else if (each.kind === 'rename') {
            tree.rename(each.path, each.to)
            if (old === undefined) continue
            model.delete(each.path)
            model.set(each.to, old)
          } else {
            tree.remove(each.path)
            model.delete(each.path)
          }
        }
        const again = fileTree({ files: { '/else': bytes('gone') } })
        again.restore(structuredClone(tree.save()))
        for (const held of [tree, again]) {
          expect(held.paths).toEqual([...model.keys()].toSorted())
          for (const [name, value] of model) expect([...(held.read(name) ?? [])]).toEqual(value)
        }
      }),
      { seed: 8, numRuns: 300 },
    )
  })
})
