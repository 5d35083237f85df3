import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  array,
  at,
  bits,
  bytes,
  guid,
  pad,
  rest,
  struct,
  u16,
  u32,
  u64,
  u64n,
  u8,
  union,
  utf16,
  type Infer,
  type Layout,
} from '@vmbus/layout'

const header = struct('vmbus_channel_message_header', { msgtype: u32, padding: u32 }, { size: 8 })
const message = struct('message', {
  header,
  child_relid: u32,
  flags: bits(u16, { redirect: 1, reserved: 15 }),
  _1: pad(2),
  table: array(u32, 2),
  when: u64,
})

describe('a layout is data', () => {
  it('sizes and offsets', () => {
    expect(message.name).toBe('message')
    expect(message.size).toBe(32)
    expect(message.offsets).toEqual({ header: 0, child_relid: 8, flags: 12, _1: 14, table: 16, when: 24 })
  })

  it('flattened fields', () => {
    expect(message.fields).toEqual([
      { path: 'header.msgtype', offset: 0, size: 4, kind: 'u32' },
      { path: 'header.padding', offset: 4, size: 4, kind: 'u32' },
      { path: 'child_relid', offset: 8, size: 4, kind: 'u32' },
      { path: 'flags.redirect', offset: 12, size: 2, kind: 'bits', bits: { bitOffset: 0, bits: 1 } },
      { path: 'flags.reserved', offset: 12, size: 2, kind: 'bits', bits: { bitOffset: 1, bits: 15 } },
      { path: '_1', offset: 14, size: 2, kind: 'pad' },
      { path: 'table', offset: 16, size: 8, kind: 'u32[2]' },
      { path: 'when', offset: 24, size: 8, kind: 'u64' },
    ])
  })

  it('counts nested fields from the start of the outer struct', () => {
    const inner = struct('inner', { a: u16, b: u16 })
    const outer = struct('outer', { kind: u32, inner, deep: struct('deep', { pad: u8, inner }) })
    expect(outer.fields.map(({ path, offset }) => [path, offset])).toEqual([
      ['kind', 0],
      ['inner.a', 4],
      ['inner.b', 6],
      ['deep.pad', 8],
      ['deep.inner.a', 9],
      ['deep.inner.b', 11],
    ])
  })

  it('continues after an explicit offset', () => {
    const jump = struct('jump', { a: u16, far: at(8, u16), next: u8, back: at(2, u8), after: u8 }, { size: 11 })
    expect(jump.offsets).toMatchObject({ a: 0, far: 8, next: 10, back: 2, after: 3 })
  })

  it('names what explicit offsets leave out', () => {
    const sparse = struct('sparse', { a: u8, b: at(4, u16) })
    expect(sparse.fields.at(-1)).toEqual({ path: '_gap1', offset: 1, size: 3, kind: 'pad' })
  })
})

describe('types', () => {
  it('infer what decode yields, without padding', () => {
    expectTypeOf<Infer<typeof message>>().toEqualTypeOf<{
      header: { msgtype: number; padding: number }
      child_relid: number
      flags: { redirect: number; reserved: number }
      table: number[]
      when: bigint
    }>()
    const all = struct('all', { a: u64n, b: guid, c: bytes(1), d: utf16(2), _e: u32, f: array(header, 1), g: rest })
    expectTypeOf(all).toEqualTypeOf<
      Layout<{
        a: number
        b: string
        c: Uint8Array
        d: string
        f: { msgtype: number; padding: number }[]
        g: Uint8Array
      }>
    >()
    expectTypeOf(all.read.a).returns.toEqualTypeOf<number>()
    expectTypeOf(message.offsets).toHaveProperty('when')
    expectTypeOf(message.offsets).not.toHaveProperty('_1')
  })
})

