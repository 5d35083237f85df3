import { describe, expect, it } from 'vitest'
import {
  OptionsError,
  StateError,
  alike,
  bytes,
  checkOptions,
  dictionary,
  either,
  flag,
  integer,
  list,
  nullable,
  number,
  object,
  oneOf,
  optional,
  pair,
  restoreState,
  stateForm,
  text,
  u32,
  u64,
  type Shape,
} from '@vmbus/world'

interface Options {
  readonly mtu?: number | undefined
  readonly name: string
  readonly luns?: readonly { readonly size: number }[] | undefined
}
const options = object<Options>({
  mtu: optional(integer(68, 65_279)),
  name: text,
  luns: optional(list(object<{ readonly size: number }>({ size: number(0) }))),
})

function refusal(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    if (error instanceof OptionsError || error instanceof StateError)
      return [error.code, error.field, error.value, error.allowed]
    throw error
  }
  return 'taken'
}

describe('options', () => {
  it.each([
    [{ name: 'a', mtu: 1500 }, 'taken'],
    [{ name: 'a', mtu: undefined }, 'taken'],
    [{ name: 'a', mtu: NaN }, ['VMBUS_OPTIONS_INVALID', 'adapter.mtu', NaN, 'a whole number from 68 to 65279']],
    [{ name: 'a', mtu: 67 }, ['VMBUS_OPTIONS_INVALID', 'adapter.mtu', 67, 'a whole number from 68 to 65279']],
    [{ name: 'a', mtu: 1500.5 }, ['VMBUS_OPTIONS_INVALID', 'adapter.mtu', 1500.5, 'a whole number from 68 to 65279']],
    [{ name: 'a', mut: 1500 }, ['VMBUS_OPTIONS_INVALID', 'adapter.mut', 1500, 'only mtu, name, luns']],
    [{}, ['VMBUS_OPTIONS_INVALID', 'adapter.name', 'undefined', 'text']],
    [undefined, ['VMBUS_OPTIONS_INVALID', 'adapter', 'undefined', 'an object']],
    [[], ['VMBUS_OPTIONS_INVALID', 'adapter', 'a list of 0', 'an object']],
    [
      { name: 'a', luns: [{ size: 1 }, { size: '2' }] },
      ['VMBUS_OPTIONS_INVALID', 'adapter.luns[1].size', '"2"', 'a number from 0 to Infinity'],
    ],
  ])('%j', (given, answer) => {
    expect(refusal(() => checkOptions('adapter', options, given))).toEqual(answer)
  })

  it('are what was given, without names that were not', () => {
    expect(checkOptions('adapter', options, { name: 'a' })).toEqual({ name: 'a' })
    expect('mtu' in checkOptions('adapter', options, { name: 'a' })).toBe(false)
  })
})

describe('a saved state', () => {
  interface State {
    phase: 'closed' | 'open'
    owner: string | null
    rows: [number, bigint][]
    page: Uint8Array
    flags: Record<string, boolean>
    origin: number | 'none'
  }
  const form = stateForm<State>('clock', 2, {
    phase: oneOf('closed', 'open'),
    owner: nullable(text),
    rows: list(pair(u32, u64), 0, 3),
    page: bytes(2),
    flags: dictionary(flag),
    origin: either(number(0, 10), oneOf('none')),
  })
  const saved = {
    ...form.head,
    phase: 'open',
    owner: null,
    rows: [[1, 2n]],
    page: Uint8Array.of(1, 2),
    flags: { set: true },
    origin: 'none',
  }

  it('comes back as a copy', () => {
    const restored = restoreState(saved, form)
    expect(restored).toEqual(saved)
    restored.page[0] = 9
    restored.rows.push([2, 3n])
    expect(saved.page[0]).toBe(1)
    expect(saved.rows).toHaveLength(1)
  })

  it.each([
    [{ ...saved, kind: 'beat', v: 9, phase: 1 }, ['clock.kind', '"beat"', '"clock"']],
    [{ ...saved, v: 99, phase: 1 }, ['clock.v', 99, '2']],
    [{ v: 2, phase: 'open' }, ['clock.kind', 'undefined', '"clock"']],
    [null, ['clock', 'null', 'an object']],
    [{ ...saved, phase: 'ajar' }, ['clock.phase', '"ajar"', '"closed", "open"']],
    [{ ...saved, owner: 1 }, ['clock.owner', 1, 'text']],
    [{ ...saved, rows: [[1, 2n], [1]] }, ['clock.rows[1]', 'a list of 1', 'a list of 2 to 2']],
    [{ ...saved, rows: [[2 ** 32, 2n]] }, ['clock.rows[0][0]', 2 ** 32, 'a whole number from 0 to 4294967295']],
    [{ ...saved, rows: [1, 2, 3, 4] }, ['clock.rows', 'a list of 4', 'a list of 0 to 3']],
    [{ ...saved, page: new Uint8Array(3) }, ['clock.page', '3 bytes', '2 bytes']],
    [{ ...saved, flags: { set: 1 } }, ['clock.flags.set', 1, 'true or false']],
    [{ ...saved, origin: 11 }, ['clock.origin', 11, '"none"']],
    [{ ...saved, more: 1 }, ['clock.more', 1, 'only phase, owner, rows, page, flags, origin, kind, v']],
  ])('that is not one is refused by its field %#', (state, [field, value, allowed]) => {
    expect(refusal(() => restoreState(state, form))).toEqual(['VMBUS_STATE_INVALID', field, value, allowed])
  })

  it('comes back in the order of its names, so that it is saved again as the same text', () => {
    const turned = {
      phase: 'open',
      origin: 3,
      v: 2,
      flags: {},
      page: Uint8Array.of(1, 2),
      rows: [],
      owner: null,
      kind: 'clock',
    }
    expect(JSON.stringify(restoreState(turned, form))).toBe(JSON.stringify(turned))
  })

  it('with a list that has holes is refused, not passed over', () => {
    expect(refusal(() => restoreState({ ...saved, rows: new Array(1) }, form))).toEqual([
      'VMBUS_STATE_INVALID',
      'clock.rows[0]',
      'undefined',
      'a list of 2 to 2',
    ])
  })
})

describe('shapes of shapes', () => {
  const taken = <T extends object>(shape: Shape<T>, value: unknown): unknown => {
    try {
      return shape(value, 'x')
    } catch (error) {
      return error instanceof Error ? error.message : error
    }
  }

  it('has one shape for each field that another object has', () => {
    const counts = object(alike(u32, { sent: 0, lost: 0 }))
    expect(taken(counts, { sent: 7, lost: 9 })).toEqual({ sent: 7, lost: 9 })
    expect(taken(counts, { sent: 7 })).toMatch(/^x\.lost is /)
    expect(taken(counts, { sent: 7, lost: 'many' })).toMatch(/^x\.lost is /)
    expect(taken(counts, { sent: 7, lost: 9, found: 1 })).toMatch(/^x\.found is /)
  })

  it('keeps what may be absent absent, undefined and null as they are, and names what is wrong by its place', () => {
    const shape = object<{ readonly a?: number | undefined; readonly b: (string | null)[] }>({
      a: optional(u32),
      b: list(nullable(text)),
    })
    expect(taken(shape, { b: ['y', null] })).toStrictEqual({ b: ['y', null] })
    expect(taken(shape, { a: undefined, b: [] })).toEqual({ b: [] })
    expect(taken(shape, { a: -1, b: [] })).toMatch(/^x\.a is -1/)
    expect(taken(shape, { b: ['y', 3] })).toMatch(/^x\.b\[1\] is 3/)
  })
})
