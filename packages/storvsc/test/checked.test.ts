import type { GuestMemory } from '@vmbus/hypervisor'
import { memoryDisk, queued } from '@vmbus/disk'
import { plainCopy, seeded } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { persistentReservations, storvsc, type StorvscGuestOptions, type StorvscHostOptions } from '../src/index.ts'
import { guestBuffer } from '../src/host/guest-buffer.ts'
import { world, type World } from './world.ts'

/** What is thrown: code, field and what would do. */
function refusal(act: () => unknown): unknown[] {
  try {
    act()
  } catch (error) {
    const { code, field, allowed } = error as { code?: string; field?: string; allowed?: string }
    return [code, field, allowed]
  }
  return []
}

/** Options as plain JavaScript gives them. */
const host = (options: Record<string, unknown>) => () => storvsc(options as unknown as StorvscHostOptions)

describe('options', () => {
  const disk = memoryDisk('64K')
  test.each<[string, () => unknown, string, string]>([
    ['a misspelt name', host({ luns: [], subchannel: 1 }), 'VMBUS_OPTIONS_INVALID', 'storvsc.subchannel'],
    ['no units', host({}), 'VMBUS_OPTIONS_INVALID', 'storvsc.luns'],
    ['no controller', host({ luns: [], controller: 'sata' }), 'VMBUS_OPTIONS_INVALID', 'storvsc.controller'],
    ['NaN', host({ luns: [], maxTransferBytes: Number.NaN }), 'VMBUS_OPTIONS_INVALID', 'storvsc.maxTransferBytes'],
    ['too small', host({ luns: [], maxTransferBytes: 512 }), 'VMBUS_OPTIONS_INVALID', 'storvsc.maxTransferBytes'],
    ['no GUID', host({ luns: [], instanceId: 'x' }), 'VMBUS_OPTIONS_INVALID', 'storvsc.instanceId'],
    [
      'seven bytes',
      host({ luns: [], wwn: { port: new Uint8Array(7), node: new Uint8Array(8) } }),
      'VMBUS_OPTIONS_INVALID',
      'storvsc.wwn.port',
    ],
    ['no disk', host({ luns: [{ dsk: disk }] }), 'VMBUS_OPTIONS_INVALID', 'storvsc.luns[0]'],
    ['a misspelt name of a unit', host({ luns: [{ disk, lnu: 1 }] }), 'VMBUS_OPTIONS_INVALID', 'storvsc.luns[0].lnu'],
    ['a LUN that is NaN', host({ luns: [{ disk, lun: Number.NaN }] }), 'VMBUS_OPTIONS_INVALID', 'storvsc.luns[0].lun'],
    [
      'a short identity',
      host({ luns: [{ disk, identity: new Uint8Array(8) }] }),
      'VMBUS_OPTIONS_INVALID',
      'storvsc.luns[0].identity',
    ],
    ['no medium', host({ luns: [{ dvd: 'disc.iso' }] }), 'VMBUS_OPTIONS_INVALID', 'storvsc.luns[0].dvd'],
  ])('%s', (_name, act, code, field) => {
    expect(refusal(act).slice(0, 2)).toEqual([code, field])
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['a misspelt name', { onDone: () => undefined }, 'storvsc.driver.onDone'],
    ['no function', { onComplete: 1 }, 'storvsc.driver.onComplete'],
    ['depth 0', { behaviour: { depth: 0 } }, 'storvsc.driver.behaviour.depth'],
    ['NaN pages', { behaviour: { ringPages: Number.NaN } }, 'storvsc.driver.behaviour.ringPages'],
    ['a version that is no number', { versions: ['6.2'] }, 'storvsc.driver.versions[0]'],
  ])('of the driver: %s', (_name, options, field) => {
    expect(refusal(() => storvsc.driver(options as StorvscGuestOptions)).slice(0, 2)).toEqual([
      'VMBUS_OPTIONS_INVALID',
      field,
    ])
  })

  test('of calls', () => {
    const w = world({ host: { luns: [disk] }, guest: { scan: false } })
    expect(refusal(() => w.host.addLun({ disk, lnu: 1 } as never)).slice(0, 2)).toEqual([
      'VMBUS_OPTIONS_INVALID',
      'storvsc.addLun.lnu',
    ])
    expect(refusal(() => w.host.removeLun({ lun: Number.NaN })).slice(0, 2)).toEqual([
      'VMBUS_OPTIONS_INVALID',
      'storvsc address.lun',
    ])
    expect(w.host.luns).toHaveLength(1)
  })
})