describe('values', () => {
  it('create fills with zeros at every depth', () => {
    const deep = struct('deep', { list: array(message, 2), id: guid, name: utf16(3), _skip: u32 })
    const zero = {
      header: { msgtype: 0, padding: 0 },
      child_relid: 0,
      flags: { redirect: 0, reserved: 0 },
      table: [0, 0],
      when: 0n,
    }
    expect(deep.create({ list: [{ table: [7] }] })).toEqual({
      list: [{ ...zero, table: [7, 0] }, zero],
      id: '00000000-0000-0000-0000-000000000000',
      name: '',
    })
    expect(message.create()).toEqual(zero)
  })

  it('a union is its bytes, read as one alternative', () => {
    const either = union('either', { word: struct('word', { value: u32 }), wide: struct('wide', { value: u64 }) })
    expect(either.size).toBe(8)
    const outer = struct('outer', { kind: u8, body: either })
    const data = outer.toBytes({ kind: 1, body: either.as.word.toBytes({ value: 0x01020304 }) })
    expect(Array.from(data)).toEqual([1, 4, 3, 2, 1, 0, 0, 0, 0])
    expect(either.as.word.parse(outer.parse(data).body)).toEqual({ value: 0x01020304 })
    expect(either.as.wide.parse(data, outer.offsets.body)).toEqual({ value: 0x01020304n })
  })

  it('a nested rest takes what follows', () => {
    const body = struct('body', { length: u16, data: rest })
    const outer = struct('outer', { kind: u8, body })
    const data = outer.toBytes({ kind: 1, body: { length: 3, data: Uint8Array.of(7, 8, 9) } })
    expect(Array.from(data)).toEqual([1, 3, 0, 7, 8, 9])
    expect(outer.parse(data).body.data).toEqual(Uint8Array.of(7, 8, 9))
  })
})

describe('dump', () => {
  const data = message.toBytes({
    header: { msgtype: 5 },
    child_relid: 0x1f,
    flags: { redirect: 1 },
    table: [1, 2],
    when: 3n,
  })

  it('shows paths, bytes and values', () => {
    expect(message.dump(data)).toBe(
      [
        'message, 32 bytes',
        '0000  05 00 00 00                                      header.msgtype u32 = 5',
        '0004  00 00 00 00                                      header.padding u32 = 0',
        '0008  1f 00 00 00                                      child_relid u32 = 31 (0x1f)',
        '000c  01 00                                            flags bits = redirect:1 reserved:0',
        '000e  00 00                                            _1 pad',
        '0010  01 00 00 00 02 00 00 00                          table u32[2] = [1, 2]',
        '0018  03 00 00 00 00 00 00 00                          when u64 = 3',
      ].join('\n'),
    )
  })

  it('marks unread, missing and trailing bytes', () => {
    const odd = Uint8Array.from([...data, 0xaa, 0xbb])
    odd[14] = 1
    expect(message.dump(odd)).toContain(
      '000e  01 00                                            _1 pad (unread, not zero)',
    )
    expect(message.dump(odd)).toMatch(/^0020 {2}aa bb +\(2 trailing bytes\)$/m)
    expect(message.dump(data.subarray(0, 20))).toMatch(/^0010 {2}01 00 00 00 +table u32\[2\] \(missing 4 bytes\)$/m)
    expect(message.dump(data.subarray(0, 20))).toMatch(/^0018 +when u64 \(missing 8 bytes\)$/m)
  })

  it('shows 64-bit values that no number holds', () => {
    const wide = struct('wide', { one: u64n, list: array(u64n, 1) })
    expect(wide.dump(new Uint8Array(16).fill(0xff))).toMatch(
      /one u64n = 18446744073709551615 .*\n.* list u64n\[1\] = \[18446744073709551615\]/,
    )
  })

  it('breaks long fields and walks arrays of structs', () => {
    const long = struct('long', { data: bytes(18), list: array(header, 1) })
    expect(long.dump(long.toBytes({}))).toBe(
      [
        'long, 26 bytes',
        '0000  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  data bytes',
        '0010  00 00',
        '0012  00 00 00 00                                      list[0].msgtype u32 = 0',
        '0016  00 00 00 00                                      list[0].padding u32 = 0',
      ].join('\n'),
    )
  })
})
