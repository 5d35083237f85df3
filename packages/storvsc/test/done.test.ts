import { faultInjectingDisk, memoryDisk, queued, type BlockDevice } from '@vmbus/disk'
import { seeded } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { expectGood, raw, senseOf } from './raw.ts'
import { worldsOf, type World } from './world.ts'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  const world = worldsOf(interrupts)

  // GOOD means done: what a command names was done, or it is refused with the sense data that SPC-4 and SBC-3 have for it.
  const quiet = { scan: false }
  const INVALID_CDB = 'check-condition 86 5/2400'
  const INVALID_OPCODE = 'check-condition 86 5/2000'
  const OUT_OF_RANGE = 'check-condition 86 5/2100'
  const LIST_LENGTH = 'check-condition 86 5/1a00'
  const MISCOMPARE = 'check-condition 84 e/1d00'
  const fill = (byte: string): string => byte.repeat(512)

  /** What the disk was asked to do, in order. */
  function watched(disk: BlockDevice): { disk: BlockDevice; asked: string[] } {
    const asked: string[] = []
    const tell =
      <A extends unknown[], R>(name: string, call: (...args: A) => R) =>
      (...args: A): R => {
        asked.push(`${name} ${typeof args[0] === 'number' ? args[0] : ''}`.trim())
        return call(...args)
      }
    const proxy: BlockDevice = {
      ...disk,
      get sectors() {
        return disk.sectors
      },
      read: tell('read', disk.read),
      write: tell('write', disk.write),
      flush: tell('flush', disk.flush),
      zero: tell('zero', disk.zero),
    }
    return { disk: proxy, asked }
  }

  const sectorOf = (disk: BlockDevice, sector: number): string => {
    const data = new Uint8Array(512)
    disk.read(sector, [data])
    return Buffer.from(data).toString('hex')
  }

  const kinds = {
    'at once': (disk: BlockDevice) => disk,
    later: (disk: BlockDevice) => queued(disk, { seed: seeded(4), minDelay: 1000, maxDelay: 5000, depth: 2 }),
  }

  describe.each(Object.entries(kinds))('a disk that answers %s', (_, backend) => {
    const made = (): { disk: BlockDevice; w: World } => {
      const disk = memoryDisk('4M')
      return { disk, w: world({ host: { luns: [backend(disk)] }, guest: quiet }) }
    }

    test.each([
      ['10', '2e 00 00 00 00 20 00 00 01 00'],
      ['12', 'ae 00 00 00 00 20 00 00 00 01 00 00'],
      ['16', '8e 00 00 00 00 00 00 00 00 20 00 00 00 01 00 00'],
      ['10, compared', '2e 02 00 00 00 20 00 00 01 00'],
    ])('WRITE AND VERIFY (%s) writes', (_name, cdb) => {
      const { disk, w } = made()
      expect(raw(w, cdb, { out: fill('66') }).result).toMatchObject({ outcome: 'good', transferred: 512 })
      expect(sectorOf(disk, 0x20)).toBe(fill('66'))
      expect(sectorOf(disk, 0x21)).toBe(fill('00'))
    })

    test('VERIFY compares what it is sent: all blocks, or one with each', () => {
      const { w } = made()
      expect(senseOf(raw(w, '2a 00 00 00 00 08 00 00 02 00', { out: fill('11') + fill('22') }))).toBe('good 1')
      expect(senseOf(raw(w, '2f 02 00 00 00 08 00 00 02 00', { out: fill('11') + fill('22') }))).toBe('good 1')
      expect(senseOf(raw(w, '2f 02 00 00 00 08 00 00 02 00', { out: fill('11') + fill('23') }))).toBe(MISCOMPARE)
      expect(senseOf(raw(w, '2f 06 00 00 00 08 00 00 01 00', { out: fill('11') }))).toBe('good 1')
      expect(senseOf(raw(w, '2f 06 00 00 00 08 00 00 02 00', { out: fill('11') }))).toBe(MISCOMPARE)
      expect(
        senseOf(raw(w, '8f 02 00 00 00 00 00 00 00 09 00 00 00 01 00 00', { out: fill('22').replace(/22$/, '23') })),
      ).toBe(MISCOMPARE)
      expect(senseOf(raw(w, 'af 06 00 00 00 0a 00 00 00 05 00 00', { out: fill('00') }))).toBe('good 1')
      // A buffer without the data that is to be compared.
      expect(senseOf(raw(w, '2f 02 00 00 00 08 00 00 02 00', { out: fill('11') }))).toBe('overrun 92 5/2400')
      expect(senseOf(raw(w, '2f 02 00 00 00 08 00 00 01 00'))).toBe('overrun 92 5/2400')
    })

    test('VERIFY of many blocks reads each of them', () => {
      const disk = faultInjectingDisk(memoryDisk('4M'))
      const w = world({ host: { luns: [backend(disk)] }, guest: quiet })
      const all = '8f 00 00 00 00 00 00 00 00 00 00 00 20 00 00 00'
      expect(senseOf(raw(w, all))).toBe('good 1')
      disk.inject({ sector: 8191, status: 'medium-error' })
      expect(senseOf(raw(w, all))).toBe('check-condition 84 3/0000')
      // An error of the disk is told, not that what it did not read is something else.
      expect(senseOf(raw(w, '2f 02 00 00 1f ff 00 00 01 00', { out: fill('11') }))).toBe('check-condition 84 3/0000')
      expect(senseOf(raw(w, '2f 00 00 00 1f fe 00 00 01 00'))).toBe('good 1')
    })
  })

  test('what WRITE AND VERIFY and forced reads and writes ask of the disk', () => {
    const { disk, asked } = watched(memoryDisk('1M'))
    const w = world({ host: { luns: [disk] }, guest: quiet })
    const told = (cdb: string, options: { room?: number; out?: string }): string[] => {
      asked.length = 0
      expect(senseOf(raw(w, cdb, options))).toBe('good 1')
      return [...asked]
    }
    expect(told('2e 00 00 00 00 20 00 00 01 00', { out: fill('66') })).toEqual(['write 32', 'flush', 'read 32'])
    expect(told('2a 08 00 00 00 20 00 00 01 00', { out: fill('66') })).toEqual(['write 32', 'flush'])
    // DPO alone is advice.
    expect(told('2a 10 00 00 00 20 00 00 01 00', { out: fill('66') })).toEqual(['write 32'])
    expect(told('28 08 00 00 00 20 00 00 01 00', { room: 512 })).toEqual(['flush', 'read 32'])
    expect(told('28 10 00 00 00 20 00 00 01 00', { room: 512 })).toEqual(['read 32'])
    // A disk that says that it does not cache.
    const through = world({ host: { luns: [{ disk, writeCache: false }] }, guest: quiet })
    asked.length = 0
    expect(senseOf(raw(through, '2a 00 00 00 00 20 00 00 01 00', { out: fill('66') }))).toBe('good 1')
    expect(senseOf(raw(through, '41 00 00 00 00 20 00 00 01 00', { out: fill('00') }))).toBe('good 1')
    expect(asked).toEqual(['write 32', 'flush', 'zero 32', 'flush'])
  })

  describe('lengths of nothing', () => {
    const disk = memoryDisk('1M')
    const w = world({ host: { luns: [disk] }, guest: quiet })
    test.each([
      '28 00 00 00 00 00 00 00 00 00',
      '2a 00 00 00 00 00 00 00 00 00',
      '2e 00 00 00 00 00 00 00 00 00',
      '2f 02 00 00 00 00 00 00 00 00',
      'a8 00 00 00 00 00 00 00 00 00 00 00',
      '88 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
      // Parameter lists and allocations.
      '42 00 00 00 00 00 00 00 00 00',
      '15 10 00 00 00 00',
      '1a 08 3f 00 00 00',
      '12 00 00 00 00 00',
      '03 00 00 00 00 00',
      '9e 10 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
    ])('%s does nothing, and well', (cdb) => {
      expect(raw(w, cdb).result).toMatchObject({ outcome: 'good', transferred: 0 })
    })

    test('0 is 256 blocks in the 6-byte forms', () => {
      const data = Array.from({ length: 256 }, (_, sector) => fill((sector & 0xff).toString(16).padStart(2, '0'))).join(
        '',
      )
      expect(raw(w, '0a 00 00 10 00 00', { out: data }).result).toMatchObject({ outcome: 'good', transferred: 131_072 })
      expect(sectorOf(disk, 0x10f)).toBe(fill('ff'))
      expect(expectGood(raw(w, '08 00 00 10 00 00', { room: 131_072 }))).toBe(data)
      expect(senseOf(raw(w, '08 00 00 10 00 00', { room: 512 }))).toBe('overrun 92 5/2400')
    })

    test('of WRITE SAME it is all blocks to the end', () => {
      const small = memoryDisk('64K')
      const v = world({ host: { luns: [small] }, guest: quiet })
      expect(senseOf(raw(v, '41 00 00 00 00 7e 00 00 00 00', { out: fill('5a') }))).toBe('good 1')
      expect([0x7d, 0x7e, 0x7f].map((sector) => sectorOf(small, sector))).toEqual([fill('00'), fill('5a'), fill('5a')])
      // More than 8 MiB of them.
      const large = world({ host: { luns: [memoryDisk('16M')] }, guest: quiet })
      expect(senseOf(raw(large, '93 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00', { out: fill('5a') }))).toBe(
        INVALID_CDB,
      )
    })
  })

  test('as much is transferred as was allocated', () => {
    const w = world({ host: { luns: [memoryDisk('1M'), memoryDisk('1M')] }, guest: quiet })
    const got = (cdb: string, room = 255): string => expectGood(raw(w, cdb, { room }))
    expect(got('12 00 00 00 04 00')).toBe('00000502')
    expect(got('12 01 83 00 03 00')).toBe('008300')
    expect(got('12 00 00 01 00 00')).toHaveLength(208)
    expect(got('03 00 00 00 03 00')).toBe('700000')
    expect(got('1a 08 3f 00 03 00')).toBe('170010')
    expect(got('5a 08 3f 00 00 00 00 00 05 00')).toBe('001a001000')
    expect(got('9e 10 00 00 00 00 00 00 00 00 00 00 00 0c 00 00')).toBe('00000000000007ff' + '00000200')
    expect(got('a0 00 00 00 00 00 00 00 00 0c 00 00')).toBe('00000010' + '00000000' + '00000000')
    // A buffer that is too short for what was allocated.
    expect(senseOf(raw(w, '12 00 00 00 68 00', { room: 50 }))).toBe('overrun 92 5/2400')
  })

  describe('what is not done is refused', () => {
    const disk = memoryDisk('1M')
    const w = world({ host: { luns: [disk] }, guest: quiet })
    test.each([
      ['RDPROTECT', '28 20 00 00 00 00 00 00 01 00', INVALID_CDB],
      ['RDPROTECT of no blocks', '88 20 00 00 00 00 00 00 00 00 00 00 00 00 00 00', INVALID_CDB],
      ['VRPROTECT', '2f 40 00 00 00 00 00 00 01 00', INVALID_CDB],
      ['BYTCHK 10', '2f 04 00 00 00 00 00 00 01 00', INVALID_CDB],
      ['VERIFY of more than 65,535 blocks', '8f 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00', OUT_OF_RANGE],
      ['NACA', '00 00 00 00 00 04', INVALID_CDB],
      ['NACA of 16 bytes', '91 00 00 00 00 00 00 00 00 00 00 00 00 00 00 04', INVALID_CDB],
      ['DESC of REQUEST SENSE', '03 01 00 00 12 00', INVALID_CDB],
      ['SYNCHRONIZE CACHE past the end', '35 00 00 00 08 00 00 00 00 00', OUT_OF_RANGE],
      ['SYNCHRONIZE CACHE over the end', '35 00 00 00 07 ff 00 00 02 00', OUT_OF_RANGE],
      ['a power condition', '1b 00 00 00 20 00', INVALID_CDB],
      ['loading', '1b 00 00 00 03 00', INVALID_CDB],
      ['FORMAT UNIT', '04 00 00 00 00 00', INVALID_OPCODE],
      ['RESERVE (6)', '16 00 00 00 00 00', INVALID_OPCODE],
      ['RELEASE (6)', '17 00 00 00 00 00', INVALID_OPCODE],
      ['COMPARE AND WRITE', '89 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00', INVALID_OPCODE],
      ['GET LBA STATUS', '9e 12 00 00 00 00 00 00 00 00 00 00 00 18 00 00', INVALID_CDB],
      ['SELECT REPORT 3', 'a0 00 03 00 00 00 00 00 00 10 00 00', INVALID_CDB],
    ])('%s', (_name, cdb, refusal) => {
      expect(senseOf(raw(w, cdb))).toBe(refusal)
    })

    test.each([
      ['WRPROTECT', '2a 20 00 00 00 05 00 00 01 00', INVALID_CDB],
      ['WRPROTECT of WRITE AND VERIFY', '2e 20 00 00 00 05 00 00 01 00', INVALID_CDB],
      ['one block for all of WRITE AND VERIFY', '2e 06 00 00 00 05 00 00 01 00', INVALID_CDB],
      ['WRPROTECT of WRITE SAME', '41 20 00 00 00 05 00 00 01 00', INVALID_CDB],
      ['ANCHOR of WRITE SAME', '93 10 00 00 00 00 00 00 00 05 00 00 00 01 00 00', INVALID_CDB],
      ['LBDATA', '41 02 00 00 00 05 00 00 01 00', INVALID_CDB],
      ['PBDATA', '41 04 00 00 00 05 00 00 01 00', INVALID_CDB],
      ['more blocks than the buffer holds', '2e 00 00 00 00 05 00 00 02 00', 'overrun 92 5/2400'],
      ['a list without its header', '42 00 00 00 00 00 00 00 07 00', LIST_LENGTH],
      ['saved pages', '15 11 00 00 18 00', INVALID_CDB],
      ['pages of another format', '15 00 00 00 18 00', INVALID_CDB],
      ['a FORMAT UNIT with parameters', '04 10 00 00 00 00', INVALID_OPCODE],
    ])('%s, and nothing is written', (_name, cdb, refusal) => {
      expect(senseOf(raw(w, cdb, { out: fill('77') }))).toBe(refusal)
      expect(sectorOf(disk, 5)).toBe(fill('00'))
    })

    test('ANCHOR of UNMAP', () => {
      const list = '0016' + '0010' + '00000000' + '0000000000000005' + '00000001' + '00000000'
      expect(senseOf(raw(w, '42 01 00 00 00 00 00 00 18 00', { out: list }))).toBe(INVALID_CDB)
      expect(senseOf(raw(w, '42 00 00 00 00 00 00 00 18 00', { out: list }))).toBe('good 1')
      const whole = world({ host: { luns: [{ disk, unmap: false }] }, guest: quiet })
      expect(senseOf(raw(whole, '42 00 00 00 00 00 00 00 18 00', { out: list }))).toBe(INVALID_OPCODE)
    })

    test('MODE SELECT changes nothing, so any other byte of a page, a descriptor or half a page is refused', () => {
      const select = (list: string): string =>
        senseOf(raw(w, `15 10 00 00 ${(list.length / 2).toString(16).padStart(2, '0')} 00`, { out: list }))
      const page = '0812' + '04' + '00'.repeat(17)
      expect(select('00000000' + page)).toBe('good 1')
      expect(select('00000000')).toBe('good 1')
      // RCD, a retention priority, another page.
      expect(select('00000000' + '0812' + '05' + '00'.repeat(17))).toBe('check-condition 86 5/2600')
      expect(select('00000000' + '0812' + '04' + '10' + '00'.repeat(16))).toBe('check-condition 86 5/2600')
      expect(select('00000000' + '0a0a' + '00'.repeat(10))).toBe('check-condition 86 5/2600')
      expect(select('00000008' + '00'.repeat(8) + page)).toBe('check-condition 86 5/2600')
      expect(select('00000000' + page.slice(0, 30))).toBe(LIST_LENGTH)
      expect(select('0000')).toBe(LIST_LENGTH)
    })

    test('well-known units are none', () => {
      expect(expectGood(raw(w, 'a0 00 01 00 00 00 00 00 00 10 00 00', { room: 16 }))).toBe('0000000000000000')
      expect(expectGood(raw(w, 'a0 00 02 00 00 00 00 00 00 10 00 00', { room: 16 }))).toBe(
        '0000000800000000' + '00'.repeat(8),
      )
    })
  })

  test('each guest hears once of another size', () => {
    const disk = memoryDisk('1M')
    const [a, b] = ['a', 'b'].map((initiator) => world({ host: { initiator, luns: [disk] }, guest: quiet }))
    if (a === undefined || b === undefined) return expect.unreachable()
    // The driver sends what a unit attention turned away again: so often the command crosses.
    const sent = (w: World): number => {
      w.trace.length = 0
      expect(senseOf(raw(w, '00 00 00 00 00 00'))).toBe('good 1')
      return w.trace.filter((event) => event.kind === 'packet' && event.to === 'host').length
    }
    disk.resize(4096)
    disk.resize(8192)
    expect([sent(a), sent(a), sent(b), sent(b), sent(a)]).toEqual([2, 1, 2, 1, 1])
    disk.resize(2048)
    const news = '700006000000000a000000002a09' + '00000000'
    expect(expectGood(raw(b, '03 00 00 00 12 00', { room: 18 }))).toBe(news)
    expect([sent(b), sent(a)]).toEqual([1, 2])
  })

  test('what a drive does not do, and where its data ends', () => {
    const w = world({ host: { luns: [{ dvd: memoryDisk('64K') }] }, guest: quiet })
    const REFUSED = 'check-condition 84 5/2400'
    expect(senseOf(raw(w, '1b 00 00 00 20 00'))).toBe(REFUSED)
    expect(senseOf(raw(w, '46 03 00 00 00 00 00 00 20 00', { room: 32 }))).toBe(REFUSED)
    expect(senseOf(raw(w, 'ad 00 00 00 00 00 01 00 00 08 00 00', { room: 8 }))).toBe(REFUSED)
    expect(senseOf(raw(w, '00 00 00 00 00 04'))).toBe(REFUSED)
    expect(expectGood(raw(w, '12 00 00 00 03 00', { room: 96 }))).toBe('058000')
    expect(expectGood(raw(w, '51 00 00 00 00 00 00 00 ff 00', { room: 34 }))).toHaveLength(68)
    expect(senseOf(raw(w, '28 00 00 00 00 00 00 00 02 00', { room: 2048 }))).toBe('overrun 12')
  })
})
