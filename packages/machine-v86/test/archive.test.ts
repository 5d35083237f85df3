import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAr } from '../src/archive/ar.ts'
import { FileType, writeCpio } from '../src/archive/cpio.ts'
import { readDeb } from '../src/archive/deb.ts'
import { readTar } from '../src/archive/tar.ts'
import { MachineError } from '../src/index.ts'
import { codeOf } from './support/errors.ts'
import { ar, tar, tarEntry } from './support/tar.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

describe('writeCpio', () => {
  it('writes the newc form', () => {
    const out = writeCpio([
      { path: 'a', mode: FileType.regular | 0o644, bytes: Buffer.from('hey') },
      {
        path: 'dev/console',
        mode: FileType.character | 0o600,
        bytes: new Uint8Array(0),
        device: { major: 5, minor: 1 },
      },
    ])
    const zero = '00000000'
    const first = `070701${'00000001'}${'000081A4'}${zero}${zero}${'00000001'}${zero}${'00000003'}${zero}${zero}${zero}${zero}${'00000002'}${zero}a\0hey\0`
    const second = `070701${'00000002'}${'00002180'}${zero}${zero}${'00000001'}${zero}${zero}${zero}${zero}${'00000005'}${'00000001'}${'0000000C'}${zero}dev/console\0\0\0`
    const last = `070701${zero}${zero}${zero}${zero}${'00000001'}${zero}${zero}${zero}${zero}${zero}${zero}${'0000000B'}${zero}TRAILER!!!\0\0\0\0`
    expect(text(out)).toBe(first + second + last)
    expect(out.length % 4).toBe(0)
  })
})

describe('readTar', () => {
  it('reads files, directories and links with their paths made relative', () => {
    const bytes = tar(
      tarEntry('./bin/', '', { type: '5', mode: '0000755' }),
      tarEntry('./bin/tool', '#!', { mode: '0004755' }),
      tarEntry('/bin/same', '', { type: '1', target: './bin/tool' }),
      tarEntry('./lib', '', { type: '2', target: 'usr/lib' }),
    )
    expect(
      [...readTar(bytes)].map(({ path, type, mode, target, bytes: b }) => [path, type, mode, target, text(b)]),
    ).toEqual([
      ['bin', 'directory', 0o755, '', ''],
      ['bin/tool', 'file', 0o4755, '', '#!'],
      ['bin/same', 'hardlink', 0o644, './bin/tool', ''],
      ['lib', 'symlink', 0o644, 'usr/lib', ''],
    ])
  })

  it('reads GNU and pax long names', () => {
    const long = `${'d'.repeat(120)}/file`
    const record = `path=${long}\n`
    const pax = `${record.length + 4} ${record}`
    const gnu = tar(tarEntry('././@LongLink', `${long}\0`, { type: 'L' }), tarEntry('short', 'x'))
    const posix = tar(tarEntry('PaxHeaders/x', pax, { type: 'x' }), tarEntry('short', 'x'))
    expect([...readTar(gnu)].map(({ path }) => path)).toEqual([long])
    expect([...readTar(posix)].map(({ path }) => path)).toEqual([long])
  })

  it('refuses paths that leave the archive, wrong checksums and cut contents', async () => {
    expect(await codeOf(() => [...readTar(tar(tarEntry('a/../../etc/passwd', 'x')))])).toBe('VMBUS_IMAGE_FORMAT')
    const changed = tar(tarEntry('a', 'x')).slice()
    changed[0] = 0x62
    expect(await codeOf(() => [...readTar(changed)])).toBe('VMBUS_IMAGE_FORMAT')
    expect(await codeOf(() => [...readTar(tarEntry('a', 'y'.repeat(2000)).subarray(0, 1024))])).toBe(
      'VMBUS_IMAGE_TRUNCATED',
    )
  })
})

describe('readAr and readDeb', () => {
  const deb = ar(
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', gzipSync(tar())],
    ['data.tar.gz', gzipSync(tar(tarEntry('./boot/vmlinuz-1', 'kernel')))],
  )

  it('finds the members with odd lengths padded', () => {
    expect(
      readAr(ar(['odd', Buffer.from('123')], ['next/', Buffer.from('4')]), 'two.deb').map(({ name, bytes }) => [
        name,
        text(bytes),
      ]),
    ).toEqual([
      ['odd', '123'],
      ['next', '4'],
    ])
  })

  it('reads the files of a package', async () => {
    expect((await readDeb(deb, 'k.deb')).map(({ path, bytes }) => [path, text(bytes)])).toEqual([
      ['boot/vmlinuz-1', 'kernel'],
    ])
  })

  it('names what is wrong, and with which file', async () => {
    await expect(readDeb(new Uint8Array(0), 'empty.deb')).rejects.toThrow('empty.deb')
    await expect(readDeb(deb.subarray(0, deb.length - 30), 'cut.deb')).rejects.toThrow('cut.deb')
    expect(await codeOf(() => readDeb(Buffer.from('PK\x03\x04'), 'x'))).toBe('VMBUS_IMAGE_FORMAT')
    expect(await codeOf(() => readDeb(ar(['debian-binary', Buffer.from('2.0\n')]), 'x'))).toBe('VMBUS_IMAGE_FORMAT')
    expect(await codeOf(() => readDeb(deb.subarray(0, deb.length - 30), 'x'))).toBe('VMBUS_IMAGE_TRUNCATED')
  })

  it('answers any bytes with files or a MachineError', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(deb.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(deb.length),
        async (changes, cut) => {
          const bad = Uint8Array.from(deb)
          for (const [at, value] of changes) bad[at] = value
          const out = await readDeb(bad.subarray(0, deb.length - (cut % 200)), 'x').catch((error: unknown) => error)
          expect(Array.isArray(out) || out instanceof MachineError).toBe(true)
        },
      ),
      { seed: 3, numRuns: 300 },
    )
  })
})
