import { memoryDisk, queued } from '@vmbus/disk'
import { seeded } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { persistentReservations } from '../src/index.ts'
import { expectGood, raw, senseOf } from './raw.ts'
import { worldsOf, type World } from './world.ts'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  const world = worldsOf(interrupts)

  const Action = { register: 0, reserve: 1, release: 2, clear: 3, preempt: 4, preemptAndAbort: 5, ignore: 6 } as const
  const hex = (value: number): string => value.toString(16).padStart(2, '0')

  /** PERSISTENT RESERVE OUT; keys are short hexadecimal numbers. */
  function out(w: World, action: keyof typeof Action, type: number, key: string, serviceKey = ''): string {
    const parameters = key.padStart(16, '0') + serviceKey.padStart(16, '0') + '00'.repeat(8)
    return senseOf(raw(w, `5f ${hex(Action[action])} ${hex(type)} 00 00 00 00 00 18 00`, { out: parameters }))
  }
  const write = (w: World): string => senseOf(raw(w, '2a 00 00 00 00 00 00 00 01 00', { out: 'cc'.repeat(512) }))
  const read = (w: World): string => senseOf(raw(w, '28 00 00 00 00 00 00 00 01 00', { room: 512 }))
  const ready = (w: World): string => senseOf(raw(w, '00 00 00 00 00 00'))
  const CONFLICT = 'reservation-conflict 4'

  /** Three guests with one disk, each registered with its own key: aa, bb, cc. */
  function shared(registered = true) {
    const reservations = persistentReservations()
    const disk = memoryDisk('1M')
    const guest = (initiator: string): World =>
      world({ host: { initiator, luns: [{ disk, reservations }] }, guest: { scan: false } })
    const all = { reservations, disk, a: guest('a'), b: guest('b'), c: guest('c') }
    if (registered)
      for (const [w, key] of [
        [all.a, 'aa'],
        [all.b, 'bb'],
        [all.c, 'cc'],
      ] as const)
        expect(out(w, 'register', 0, '', key)).toBe('good 1')
    return all
  }

  // Expected values are typed from SPC-4 5.12, 6.16 and 6.17.
  test('one guest keeps the other out until it is preempted, and the one that loses is told once', () => {
    const { a, b, reservations } = shared(false)
    expect(out(a, 'reserve', 1, 'aa')).toBe(CONFLICT)
    expect(out(a, 'register', 0, '', 'aa')).toBe('good 1')
    expect(out(b, 'ignore', 0, '', 'bb')).toBe('good 1')
    expect(out(a, 'reserve', 1, 'aa')).toBe('good 1')
    expect([write(a), write(b), read(b)]).toEqual(['good 1', CONFLICT, 'good 1'])
    expect(expectGood(raw(a, '5e 00 00 00 00 00 00 00 40 00', { room: 64 }))).toBe(
      '00000002' + '00000010' + '00000000000000aa' + '00000000000000bb',
    )
    // Four bytes of it, and none.
    expect(expectGood(raw(a, '5e 00 00 00 00 00 00 00 04 00', { room: 64 }))).toBe('00000002')
    expect(expectGood(raw(a, '5e 00 00 00 00 00 00 00 00 00', { room: 64 }))).toBe('')
    expect(expectGood(raw(b, '5e 01 00 00 00 00 00 00 40 00', { room: 64 }))).toBe(
      '00000002' + '00000010' + '00000000000000aa' + '00000000' + '00010000',
    )
    expect(expectGood(raw(b, '5e 02 00 00 00 00 00 00 08 00', { room: 8 }))).toBe(
      '0008' + '05' + '80' + 'ea' + '01' + '0000',
    )
    expect(out(b, 'preempt', 3, 'bb', 'aa')).toBe('good 1')
    expect(write(b)).toBe('good 1')
    expect([write(a), write(a), read(a)]).toEqual(['check-condition 84 6/2a05', CONFLICT, CONFLICT])
    expect(out(b, 'release', 1, 'bb')).toBe('check-condition 86 5/2604')
    expect(out(b, 'release', 3, 'bb')).toBe('good 1')
    expect(write(a)).toBe('good 1')
    const restored = persistentReservations()
    restored.restore(reservations.save())
    expect(restored.state).toEqual(reservations.state)
  })

  test('who releases what registrants share tells the others, who clears tells all', () => {
    const { a, b, c } = shared()
    expect(out(a, 'reserve', 5, 'aa')).toBe('good 1')
    expect([write(b), write(c)]).toEqual(['good 1', 'good 1'])
    expect(out(a, 'release', 5, 'aa')).toBe('good 1')
    expect([ready(a), ready(b), ready(b), ready(c)]).toEqual([
      'good 1',
      'check-condition 84 6/2a04',
      'good 1',
      'check-condition 84 6/2a04',
    ])
    // The holder alone loses nothing to others when it releases what is its own.
    expect(out(a, 'reserve', 1, 'aa')).toBe('good 1')
    expect(out(a, 'release', 1, 'aa')).toBe('good 1')
    expect([ready(b), ready(c)]).toEqual(['good 1', 'good 1'])
    // A holder that takes its registration back releases as well.
    expect(out(a, 'reserve', 6, 'aa')).toBe('good 1')
    expect(out(a, 'register', 0, 'aa', '')).toBe('good 1')
    expect([ready(b), ready(c)]).toEqual(['check-condition 84 6/2a04', 'check-condition 84 6/2a04'])
    expect(out(b, 'clear', 0, 'bb')).toBe('good 1')
    expect([ready(b), ready(a), ready(c), ready(c)]).toEqual([
      'good 1',
      'good 1',
      'check-condition 84 6/2a03',
      'good 1',
    ])
    expect(out(c, 'reserve', 1, 'cc')).toBe(CONFLICT)
  })

  test('a preemption that changes the type tells those that stay registered, too', () => {
    const { a, b, c } = shared()
    expect(out(a, 'reserve', 5, 'aa')).toBe('good 1')
    expect(out(b, 'preempt', 3, 'bb', 'aa')).toBe('good 1')
    expect([ready(a), ready(c), ready(c)]).toEqual(['check-condition 84 6/2a05', 'check-condition 84 6/2a04', 'good 1'])
    // Key 0 is nobody's, unless all registrants hold it.
    expect(out(b, 'preempt', 3, 'bb', '0')).toBe('check-condition 86 5/2600')
    expect(out(b, 'preempt', 3, 'bb', 'dd')).toBe(CONFLICT)
    // INQUIRY and REQUEST SENSE are not stopped; the latter tells it.
    expect(out(b, 'preempt', 3, 'bb', 'cc')).toBe('good 1')
    expect(senseOf(raw(c, '12 00 00 00 24 00', { room: 36 }))).toBe('good 1')
    expect(expectGood(raw(c, '03 00 00 00 12 00', { room: 18 }))).toBe('700006000000000a000000002a05' + '00000000')
    expect(ready(c)).toBe('good 1')
  })

  test('news of a reservation is saved with it', () => {
    const { a, b, c, reservations } = shared()
    expect(out(b, 'clear', 0, 'bb')).toBe('good 1')
    const saved = reservations.save()
    expect(ready(a)).toBe('check-condition 84 6/2a03')
    reservations.restore(saved)
    expect([ready(a), ready(a), ready(c)]).toEqual(['check-condition 84 6/2a03', 'good 1', 'check-condition 84 6/2a03'])
  })

  test('commands that change the unit are kept out, those that only look at it are not (SPC-4 table 67)', () => {
    const { a, b, c } = shared()
    expect(out(a, 'reserve', 1, 'aa')).toBe('good 1')
    for (const cdb of [
      '1b 00 00 00 00 00',
      '1d 04 00 00 00 00',
      '1e 00 00 00 01 00',
      '35 00 00 00 00 00 00 00 00 00',
      '93 09 00 00 00 00 00 00 00 00 00 00 00 01 00 00',
    ])
      expect(senseOf(raw(b, cdb))).toBe(CONFLICT)
    expect(senseOf(raw(b, '2e 00 00 00 00 00 00 00 01 00', { out: '00'.repeat(512) }))).toBe(CONFLICT)
    for (const cdb of ['00 00 00 00 00 00', '1b 00 00 00 01 00', '1e 00 00 00 00 00', '2f 00 00 00 00 00 00 00 01 00'])
      expect(senseOf(raw(b, cdb))).toBe('good 1')
    expect(expectGood(raw(c, '25 00 00 00 00 00 00 00 00 00', { room: 8 }))).toBe('000007ff' + '00000200')
  })

  test('RESERVE and RELEASE of SPC-2 are refused, not taken without effect', () => {
    const { a } = shared()
    for (const cdb of ['16 00 00 00 00 00', '17 00 00 00 00 00'])
      expect(senseOf(raw(a, cdb))).toBe('check-condition 86 5/2000')
  })

  test('PREEMPT AND ABORT ends what the victim has under way, and none of it is done afterwards', () => {
    const reservations = persistentReservations()
    const disk = memoryDisk('1M')
    const queue = queued(disk, { seed: seeded(3), minDelay: 1000, depth: 2 })
    const a = world({ host: { initiator: 'a', luns: [{ disk: queue, reservations }] }, guest: { scan: false } })
    const b = world({ host: { initiator: 'b', luns: [{ disk, reservations }] }, guest: { scan: false } })
    expect(out(a, 'register', 0, '', 'aa')).toBe('good 1')
    expect(out(b, 'register', 0, '', 'bb')).toBe('good 1')
    expect(out(a, 'reserve', 3, 'aa')).toBe('good 1')
    const before = a.ends.length
    const range = a.allocate(512)
    a.put(range, new Uint8Array(512).fill(0xee))
    for (let sector = 0; sector < 8; sector++) {
      const cdb = Uint8Array.of(0x2a, 0, 0, 0, 0, sector, 0, 0, 1, 0)
      a.driver.submit({ cdb, direction: 'write', buffer: range })
    }
    expect(a.host.inFlight).toBe(8)
    expect(out(b, 'preemptAndAbort', 3, 'bb', 'aa')).toBe('good 1')
    expect(a.host.inFlight).toBe(0)
    a.settle()
    // SRB ABORTED (02), SCSI TASK ABORTED (40).
    expect(a.ends.slice(before).map(({ result: { srbStatus, scsiStatus } }) => [srbStatus, scsiStatus])).toEqual(
      Array.from({ length: 8 }, () => [0x02, 0x40]),
    )
    const stored = new Uint8Array(8 * 512)
    disk.read(0, [stored])
    expect(Array.from({ length: 8 }, (_, sector) => stored[sector * 512])).toEqual([0xee, 0xee, 0, 0, 0, 0, 0, 0])
    expect([write(a), write(a), write(b)]).toEqual(['check-condition 84 6/2a05', CONFLICT, 'good 1'])
  })
})
