import { faultInjectingDisk, memoryDisk, queued } from '@vmbus/disk'
import { seeded } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { expectGood, raw, senseOf } from './raw.ts'
import { worldsOf } from './world.ts'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  const world = worldsOf(interrupts)

  const slow = (seed = 1) => queued(memoryDisk('1M'), { seed: seeded(seed), minDelay: 1000, maxDelay: 9000 })

  describe('units that come and go', () => {
    test('hot add and remove are told by ENUMERATE_BUS', () => {
      const w = world({ host: { luns: [memoryDisk('1M')] } })
      expect(w.host.addLun(memoryDisk('2M'))).toEqual({ path: 0, target: 0, lun: 1 })
      w.settle()
      expect(w.disks.map(({ lun, sectors }) => [lun, sectors])).toEqual([
        [0, 2048],
        [1, 4096],
      ])
      w.host.removeLun({ lun: 0 })
      w.settle()
      expect(w.gone.map(({ lun }) => lun)).toEqual([0])
      expect(w.driver.disks.map(({ lun }) => lun)).toEqual([1])
      expect(() => w.host.removeLun({ lun: 0 })).toThrow(expect.objectContaining({ code: 'VMBUS_STORVSC_LUN' }))
      expect(() => w.host.addLun({ disk: memoryDisk('1M'), lun: 1 })).toThrow(
        expect.objectContaining({ code: 'VMBUS_STORVSC_LUN' }),
      )
      expect(() => w.host.addLun({ disk: memoryDisk('1M'), lun: 256 })).toThrow(
        expect.objectContaining({ code: 'VMBUS_STORVSC_OPTIONS' }),
      )
    })

    test('version 2.0 is told nothing', () => {
      const w = world({ host: { luns: [] }, settings: { versions: [0x0200] } })
      w.host.addLun(memoryDisk('1M'))
      w.settle()
      expect(w.disks).toEqual([])
      w.driver.scan()
      w.settle()
      expect(w.disks).toHaveLength(1)
    })

    test('removed while requests wait for its disk: each ends, once', () => {
      const w = world({ host: { luns: [slow()] } })
      const range = w.allocate(4096)
      const ids = Array.from({ length: 50 }, (_, index) => w.driver.read({}, index * 8, range))
      for (let count = 0; w.host.inFlight < 20 && count < 100; count++) w.step()
      expect(w.host.inFlight).toBeGreaterThan(0)
      w.host.removeLun({})
      w.settle()
      expect(w.ends.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(ids)
      expect(new Set(w.ends.map(({ result }) => result.outcome))).toEqual(new Set(['no-connect']))
      expect([w.driver.disks, w.driver.inFlight, w.host.inFlight]).toEqual([[], 0, 0])
    })

    test('a resize is told with the next command, and the request is not lost', () => {
      const disk = memoryDisk('1M')
      const w = world({ host: { luns: [disk] } })
      disk.resize(4096)
      const range = w.allocate(512)
      expect(w.result(w.driver.read({}, 0, range)).outcome).toBe('good')
      expect(w.driver.disks[0]?.sectors).toBe(4096)
      expect(w.disks.at(-1)?.sectors).toBe(4096)
      expect(w.result(w.driver.read({}, 4095, range)).outcome).toBe('good')
      disk.resize(1024)
      expect(senseOf(raw(w, '03 00 00 00 12 00', { room: 18 }))).toBe('good 1')
      expect(senseOf(raw(w, '28 00 00 00 08 00 00 00 01 00', { room: 512 }))).toBe('check-condition 86 5/2100')
    })

    test('256 units on a path, each with its name', () => {
      const w = world({ host: { luns: Array.from({ length: 256 }, () => memoryDisk('64K')) } })
      expect(w.driver.disks).toHaveLength(256)
      expect(new Set(w.driver.disks.map(({ wwn }) => wwn)).size).toBe(256)
    })
  })

  describe('a controller that goes', () => {
    test('rescind ends every request, and pages return', () => {
      const w = world({ host: { luns: [slow()] } })
      const { driver } = w
      const range = w.allocate(4096)
      const ids = Array.from({ length: 400 }, (_, index) => driver.read({}, index, range))
      while (w.ends.length < 30) w.step()
      w.handle.rescind()
      w.settle()
      expect(w.ends.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(ids)
      // The host answers what its disk has; what the driver had yet to send ends with it. None is cut off.
      // A guest that is interrupted at once sends all it has while it is still answered.
      const outcomes = interrupts === 'immediate' ? ['good', 'no-connect'] : ['good', 'no-connect', 'aborted']
      expect(new Set(w.ends.map(({ result }) => result.outcome))).toEqual(new Set(outcomes))
      expect([driver.phase, driver.inFlight, driver.waiting, driver.disks.length]).toEqual(['gone', 0, 0, 0])
      w.free(range)
      // Nobody would be left to end it.
      expect(() => driver.submit({ cdb: Uint8Array.of(0, 0, 0, 0, 0, 0) })).toThrow(
        expect.objectContaining({ code: 'VMBUS_STORVSC_REQUEST' }),
      )
    })

    test('suspend and resume repeat the whole set-up', () => {
      const w = world({ host: { luns: [memoryDisk('1M')] } })
      const range = w.allocate(512)
      w.guestBus.suspend()
      w.settle()
      const queuedUp = w.driver.read({}, 3, range)
      w.guestBus.resume()
      expect(w.result(queuedUp).outcome).toBe('good')
      expect([w.driver.phase, w.driver.version, w.driver.channels]).toEqual(['ready', 0x0602, 4])
      w.driver.reset()
      w.settle()
      expect(w.diagnostics).toEqual([])
    })

    test('a host that never answers set-up is given up after the timeout', () => {
      const w = world({ host: { luns: [] }, settings: { versions: [] } })
      expect(w.driver.phase).toBe('failed')
      const id = w.driver.submit({ cdb: Uint8Array.of(0, 0, 0, 0, 0, 0) })
      expect(w.result(id).outcome).toBe('error')
    })
  })

  describe('rings', () => {
    test('more than they hold is delayed, never lost', () => {
      const w = world({
        host: { luns: [memoryDisk('1M')], subchannels: 0 },
        guest: { behaviour: { ringPages: 2, depth: 1000 } },
      })
      const range = w.allocate(4096)
      const ids = Array.from({ length: 900 }, (_, index) => w.driver.read({}, index, range))
      w.settle()
      expect(w.ends.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(ids)
      expect(w.ends.every(({ result }) => result.outcome === 'good')).toBe(true)
    })

    test('without pending_send_size completions carry on, as in Linux', () => {
      const w = world({
        host: { luns: [slow()], subchannels: 0 },
        guest: { behaviour: { ringPages: 2, asksForRoom: false, depth: 500 } },
      })
      const range = w.allocate(4096)
      for (let index = 0; index < 300; index++) w.driver.read({}, index, range)
      w.settle()
      expect(w.ends).toHaveLength(300)
    })

    test('requests spread over the channels, and are answered on their own', () => {
      const w = world({ host: { luns: [memoryDisk('1M')] } })
      w.trace.length = 0
      const range = w.allocate(512)
      for (let index = 0; index < 40; index++) w.driver.read({}, index, range)
      w.settle()
      const asked = new Map<number, number>()
      const answered = new Map<number, number>()
      for (const event of w.trace) {
        if (event.kind !== 'packet') continue
        const map = event.to === 'host' ? asked : answered
        map.set(event.relid, (map.get(event.relid) ?? 0) + 1)
      }
      expect(asked).toEqual(new Map([...asked.keys()].map((relid) => [relid, 10])))
      expect(asked.size).toBe(4)
      w.settle()
      expect(w.ends).toHaveLength(40)
    })
  })

  describe('other controllers', () => {
    test('IDE accelerator: address in the instance, one unit, no sub-channels', () => {
      const w = world({
        host: { controller: 'ide', instanceId: '00000001-0001-8899-0000-000000000000', luns: [memoryDisk('1M')] },
      })
      expect(w.driver.disks.map(({ path, target, lun }) => [path, target, lun])).toEqual([[0, 1, 0]])
      expect(w.driver.channels).toBe(1)
      const range = w.allocate(512)
      expect(w.result(w.driver.read({ target: 1 }, 0, range)).outcome).toBe('good')
      expect(() => world({ host: { controller: 'ide', luns: [] } })).toThrow(
        expect.objectContaining({ code: 'VMBUS_STORVSC_OPTIONS' }),
      )
    })

    test('Fibre Channel: world wide names, units on far targets', () => {
      const wwn = {
        port: Uint8Array.of(0xc0, 3, 0xff, 1, 2, 3, 4, 5),
        node: Uint8Array.of(0xc0, 3, 0xff, 1, 2, 3, 0xff, 0xff),
      }
      const w = world({
        host: { controller: 'fc', wwn, luns: [{ disk: memoryDisk('1M'), path: 2, target: 100, lun: 7 }] },
      })
      expect(w.driver.wwn).toEqual({ port: 'c003ff0102030405', node: 'c003ff010203ffff' })
      expect(w.driver.disks.map(({ path, target, lun }) => [path, target, lun])).toEqual([[2, 100, 7]])
    })
  })

  describe('a DVD drive', () => {
    const medium = (fill: number) => {
      const disk = memoryDisk('64K')
      disk.write(0, [new Uint8Array(65536).fill(fill)])
      return disk
    }
    const make = (dvd = medium(7) as ReturnType<typeof medium> | undefined) => world({ host: { luns: [{ dvd }] } })

    test('is found, read and described', () => {
      const w = make()
      expect(w.driver.disks[0]).toMatchObject({ deviceType: 5, vendor: 'Msft', product: 'Virtual DVD-ROM' })
      expect(expectGood(raw(w, '25 00 00 00 00 00 00 00 00 00', { room: 8 }))).toBe('0000001f' + '00000800')
      expect(expectGood(raw(w, '28 00 00 00 00 1f 00 00 01 00', { room: 2048 }))).toBe('07'.repeat(2048))
      expect(senseOf(raw(w, '28 00 00 00 00 20 00 00 01 00', { room: 2048 }))).toBe('check-condition 84 5/2100')
      expect(expectGood(raw(w, '43 00 00 00 00 00 00 00 14 00', { room: 20 }))).toBe(
        '08020101' + '0014010000000000' + '0014aa000000001f',
      )
      expect(expectGood(raw(w, '46 02 00 10 00 00 00 00 20 00', { room: 32 }))).toBe(
        '0000001400000010' + '00100108' + '0000080000100100',
      )
      expect(expectGood(raw(w, 'ad 00 00 00 00 00 00 01 00 08 00 00', { room: 8 }))).toBe('0006000000000000')
      expect(senseOf(raw(w, '2a 00 00 00 00 00 00 00 01 00', { out: '00'.repeat(2048) }))).toBe(
        'check-condition 84 5/2000',
      )
    })

    test('is emptied by the guest, filled by the host, and tells of it', () => {
      const w = make()
      const status = (): string => expectGood(raw(w, '4a 01 00 00 10 00 00 00 08 00', { room: 8 }))
      expect(status()).toBe('0006047e' + '00020000')
      expect(senseOf(raw(w, '1e 00 00 00 01 00'))).toBe('good 1')
      expect(senseOf(raw(w, '1b 00 00 00 02 00'))).toBe('check-condition 84 5/5302')
      expect(senseOf(raw(w, '1e 00 00 00 00 00'))).toBe('good 1')
      expect(senseOf(raw(w, '1b 00 00 00 02 00'))).toBe('good 1')
      expect(w.events.at(-1)).toEqual({ name: 'ejected', detail: { path: 0, target: 0, lun: 0 } })
      expect(status()).toBe('0006047e' + '03010000')
      expect(senseOf(raw(w, '00 00 00 00 00 00'))).toBe('check-condition 84 2/3a02')
      expect(senseOf(raw(w, '28 00 00 00 00 00 00 00 01 00', { room: 2048 }))).toBe('check-condition 84 2/3a02')
      w.host.changeMedium({}, medium(9))
      expect(status()).toBe('0006047e' + '02020000')
      const ready = (): string => senseOf(raw(w, '00 00 00 00 00 00'))
      expect([ready(), ready()]).toEqual(['check-condition 84 6/2800', 'good 1'])
      expect(expectGood(raw(w, '28 00 00 00 00 00 00 00 01 00', { room: 2048 }))).toBe('09'.repeat(2048))
      w.host.changeMedium({}, medium(8))
      // Room for the header alone is no room for the event.
      expect(expectGood(raw(w, '4a 01 00 00 10 00 00 00 04 00', { room: 4 }))).toBe('0006047e')
      expect([status(), status()]).toEqual(['0006047e' + '03020000', '0006047e' + '02020000'])
      expect(expectGood(raw(w, '03 00 00 00 12 00', { room: 18 }))).toBe('700006000000000a000000002800' + '00000000')
      expect(ready()).toBe('good 1')
      w.host.pressEject({})
      expect(status()).toBe('0006047e' + '01020000')
    })

    test('takes only media whose sectors fit', () => {
      expect(() => world({ host: { luns: [{ dvd: memoryDisk('64K', { sectorSize: 4096 }) }] } })).toThrow(
        expect.objectContaining({ code: 'VMBUS_STORVSC_OPTIONS' }),
      )
    })
  })

  test('an error of the disk is an error in the guest, and leaves no word in a log', () => {
    const disk = faultInjectingDisk(memoryDisk('1M'))
    const w = world({ host: { luns: [disk] } })
    disk.inject({ status: 'medium-error' })
    const range = w.allocate(512)
    for (let index = 0; index < 500; index++) w.driver.read({}, index, range)
    expect(w.result(w.driver.flush({}))).toMatchObject({ outcome: 'check-condition', sense: { key: 3, asc: 0 } })
    expect(w.ends).toHaveLength(501)
    expect(w.ends.every(({ result }) => result.outcome === 'check-condition')).toBe(true)
    expect(w.diagnostics).toEqual([])
  })
})
