import { describe, expect, it } from 'vitest'
import {
  LayoutError,
  array,
  ascii,
  at,
  be,
  bits,
  bytes,
  guid,
  i8,
  pad,
  rest,
  rounded,
  struct,
  u16,
  u32,
  u64,
  u64n,
  u8,
  union,
  utf16,
} from '@vmbus/layout'

function codeOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (error instanceof LayoutError) return `${error.code} ${error.field}`
    throw error
  }
  return 'accepted'
}

describe('definitions', () => {
  it.each<[string, () => unknown, string]>([
    ['another size', () => struct('s', { a: u32 }, { size: 5 }), 's.size'],
    ['rest before the end', () => struct('s', { a: rest, b: u8 }), 's.a'],
    ['rest before the farthest field', () => struct('s', { a: at(8, u8), b: at(0, u8), c: rest }), 's.c'],
    ['a nested rest before the end', () => struct('s', { a: struct('t', { r: rest }), b: u8 }), 's.a'],
    ['rest in an array', () => array(rest, 2), 'array'],
    ['rest in a union', () => union('u', { a: struct('t', { r: rest }) }), 'u.a'],
    ['rest at an offset', () => at(4, rest), 'at'],
    ['too many bits', () => bits(u8, { a: 4, b: 5 }), 'bits'],
    ['no bits', () => bits(u8, { a: 0 }), 'bits.a'],
    ['a part that no number holds', () => bits(u64, { a: 54 }), 'bits.a'],
    ['a negative size', () => bytes(-1), 'bytes'],
    ['half a byte', () => pad(0.5), 'pad'],
    [
      'a prototype',
      () => struct('s', JSON.parse('{"__proto__": {"node": {"kind": "guid", "size": 16}}}')),
      's.__proto__',
    ],
    ['rounded 32 bits', () => rounded(u32), 'rounded'],
  ])('%s', (_name, define, field) => expect(codeOf(define)).toBe(`VMBUS_LAYOUT_DEFINITION ${field}`))
})

