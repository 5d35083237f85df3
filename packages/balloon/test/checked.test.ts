import { plainCopy } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { balance, balloon, type BalloonGuestOptions, type BalloonHost, type BalloonHostOptions } from '../src/index.ts'
import { guestRam } from './guest-ram.ts'
import { world } from './world.ts'

const PAGES = 64 * 256

/** What is thrown: code and field. */
function refusal(act: () => unknown): unknown[] {
  try {
    act()
  } catch (error) {
    const { code, field } = error as { code?: string; field?: string }
    return [code, field]
  }
  return []
}

describe('options', () => {
  const memory = guestRam({ pages: PAGES })
  test.each<[Record<string, unknown>, string]>([
    [{ bootpages: 1 }, 'balloon.bootpages'],
    [{ settleSeconds: Number.NaN }, 'balloon.settleSeconds'],
    [{ timeoutSeconds: -1 }, 'balloon.timeoutSeconds'],
    [{ maxPages: 1.5 }, 'balloon.maxPages'],
    [{ instanceId: 'x' }, 'balloon.instanceId'],
    [{ reclaimed: true }, 'balloon.reclaimed'],
  ])('of the host: %j', (options, field) => {
    const spec = (): unknown => balloon(options as BalloonHostOptions).create({ memory: { size: 4096 } } as never)
    expect(refusal(spec)).toEqual(['VMBUS_OPTIONS_INVALID', field])
  })

  test.each<[Record<string, unknown>, string]>([
    [{}, 'balloon.driver.memory'],
    [{ memory: { total: () => 1 } }, 'balloon.driver.memory.available'],
    [{ memory, hotAddAlignment: 16 }, 'balloon.driver.hotAddAlignment'],
    [{ memory, reportDelay: Number.NaN }, 'balloon.driver.reportDelay'],
    [{ memory, quirks: ['claims-hotadd'] }, 'balloon.driver.quirks[0]'],
    [{ memory, version: [1] }, 'balloon.driver.version'],
  ])('of the driver', (options, field) => {
    expect(refusal(() => balloon.driver(options as unknown as BalloonGuestOptions))).toEqual([
      'VMBUS_OPTIONS_INVALID',
      field,
    ])
  })

  test('of the balancer', () => {
    const member = { id: 'a', minimum: 1, maximum: 9, assigned: 5, committed: 4 }
    expect(refusal(() => balance([member], Number.NaN))).toEqual(['VMBUS_OPTIONS_INVALID', 'balance.budget'])
    expect(refusal(() => balance([{ ...member, weight: Number.NaN }], 9))).toEqual([
      'VMBUS_OPTIONS_INVALID',
      'balance.members[0].weight',
    ])
    expect(refusal(() => balance([{ ...member, wieght: 1 } as never], 9))).toEqual([
      'VMBUS_OPTIONS_INVALID',
      'balance.members[0].wieght',
    ])
  })
})

describe('saved states', () => {
  const made = world(
    balloon({ bootPages: PAGES, settleSeconds: 0 }),
    balloon.driver({ memory: guestRam({ pages: PAGES, hotAddBlock: 32_768 }), reportDelay: 0 }),
    'deferred',
  )
  made.advance(1)
  const host = made.hostBus.devices[0]?.device as BalloonHost
  host.hotAdd({ start: 128 * 256, count: 32_768 })
  made.advance(2)
  host.balloon(700)
  made.advance(2)
  host.balloon(10)
  const guest = made.guestBus.devices[0]?.driver

  test.each([
    ['balloon', () => host],
    ['balloon-driver', () => guest],
  ] as const)('of %s are taken as they were given, and no other', (kind, end) => {
    const subject = end()
    const state = plainCopy(subject?.save()) as Record<string, unknown>
    expect(refusal(() => subject?.checkState?.(state))).toEqual([])
    for (const [field, saved] of [
      [`${kind}.v`, { ...state, v: 99 }],
      [`${kind}.kind`, { ...state, kind: 'netvsc' }],
      [`${kind}.phase`, { ...state, phase: 'asleep' }],
      [`${kind}.more`, { ...state, more: 1 }],
      [kind, null],
    ] as const)
      expect(refusal(() => subject?.checkState?.(saved))).toEqual(['VMBUS_STATE_INVALID', field])
    for (const name of Object.keys(state)) {
      const { [name]: _, ...rest } = state
      expect(refusal(() => subject?.checkState?.(rest))[0]).toBe('VMBUS_STATE_INVALID')
    }
    expect(plainCopy(subject?.save())).toEqual(state)
  })

  test('of a host that speaks more are refused', () => {
    const older = world(
      balloon({ bootPages: PAGES }),
      balloon.driver({ memory: guestRam({ pages: PAGES }) }),
      'deferred',
      { versions: [3] },
    )
    expect(refusal(() => older.hostBus.devices[0]?.device.checkState?.(host.save()))).toEqual([
      'VMBUS_STATE_INVALID',
      'balloon.version',
    ])
  })
})
