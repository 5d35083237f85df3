import { memoryDisk, queued } from '@vmbus/disk'
import { INTERRUPT_MODES } from '@vmbus/testbench'
import { seeded } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { world, type World } from './world.ts'

const read = (lun: number) => ({
  lun,
  cdb: Uint8Array.of(0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0),
  direction: 'read' as const,
})

// Either end may run before a send of the other returns (README of @vmbus/hypervisor).
describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  test('each request goes out once, also when its owner asks for the next when one ends', () => {
    const asked: number[] = []
    let left = 5_000
    const w: World = world({
      interrupts,
      host: { luns: [memoryDisk('1M')] },
      guest: { scan: false, behaviour: { depth: 3 } },
      quiet: true,
      onComplete: () => {
        if (left-- > 0) asked.push(w.driver.submit({ ...read(0), buffer }))
      },
    })
    const buffer = w.allocate(512)
    // More than its ids.
    for (let index = 0; index < 8; index++) asked.push(w.driver.submit({ ...read(0), buffer }))
    w.settle()
    expect(w.ends.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(asked)
    expect(asked).toHaveLength(5_008)
    expect(w.diagnostics).toEqual([])
  })

  test('a batch behind a plug costs one signal each way, and one that is more than the ring holds ends well', () => {
    const w = world({ interrupts, host: { luns: [memoryDisk('1M')] }, guest: { scan: false, subchannels: 0 }, vps: 1 })
    const buffer = w.allocate(512)
    const batch = (requests: number): { readonly [to: string]: number } => {
      w.trace.length = w.ends.length = 0
      w.driver.plug(() => {
        for (let index = 0; index < requests; index++) w.driver.submit({ ...read(0), buffer })
        expect(w.trace).toEqual([])
      })
      w.settle()
      expect(w.ends.map(({ result }) => result.outcome)).toEqual(Array.from({ length: requests }, () => 'good'))
      const signals = (to: string): number =>
        w.trace.filter((event) => event.kind === 'signal' && event.to === to).length
      return { host: signals('host'), guest: signals('guest') }
    }
    expect(batch(32)).toEqual({ host: 1, guest: 1 })
    batch(2_000)
    expect(() =>
      w.driver.plug(() => {
        w.driver.submit({ ...read(0), buffer })
        throw new Error('stopped')
      }),
    ).toThrow('stopped')
    w.settle()
    expect(w.ends).toHaveLength(2_001)
  })

  test('a request never ends within the call that made it', () => {
    const known = new Set<number>()
    const early: number[] = []
    const w = world({
      interrupts,
      host: { luns: [memoryDisk('1M')] },
      guest: { scan: false },
      onComplete: (id) => {
        if (!known.has(id)) early.push(id)
      },
    })
    for (let index = 0; index < 20; index++) known.add(w.driver.submit({ ...read(0), buffer: w.allocate(512) }))
    // Of a unit that is not there, and one that its version cannot take.
    known.add(w.driver.submit(read(9)))
    known.add(w.driver.submit({ ...read(0), buffer: w.allocate(1 << 20) }))
    w.settle()
    expect([early, w.ends.length]).toEqual([[], 22])
  })

  test('the bus is reset as often as it is asked for, once at a time', () => {
    const w = world({ interrupts, host: { luns: [] } })
    const resets = (): number =>
      w.trace.filter((event) => event.kind === 'packet' && event.to === 'host' && event.bytes[16] === 6).length
    w.driver.reset()
    w.settle()
    w.driver.reset()
    w.driver.reset()
    w.settle()
    expect(resets()).toBe(2)
  })

  test('units that come while the guest is told of others are found', () => {
    const w: World = world({
      interrupts,
      host: { luns: [] },
      guest: {
        onBusChange: () => {
          if (w.host.luns.length < 5) w.host.addLun(memoryDisk('64K'))
        },
      },
    })
    w.host.addLun(memoryDisk('64K'))
    w.settle()
    expect(w.driver.disks.map(({ lun }) => lun)).toEqual([0, 1, 2, 3, 4])
  })

  test('a small ring loses no answer while answers that waited for room are sent', () => {
    const disk = queued(memoryDisk('1M'), { seed: seeded(2), minDelay: 100, maxDelay: 200 })
    let left = 2000
    const w: World = world({
      interrupts,
      host: { luns: [disk], subchannels: 0 },
      guest: { scan: false, behaviour: { ringPages: 2, depth: 400 } },
      quiet: true,
      onComplete: () => {
        if (left-- > 0) w.driver.submit({ ...read(0), buffer })
      },
    })
    const buffer = w.allocate(512)
    for (let index = 0; index < 400; index++) w.driver.submit({ ...read(0), buffer })
    w.settle()
    expect([w.ends.length, w.driver.inFlight, w.driver.waiting, w.host.inFlight]).toEqual([2400, 0, 0, 0])
    expect(new Set(w.ends.map(({ id }) => id)).size).toBe(2400)
  })

  test('saved and restored after each step, nothing is different', () => {
    const run = (saves: 'never' | 'each step') => {
      const disk = queued(memoryDisk('1M'), { seed: seeded(2), minDelay: 100, maxDelay: 5000 })
      const w = world({
        interrupts,
        saves,
        host: { luns: [disk, memoryDisk('64K'), { dvd: undefined }], subchannels: 1 },
        guest: { behaviour: { ringPages: 3 } },
        vps: 2,
        pages: 256,
      })
      const buffer = w.allocate(8192, 100)
      for (let index = 0; index < 40; index++) w.driver.submit({ ...read(index % 3), buffer })
      w.driver.flush({})
      w.settle()
      const { ends, trace } = w
      return { ends, crossed: trace.map((event) => ('bytes' in event ? Buffer.from(event.bytes).toString('hex') : '')) }
    }
    const never = run('never')
    expect(never.ends).toHaveLength(41)
    expect(run('each step')).toEqual(never)
  })
})
