import { readFileSync, writeFileSync } from 'node:fs'
import { createDisk } from '@vmbus/disk/file'
import { describe, expect, test } from 'vitest'
import { scratch } from './disks.ts'
import { callerOf, functionOf, programOf } from './i386.ts'
import { bootWith, imageOf, releases, sh } from './real-guest.ts'

const SECTOR = 512
/** v86 compiles a page after some 200,000 instructions in it; two instructions a turn. */
const TURNS = 150_000
const CALLS = 150_000
const FILES = Array.from({ length: 16 }, (_, file) => file)
const ROUNDS = 6
const FUNCTIONS = 64

const markOf = (file: number): string => `the program number ${file}.`
/** No two files or rounds near each other have the same status. */
const statusOf = (round: number, file: number): number => (round * FILES.length + file) % 251
const valueOf = (run: number, index: number): number => (100 * run + 37 * index) % 256

describe.each(releases)('machine code changed on the host, %s', (release) => {
  test.each([true, false])('is read and run again, jit: %s', async (jit) => {
    using folder = scratch()
    const image = await imageOf(release)
    const [files, functions, programs] = ['a.raw', 'b.raw', 'c.raw'].map((name) => folder.path(name)) as [
      string,
      string,
      string,
    ]
    createDisk({ path: files, format: 'raw', size: '16M' }).close()
    const functionsOf = (run: number): Buffer =>
      Buffer.concat(Array.from({ length: FUNCTIONS }, (_, index) => functionOf(valueOf(run, index))))
    writeFileSync(functions, functionsOf(0))
    const program = (round: number, file: number): Uint8Array => programOf(statusOf(round, file), TURNS, markOf(file))
    writeFileSync(programs, Buffer.concat([...FILES.map((file) => program(0, file)), callerOf('/dev/sdb', CALLS)]))
    await using guest = await bootWith(image, { profile: 'ws2022', images: [files, functions, programs] }, { jit })

    // Blocks of a page's size: a file's page comes from the disk in one piece.
    await sh(guest, 'mkfs.ext4 -q -b 4096 /dev/sda; mkdir -p /m; mount -t ext4 /dev/sda /m')
    const list = FILES.join(' ')
    await sh(guest, `for i in ${list}; do dd if=/dev/sdc of=/m/p$i bs=4k count=1 skip=$i 2>/dev/null; done`)
    await sh(guest, `dd if=/dev/sdc of=/caller bs=4k skip=${FILES.length} 2>/dev/null; chmod +x /m/p* /caller; sync`)
    expect(await guest.call('flush', undefined)).toEqual(['ok', 'ok', 'ok'])
    const disk = readFileSync(files)
    const sectors = FILES.map((file) => disk.indexOf(markOf(file)) >>> 9)
    expect(sectors.every((sector) => sector > 0)).toBe(true)

    // The programs' pages go and come, so that a frame which held one program is soon another's.
    for (let round = 1; round <= ROUNDS; round++) {
      for (const file of FILES) {
        const data = program(round, file).subarray(0, SECTOR)
        expect(await guest.call('write', { lun: 0, sector: sectors[file], data })).toBe('ok')
      }
      // The disk fills the frames that were freed; the second run of each program finds what the first had compiled.
      const { output } = await guest.exec(
        `echo 3 > /proc/sys/vm/drop_caches; cat /m/p* > /dev/null; for i in ${list}; do /m/p$i; echo $?; /m/p$i; echo $?; done`,
        { seconds: 600 },
      )
      expect(output.trim().split('\n').map(Number)).toEqual(
        FILES.flatMap((file) => [statusOf(round, file), statusOf(round, file)]),
      )
    }

    // One page of one process, filled by the disk again and again, and run in between.
    for (const run of [0, 1]) {
      if (run > 0) expect(await guest.call('write', { lun: 1, sector: 0, data: functionsOf(run) })).toBe('ok')
      const printed = await sh(guest, '/caller > /printed; od -An -v -tu1 /printed')
      expect(printed.split(/\s+/).map(Number)).toEqual(
        Array.from({ length: FUNCTIONS }, (_, index) => valueOf(run, index)),
      )
    }
  })
})
