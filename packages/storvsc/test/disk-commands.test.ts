import { memoryDisk } from '@vmbus/disk'
import { describe, expect, test } from 'vitest'
import { expectGood, raw, senseOf } from './raw.ts'
import { worldsOf } from './world.ts'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  const world = worldsOf(interrupts)

  const IDENTITY = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index)
  /** 2048 sectors of 512 bytes. */
  const disk = (options: Parameters<typeof memoryDisk>[1] = {}) => memoryDisk('1M', { identity: IDENTITY, ...options })
  const quiet = { scan: false }
  const w = world({ host: { luns: [disk()] }, guest: quiet })
  const ask = (cdb: string, room: number): string => expectGood(raw(w, cdb, { room }))

  // Expected bytes are typed from SPC-4, SBC-3 and OpenVMM scsidisk, not computed.
  describe('INQUIRY', () => {
    const standard =
      '00000502' + '63000002' + '4d73667420202020' + '5669727475616c204469736b20202020' + '312e3020' + '00'.repeat(68)
    test('standard data, whole and cut', () => {
      expect(ask('12 00 00 00 68 00', 104)).toBe(standard)
      expect(ask('12 00 00 00 24 00', 36)).toBe(standard.slice(0, 72))
      expect(ask('12 00 00 00 ff 00', 255)).toBe(standard)
    })
    test('page 00 lists what there is', () => {
      expect(ask('12 01 00 00 ff 00', 255)).toBe('00000007' + '0083b0b1b2cecf')
    })
    test('page 83: T10 vendor and NAA from the identity', () => {
      expect(ask('12 01 83 00 ff 00', 255)).toBe(
        '00830030' +
          '01010018' +
          '4d73667420202020' +
          'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf' +
          '01030010' +
          '60022480' +
          'a0a1a2a3a4a5' +
          'aaabacadaeaf',
      )
    })
    test('page b0: UNMAP and WRITE SAME limits', () => {
      expect(ask('12 01 b0 00 ff 00', 255)).toBe(
        '00b0003c' +
          '00'.repeat(16) +
          'ffffffff' +
          '00001000' +
          '00000008' +
          '80000000' +
          '0000000000004000' +
          '00'.repeat(20),
      )
    })
    test('page b1: does not rotate; page b2: thin', () => {
      expect(ask('12 01 b1 00 40 00', 64)).toBe('00b1003c' + '0001' + '00'.repeat(58))
      expect(ask('12 01 b2 00 40 00', 64)).toBe('00b20004' + '01800200')
    })
    test('page 80 only with a serial number, cf is the virtual device', () => {
      expect(senseOf(raw(w, '12 01 80 00 ff 00', { room: 255 }))).toBe('check-condition 86 5/2400')
      const named = world({ host: { luns: [{ disk: disk(), serial: 'XY-1' }] }, guest: quiet })
      expect(expectGood(raw(named, '12 01 80 00 ff 00', { room: 255 }))).toBe('00800004' + '58592d31')
      expect(expectGood(raw(named, '12 01 00 00 ff 00', { room: 255 }))).toBe('00000008' + '008083b0b1b2cecf')
      expect(ask('12 01 cf 00 ff 00', 255)).toBe('00cf0014' + '01000000' + '158fa98928c98b4d94cdef51faa99d33')
    })
    test('what is refused', () => {
      for (const cdb of ['12 00 83 00 ff 00', '12 02 00 00 ff 00', '12 01 c9 00 ff 00']) {
        expect(senseOf(raw(w, cdb, { room: 255 }))).toBe('check-condition 86 5/2400')
      }
    })
  })

  describe('capacity and modes', () => {
    test('READ CAPACITY (10) and (16)', () => {
      expect(ask('25 00 00 00 00 00 00 00 00 00', 8)).toBe('000007ff' + '00000200')
      expect(ask('9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00', 32)).toBe(
        '00000000000007ff' + '00000200' + '00' + '00' + '8000' + '00'.repeat(16),
      )
      expect(senseOf(raw(w, '25 00 00 00 00 00 00 00 00 00', { room: 4 }))).toBe('overrun 92 5/2400')
      expect(senseOf(raw(w, '9e 12 00 00 00 00 00 00 00 00 00 00 00 20 00 00', { room: 32 }))).toBe(
        'check-condition 86 5/2400',
      )
    })
    test('512e and 4K native', () => {
      const long = '9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00'
      const e = world({ host: { luns: [disk({ physicalSectorSize: 4096 })] }, guest: quiet })
      expect(expectGood(raw(e, long, { room: 32 })).slice(0, 32)).toBe('00000000000007ff' + '00000200' + '00038000')
      const native = world({ host: { luns: [disk({ sectorSize: 4096 })] }, guest: quiet })
      expect(expectGood(raw(native, long, { room: 32 })).slice(0, 32)).toBe(
        '00000000000000ff' + '00001000' + '00008000',
      )
    })
    test('MODE SENSE (6) and (10): caching, write protection', () => {
      expect(ask('1a 08 3f 00 c0 00', 192)).toBe('17001000' + '0812' + '04' + '00'.repeat(17))
      expect(ask('1a 08 48 00 c0 00', 192)).toBe('17001000' + '0812' + '00' + '00'.repeat(17))
      expect(ask('5a 08 08 00 00 00 00 00 c0 00', 192)).toBe('001a001000000000' + '0812' + '04' + '00'.repeat(17))
      const readOnly = world({ host: { luns: [disk({ readOnly: true })] }, guest: quiet })
      expect(expectGood(raw(readOnly, '1a 08 08 00 04 00', { room: 4 }))).toBe('17009000')
      // Page 1C, a subpage, and saved values.
      expect(senseOf(raw(w, '1a 08 1c 00 c0 00', { room: 192 }))).toBe('check-condition 86 5/2400')
      expect(senseOf(raw(w, '1a 08 08 01 c0 00', { room: 192 }))).toBe('check-condition 86 5/2400')
      expect(senseOf(raw(w, '1a 08 c8 00 c0 00', { room: 192 }))).toBe('check-condition 86 5/3900')
    })
    test('MODE SELECT takes what is so already', () => {
      expect(senseOf(raw(w, '15 10 00 00 18 00', { out: '00000000' + '0812' + '04' + '00'.repeat(17) }))).toBe('good 1')
      expect(senseOf(raw(w, '15 10 00 00 18 00', { out: '00000000' + '0812' + '00' + '00'.repeat(17) }))).toBe(
        'check-condition 86 5/2600',
      )
      expect(senseOf(raw(w, '15 10 00 00 08 00', { out: '0000000008120400' }))).toBe('check-condition 86 5/1a00')
    })
  })

  describe('the rest of a disk', () => {
    test('commands that only succeed', () => {
      for (const cdb of [
        '00 00 00 00 00 00',
        '1b 00 00 00 01 00',
        '1b 00 00 00 00 00',
        '35 00 00 00 00 00 00 00 00 00',
        '91 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
        '2f 00 00 00 07 ff 00 00 01 00',
        '1e 00 00 00 01 00',
      ]) {
        expect(senseOf(raw(w, cdb))).toBe('good 1')
      }
    })
    test('unknown commands: among them MAINTENANCE IN, and reservations of a disk that is not shared', () => {
      expect(senseOf(raw(w, 'a3 0c 00 00 00 00 00 00 02 00 00 00', { room: 512 }))).toBe('check-condition 86 5/2000')
      expect(senseOf(raw(w, '5e 00 00 00 00 00 00 00 20 00', { room: 32 }))).toBe('check-condition 86 5/2000')
      expect(senseOf(raw(w, '89 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00'))).toBe('check-condition 86 5/2000')
    })
    test('addresses past the end', () => {
      const beyond = 'check-condition 86 5/2100'
      expect(senseOf(raw(w, '28 00 00 00 08 00 00 00 01 00', { room: 512 }))).toBe(beyond)
      expect(senseOf(raw(w, '28 00 00 00 07 ff 00 00 02 00', { room: 1024 }))).toBe(beyond)
      expect(senseOf(raw(w, '88 00 ff ff ff ff ff ff ff ff 00 00 00 01 00 00', { room: 512 }))).toBe(beyond)
      // Nothing at all, from where nothing is.
      expect(senseOf(raw(w, '28 00 00 00 08 00 00 00 00 00'))).toBe(beyond)
      // More than the buffer holds is no matter of the address.
      expect(senseOf(raw(w, '28 00 00 00 00 00 00 00 02 00', { room: 512 }))).toBe('overrun 92 5/2400')
      expect(senseOf(raw(w, '2f 00 00 00 08 00 00 00 01 00'))).toBe(beyond)
    })
    test('REQUEST SENSE tells the last failure, once', () => {
      raw(w, '28 00 00 00 08 00 00 00 01 00', { room: 512 })
      expect(ask('03 00 00 00 12 00', 18)).toBe('700005000000000a000000002100' + '00000000')
      expect(ask('03 00 00 00 12 00', 18)).toBe('700000000000000a000000000000' + '00000000')
    })
    test('a read-only disk', () => {
      const readOnly = world({ host: { luns: [disk({ readOnly: true })] }, guest: quiet })
      for (const cdb of ['2a 00 00 00 00 00 00 00 01 00', '41 00 00 00 00 00 00 00 01 00']) {
        expect(senseOf(raw(readOnly, cdb, { out: 'ab'.repeat(512) }))).toBe('check-condition 84 7/2700')
      }
    })
  })

  describe('reads and writes of every length', () => {
    const pattern = (seed: number): string =>
      Array.from({ length: 512 }, (_, i) => ((i * seed) & 0xff).toString(16).padStart(2, '0')).join('')
    test.each([
      ['6', '0a 00 00 11 01 00', '08 00 00 11 01 00'],
      ['10', '2a 00 00 00 00 12 00 00 01 00', '28 00 00 00 00 12 00 00 01 00'],
      ['10 with FUA', '2a 08 00 00 00 13 00 00 01 00', '28 08 00 00 00 13 00 00 01 00'],
      ['12', 'aa 00 00 00 00 14 00 00 00 01 00 00', 'a8 00 00 00 00 14 00 00 00 01 00 00'],
      ['16', '8a 00 00 00 00 00 00 00 00 15 00 00 00 01 00 00', '88 00 00 00 00 00 00 00 00 15 00 00 00 01 00 00'],
    ])('%s', (name, write, read) => {
      const data = pattern(name.length * 2 + 3)
      expect(senseOf(raw(w, write, { out: data }))).toBe('good 1')
      expect(ask(read, 512)).toBe(data)
    })

    test('WRITE SAME repeats a sector, zeros go back', () => {
      const data = pattern(5)
      expect(raw(w, '41 00 00 00 00 20 00 00 08 00', { out: data }).result).toMatchObject({
        outcome: 'good',
        transferred: 512,
      })
      expect(ask('28 00 00 00 00 27 00 00 01 00', 512)).toBe(data)
      expect(ask('28 00 00 00 00 28 00 00 01 00', 512)).toBe('00'.repeat(512))
      // With the unmap bit.
      expect(raw(w, '93 08 00 00 00 00 00 00 00 20 00 00 00 04 00 00', { out: '00'.repeat(512) }).result.outcome).toBe(
        'good',
      )
      expect(ask('28 00 00 00 00 23 00 00 01 00', 512)).toBe('00'.repeat(512))
      expect(ask('28 00 00 00 00 24 00 00 01 00', 512)).toBe(data)
      // Without data (NDOB).
      expect(raw(w, '93 09 00 00 00 00 00 00 00 24 00 00 00 04 00 00').result.outcome).toBe('good')
      expect(ask('28 00 00 00 00 24 00 00 01 00', 512)).toBe('00'.repeat(512))
      // 8 MiB at most.
      const large = world({ host: { luns: [memoryDisk('16M')] }, guest: quiet })
      expect(senseOf(raw(large, '93 00 00 00 00 00 00 00 00 00 00 00 40 01 00 00', { out: data }))).toBe(
        'check-condition 86 5/2400',
      )
    })

    test('UNMAP of two ranges, and lists that lie', () => {
      raw(w, '41 00 00 00 01 00 00 00 20 00', { out: pattern(7) })
      const list =
        '0026' +
        '0020' +
        '00000000' +
        '0000000000000100' +
        '00000008' +
        '00000000' +
        '0000000000000110' +
        '00000008' +
        '00000000'
      expect(senseOf(raw(w, '42 00 00 00 00 00 00 00 28 00', { out: list }))).toBe('good 1')
      expect(ask('28 00 00 00 01 00 00 00 01 00', 512)).toBe('00'.repeat(512))
      expect(ask('28 00 00 00 01 08 00 00 01 00', 512)).toBe(pattern(7))
      expect(ask('28 00 00 00 01 17 00 00 01 00', 512)).toBe('00'.repeat(512))
      const beyond = '0016' + '0010' + '00000000' + '00000000000007ff' + '00000002' + '00000000'
      expect(senseOf(raw(w, '42 00 00 00 00 00 00 00 18 00', { out: beyond }))).toBe('check-condition 86 5/2100')
      // A descriptor that the CDB cuts off, or that either length of the list leaves out, is none (SBC-3 5.28.2).
      expect(senseOf(raw(w, '42 00 00 00 00 00 00 00 10 00', { out: beyond }))).toBe('good 1')
      expect(senseOf(raw(w, '42 00 00 00 00 00 00 00 18 00', { out: '0006' + beyond.slice(4) }))).toBe('good 1')
      expect(senseOf(raw(w, '42 00 00 00 00 00 00 00 18 00', { out: '00160000' + beyond.slice(8) }))).toBe('good 1')
      expect(senseOf(raw(w, '42 00 00 00 00 00 00 00 18 00', { out: '0020' + beyond.slice(4) }))).toBe(
        'check-condition 86 5/2100',
      )
    })
  })

  describe('where nothing is', () => {
    const absent = { lun: 5 }
    test('INQUIRY succeeds with peripheral 7f; names only at LUN 0', () => {
      expect(expectGood(raw(w, '12 00 00 00 24 00', { room: 36, at: absent }))).toBe(
        '7f00050263000000' + '00'.repeat(28),
      )
      const none = world({ host: { luns: [{ disk: disk(), lun: 3 }] }, guest: quiet })
      expect(expectGood(raw(none, '12 00 00 00 24 00', { room: 36 }))).toBe(
        '7f00050263000000' + '4d73667420202020' + '5669727475616c204469736b20202020' + '312e3020',
      )
    })
    test('its pages are an invalid CDB, everything else an invalid LUN without sense', () => {
      expect(senseOf(raw(w, '12 01 83 00 ff 00', { room: 255, at: absent }))).toBe('check-condition 86 5/2400')
      expect(senseOf(raw(w, '00 00 00 00 00 00', { at: absent }))).toBe('no-connect 20')
      expect(senseOf(raw(w, '28 00 00 00 00 00 00 00 01 00', { room: 512, at: { path: 1 } }))).toBe('no-connect 20')
    })
    test('REPORT LUNS is the controller’s answer', () => {
      const many = world({
        host: {
          luns: [
            { disk: disk(), lun: 1 },
            { disk: disk(), lun: 63 },
            { disk: disk(), target: 1, lun: 2 },
          ],
        },
        guest: quiet,
      })
      const report = 'a0 00 00 00 00 00 00 00 10 00 00 00'
      expect(expectGood(raw(many, report, { room: 4096 }))).toBe(
        '00000010' + '00000000' + '0001000000000000' + '003f000000000000',
      )
      expect(expectGood(raw(many, report, { room: 4096, at: { target: 1 } }))).toBe(
        '00000008' + '00000000' + '0002000000000000',
      )
      expect(expectGood(raw(many, report, { room: 4096, at: { path: 1 } }))).toBe('00000000' + '00000000')
      expect(raw(many, report, { room: 4 }).result).toMatchObject({ outcome: 'good', transferred: 0 })
    })
    test('disks of one identity get names of their own', () => {
      const twins = world({ host: { luns: [disk(), disk()] } })
      const names = twins.driver.disks.map(({ wwn }) => wwn)
      expect(new Set(names).size).toBe(2)
      expect(names[0]).toBe('60022480a0a1a2a3a4a5aaabacadaeaf')
      expect(world({ host: { luns: [disk(), disk()] } }).driver.disks.map(({ wwn }) => wwn)).toEqual(names)
    })
  })
})