describe('saved states', () => {
  const busy = (): World => {
    const disk = queued(memoryDisk('1M'), { seed: seeded(1), minDelay: 5000, depth: 2 })
    const w = world({ host: { luns: [disk, { dvd: memoryDisk('64K') }] } })
    const range = w.allocate(4096)
    for (let index = 0; index < 6; index++) w.driver.read({}, index * 8, range)
    while (w.host.inFlight < 6) w.step()
    return w
  }
  const w = busy()
  const ends = { host: () => w.host, guest: () => w.driver }

  test.each(['host', 'guest'] as const)('of the %s are taken as they were given, and no other', (which) => {
    const end = ends[which]()
    const state = plainCopy(end.save()) as Record<string, unknown>
    expect(refusal(() => end.checkState?.(state))).toEqual([])
    const kind = which === 'host' ? 'storvsc' : 'storvsc-driver'
    const wrong: [string, unknown][] = [
      [`${kind}.v`, { ...state, v: 99 }],
      [`${kind}.kind`, { ...state, kind: 'netvsc' }],
      [`${kind}.phase`, { ...state, phase: 'asleep' }],
      [`${kind}.version`, { ...state, version: 0x0700 }],
      [`${kind}.more`, { ...state, more: 1 }],
      [kind, null],
    ]
    for (const [field, saved] of wrong)
      expect(refusal(() => end.checkState?.(saved)).slice(0, 2)).toEqual(['VMBUS_STATE_INVALID', field])
    for (const name of Object.keys(state)) {
      const { [name]: _, ...rest } = state
      expect(refusal(() => end.checkState?.(rest))[0]).toBe('VMBUS_STATE_INVALID')
    }
    expect(plainCopy(end.save())).toEqual(state)
  })

  test('of a host that speaks less, or lacks a unit, are refused before anything changes', () => {
    const state = w.host.save()
    const older = world({
      host: { luns: [memoryDisk('1M')] },
      settings: { versions: [0x0501] },
      guest: { scan: false },
    })
    expect(refusal(() => older.host.checkState?.(state)).slice(0, 2)).toEqual([
      'VMBUS_STATE_INVALID',
      'storvsc.version',
    ])
    const fewer = world({ host: { luns: [memoryDisk('1M')] }, guest: { scan: false } })
    expect(refusal(() => fewer.host.checkState?.(state))).toEqual([
      'VMBUS_STORVSC_STATE',
      'lun',
      'a dvd, as when the state was saved',
    ])
    const empty = world({ host: { luns: [memoryDisk('1M'), { dvd: undefined }] }, guest: { scan: false } })
    expect(refusal(() => empty.host.checkState?.(state))).toEqual([
      'VMBUS_STORVSC_STATE',
      'lun',
      'a medium, as when the state was saved',
    ])
    const found = world({
      host: { luns: [memoryDisk('1M')], find: () => ({ dvd: memoryDisk('64K') }) },
      guest: { scan: false },
    })
    expect(refusal(() => found.host.checkState?.(state))).toEqual([])
  })

  test('of reservations', () => {
    const reservations = persistentReservations()
    reservations.register('a', undefined, '00000000000000aa', false)
    const state = reservations.save()
    for (const [field, saved] of [
      ['storvsc-reservations.v', { ...state, v: 1 }],
      ['storvsc-reservations.type', { ...state, type: 2 }],
      ['storvsc-reservations.registrants[0].key', { ...state, registrants: [{ initiator: 'a', key: 'aa' }] }],
    ] as const)
      expect(refusal(() => reservations.restore(saved)).slice(0, 2)).toEqual(['VMBUS_STATE_INVALID', field])
    expect(reservations.save()).toEqual(state)
  })

  test('of a driver name each id once, of as many as it has', () => {
    const state = plainCopy(w.driver.save()) as { requests: { requests: [number, unknown][]; free: number[] } }
    const { requests, free } = state.requests
    expect(requests.length).toBeGreaterThan(0)
    for (const wrong of [
      { requests, free: free.slice(1) },
      { requests, free: [...free.slice(1), requests[0]?.[0]] },
      { requests, free: [...free.slice(1), 10_000] },
    ])
      expect(refusal(() => w.driver.checkState?.({ ...state, requests: wrong })).slice(0, 2)).toEqual([
        'VMBUS_STATE_INVALID',
        'storvsc-driver.requests',
      ])
  })
})

describe('guest pages at and above 4 GiB', () => {
  const BASE = 0x1_0000_0000
  /** RAM of 8 GiB of which four pages at 4 GiB are there. */
  class High extends Uint8Array {
    override subarray(begin: number, end: number): Uint8Array<ArrayBuffer> {
      return super.subarray(begin - BASE, end - BASE) as Uint8Array<ArrayBuffer>
    }
  }
  const bytes = new High(4 * 4096)
  const wrote: [number, number][] = []
  const memory: Pick<GuestMemory, 'size' | 'bytes' | 'wrote'> = {
    size: 2 * BASE,
    bytes,
    wrote: (gpa, length) => void wrote.push([gpa, length]),
  }

  test('are read and written where they are', () => {
    const buffer = guestBuffer(memory as GuestMemory)
    const pfn = BASE / 4096
    buffer.bind({ byteOffset: 4090, byteCount: 20, pfns: [pfn, pfn + 2] }, 20, true)
    expect(buffer.write(Uint8Array.from({ length: 20 }, (_, index) => index + 1))).toBe(true)
    expect(wrote).toEqual([
      [BASE + 4090, 6],
      [BASE + 2 * 4096, 14],
    ])
    expect([bytes[4090], bytes[4095], bytes[8192], bytes[8205]]).toEqual([1, 6, 7, 20])
    buffer.bind({ byteOffset: 0, byteCount: 8, pfns: [(2 * BASE) / 4096] }, 8, true)
    expect(buffer.views(0, 8)).toBeUndefined()
  })
})