describe.each(['compiled', 'interpreted'] as const)('%s', (codec) => {
  const header = struct('header', { type: u16, size: u16 })
  const layout = struct('message', { header, list: array(u8, 3), far: u64n }, { codec })

  it.each([-1, 0, 5, 14])('a view of %i bytes is short', (length) => {
    const view = length < 0 ? new DataView(new ArrayBuffer(20)) : new DataView(new ArrayBuffer(length))
    const offset = Math.min(length, 0)
    const value = layout.create()
    expect(codeOf(() => layout.decode(view, offset))).toBe('VMBUS_LAYOUT_SHORT message')
    expect(codeOf(() => layout.encode(value, view, offset))).toBe('VMBUS_LAYOUT_SHORT message')
    expect(codeOf(() => layout.encodeChecked(value, view, offset))).toBe('VMBUS_LAYOUT_SHORT message')
  })

  it('an offset past the end is short, even for an empty struct', () => {
    const empty = struct('empty', { r: rest }, { codec })
    expect(empty.parse(Uint8Array.of(1, 2), 2)).toEqual({ r: new Uint8Array(0) })
    expect(codeOf(() => empty.parse(Uint8Array.of(1, 2), 3))).toBe('VMBUS_LAYOUT_SHORT empty')
    expect(codeOf(() => empty.parse(Uint8Array.of(1, 2), NaN))).toBe('VMBUS_LAYOUT_SHORT empty')
    expect(codeOf(() => empty.encode({ r: Uint8Array.of(1, 2, 3) }, new DataView(new ArrayBuffer(2))))).toBe(
      'VMBUS_LAYOUT_SHORT empty.r',
    )
  })

  it('the bytes before the view are out of reach', () => {
    const inside = new Uint8Array(40).subarray(20, 40)
    expect(codeOf(() => layout.parse(inside, -4))).toBe('VMBUS_LAYOUT_SHORT message')
  })

  it('64 bits that no number holds', () => {
    const far = Uint8Array.of(0, 0, 0, 0, 0, 0, 0x20, 0)
    expect(codeOf(() => struct('s', { n: u64n }, { codec }).parse(far))).toBe('VMBUS_LAYOUT_UNSAFE s.n')
    expect(codeOf(() => struct('s', { n: be(u64n) }, { codec }).parse(far.toReversed()))).toBe(
      'VMBUS_LAYOUT_UNSAFE s.n',
    )
    expect(struct('s', { n: rounded(u64n) }, { codec }).parse(far)).toEqual({ n: 2 ** 53 })
    const all = new Uint8Array(8).fill(0xff)
    const loose = struct('s', { n: rounded(u64n) }, { codec })
    expect(loose.parse(all)).toEqual({ n: 2 ** 64 })
    expect(loose.toBytes({ n: 2 ** 64 })).toEqual(all)
  })

  it.each<[string, () => unknown, string]>([
    ['u8 256', () => struct('s', { a: u8 }, { codec }).toBytes({ a: 256 }), 'VMBUS_LAYOUT_RANGE s.a'],
    ['u8 -1', () => struct('s', { a: u8 }, { codec }).toBytes({ a: -1 }), 'VMBUS_LAYOUT_RANGE s.a'],
    ['i8 128', () => struct('s', { a: i8 }, { codec }).toBytes({ a: 128 }), 'VMBUS_LAYOUT_RANGE s.a'],
    ['i8 -128', () => struct('s', { a: i8 }, { codec }).toBytes({ a: -128 }), 'accepted'],
    ['u32 2^32', () => struct('s', { a: u32 }, { codec }).toBytes({ a: 2 ** 32 }), 'VMBUS_LAYOUT_RANGE s.a'],
    ['u32 1.5', () => struct('s', { a: u32 }, { codec }).toBytes({ a: 1.5 }), 'VMBUS_LAYOUT_RANGE s.a'],
    ['u64 2^64', () => struct('s', { a: u64 }, { codec }).toBytes({ a: 2n ** 64n }), 'VMBUS_LAYOUT_RANGE s.a'],
    ['u64n -1', () => struct('s', { a: u64n }, { codec }).toBytes({ a: -1 }), 'VMBUS_LAYOUT_RANGE s.a'],
    ['u64n 2^53', () => struct('s', { a: u64n }, { codec }).toBytes({ a: 2 ** 53 }), 'VMBUS_LAYOUT_UNSAFE s.a'],
    ['u64n 0.5', () => struct('s', { a: u64n }, { codec }).toBytes({ a: 0.5 }), 'VMBUS_LAYOUT_RANGE s.a'],
    [
      'a nested field',
      () => struct('s', { h: header }, { codec }).toBytes({ h: { size: 65536 } }),
      'VMBUS_LAYOUT_RANGE s.h.size',
    ],
    [
      'an element',
      () => struct('s', { h: array(header, 2) }, { codec }).toBytes({ h: [{}, { size: -1 }] }),
      'VMBUS_LAYOUT_RANGE s.h[].size',
    ],
    [
      'a bit field',
      () => struct('s', { f: bits(u8, { a: 2, b: 6 }) }, { codec }).toBytes({ f: { a: 4 } }),
      'VMBUS_LAYOUT_RANGE s.f.a',
    ],
    [
      'too many bytes',
      () => struct('s', { a: bytes(2) }, { codec }).toBytes({ a: new Uint8Array(3) }),
      'VMBUS_LAYOUT_RANGE s.a',
    ],
    [
      'too many elements',
      () => struct('s', { a: array(u8, 2) }, { codec }).toBytes({ a: [1, 2, 3] }),
      'VMBUS_LAYOUT_RANGE s.a',
    ],
    ['too much text', () => struct('s', { a: utf16(2) }, { codec }).toBytes({ a: 'abc' }), 'VMBUS_LAYOUT_RANGE s.a'],
    ['text with NUL', () => struct('s', { a: utf16(4) }, { codec }).toBytes({ a: 'a\0b' }), 'VMBUS_LAYOUT_RANGE s.a'],
    ['two-byte ASCII', () => struct('s', { a: ascii(4) }, { codec }).toBytes({ a: '€' }), 'VMBUS_LAYOUT_RANGE s.a'],
    [
      'half a GUID',
      () => struct('s', { a: guid }, { codec }).toBytes({ a: 'f8615163-df3e' }),
      'VMBUS_LAYOUT_RANGE s.a',
    ],
  ])('%s', (_name, encode, expected) => expect(codeOf(encode)).toBe(expected))

  it('encode wraps integers, but never lets one field run into the next', () => {
    const view = new DataView(new ArrayBuffer(6))
    const narrow = struct('s', { a: u8, b: bits(u8, { low: 4, high: 4 }), c: bytes(2), d: u16 }, { codec })
    narrow.encode({ a: 0x1ff, b: { low: 0x1f, high: 2 }, c: Uint8Array.of(7), d: -1 }, view)
    expect(Array.from(new Uint8Array(view.buffer))).toEqual([0xff, 0x2f, 7, 0, 0xff, 0xff])
    expect(codeOf(() => narrow.encode({ a: 0, b: { low: 0, high: 0 }, c: new Uint8Array(3), d: 0 }, view))).toBe(
      'VMBUS_LAYOUT_RANGE s.c',
    )
  })

  it('what a value leaves out is zero, whatever was there', () => {
    const part = struct('s', { a: bytes(3), b: array(u16, 2), c: array(u8, 9), d: utf16(2), e: ascii(3) }, { codec })
    const view = new DataView(new Uint8Array(part.size).fill(0xee).buffer)
    part.encode({ a: Uint8Array.of(1), b: [2], c: [3], d: 'd', e: 'e' }, view)
    const rows = ['010000', '02000000', '030000000000000000', '64000000', '650000']
    const hex = Array.from(new Uint8Array(view.buffer), (byte) => byte.toString(16).padStart(2, '0')).join('')
    expect(hex).toBe(rows.join(''))
  })

  it('text ends at its first NUL, whatever follows', () => {
    const text = struct('s', { wide: utf16(3), narrow: ascii(3) }, { codec })
    expect(text.parse(Uint8Array.of(0x61, 0, 0, 0, 0x62, 0, 0x63, 0, 0x64))).toEqual({ wide: 'a', narrow: 'c' })
  })

  it('decoded bytes are copies, and not of shared memory', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(5)
    const taken = struct('s', { a: bytes(2), r: rest }, { codec }).parse(shared)
    shared.fill(6)
    expect(taken).toEqual({ a: Uint8Array.of(5, 5), r: Uint8Array.of(5, 5) })
    expect(taken.a.buffer).toBeInstanceOf(ArrayBuffer)
    expect(taken.r.buffer).toBeInstanceOf(ArrayBuffer)
  })
})
