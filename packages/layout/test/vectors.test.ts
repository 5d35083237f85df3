import { describe, expect, it } from 'vitest'
import {
  array,
  ascii,
  at,
  be,
  bits,
  bytes,
  guid,
  i16,
  i32,
  i64,
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
  utf16,
  type Type,
} from '@vmbus/layout'

const fromHex = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
const toHex = (data: Uint8Array): string => Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Values and their bytes, typed by hand. */
const correct: readonly (readonly [name: string, type: Type<unknown>, value: unknown, hex: string])[] = [
  ['u8', u8, 0xab, 'ab'],
  ['i8', i8, -2, 'fe'],
  ['u16', u16, 0x1234, '3412'],
  ['i16', i16, -2, 'feff'],
  ['u32', u32, 0xfedcba98, '98badcfe'],
  ['i32', i32, -1_000_000, 'c0bdf0ff'],
  ['u64', u64, 0xfedc_ba98_7654_3210n, '1032547698badcfe'],
  ['i64', i64, -3n, 'fdffffffffffffff'],
  ['u64n', u64n, 2 ** 53 - 1, 'ffffffffffff1f00'],
  ['u64n', u64n, 0x1_0000_0002, '0200000001000000'],
  ['rounded', rounded(u64n), 2 ** 63, '0000000000000080'],
  ['be u16', be(u16), 0x1234, '1234'],
  ['be i32', be(i32), -2, 'fffffffe'],
  ['be u32', be(u32), 0xfedcba98, 'fedcba98'],
  ['be u64', be(u64), 0x0102_0304_0506_0708n, '0102030405060708'],
  ['be u64n', be(u64n), 0x1f_0304_0506_0708, '001f030405060708'],
  ['bytes', bytes(3), Uint8Array.of(1, 2, 3), '010203'],
  ['array', array(u16, 3), [1, 2, 0xfffe], '01000200feff'],
  ['array, not unrolled', array(u8, 10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], '0102030405060708090a'],
  [
    'array of arrays',
    array(array(u8, 2), 2),
    [
      [1, 2],
      [3, 4],
    ],
    '01020304',
  ],
  // HV_NIC_GUID of Linux include/linux/hyperv.h, as it lies in memory.
  ['guid', guid, 'f8615163-df3e-46c5-913f-f2d2f965ed0e', '635161f83edfc546913ff2d2f965ed0e'],
  ['utf16', utf16(4), 'Aé😀', '4100e9003dd800de'],
  ['utf16 with NUL', utf16(4), 'Hi', '4800690000000000'],
  ['ascii', ascii(6), 'Msft', '4d7366740000'],
  ['ascii, full', ascii(4), 'Msft', '4d736674'],
  ['bits u8', bits(u8, { low: 3, middle: 2, high: 3 }), { low: 5, middle: 0, high: 4 }, '85'],
  ['bits u16', bits(u16, { redirect: 1, reserved: 15 }), { redirect: 1, reserved: 2 }, '0500'],
  ['bits u32', bits(u32, { a: 1, _b: 30, c: 1 }), { a: 1, c: 1 }, '01000080'],
  ['bits u32, whole', bits(u32, { a: 32 }), { a: 0xffff_fffe }, 'feffffff'],
  ['bits be u16', bits(be(u16), { low: 4, high: 12 }), { low: 0xf, high: 0x123 }, '123f'],
  ['bits u64', bits(u64, { enable: 1, _: 11, page: 52 }), { enable: 1, page: 0xf_edcb_a987_6543 }, '0130547698badcfe'],
  ['bits be u64', bits(be(u64), { low: 31, across: 2, high: 31 }), { low: 1, across: 3, high: 2 }, '0000000580000001'],
  ['rest', rest, Uint8Array.of(9, 8), '0908'],
]

for (const codec of ['compiled', 'interpreted'] as const) {
  describe(codec, () => {
    it.each(correct)('%s', (_name, type, value, hex) => {
      const layout = struct('vector', { _before: u8, value: type }, { codec })
      const data = fromHex(`00${hex}`)
      expect(layout.parse(data)).toEqual({ value })
      expect(toHex(layout.toBytes({ value }))).toBe(`00${hex}`)
      const view = new DataView(new Uint8Array(data.length).fill(0xee).buffer)
      layout.encode({ value }, view)
      expect(toHex(new Uint8Array(view.buffer))).toBe(`00${hex}`)
      expect(layout.read.value(new DataView(data.buffer))).toEqual(value)
    })

    it('nests, pads and places', () => {
      const header = struct('header', { type: u16, _1: pad(2) }, { size: 4, codec })
      const layout = struct(
        'outer',
        { header, tail: array(header, 2), far: at(16, u32), word: at(0, u32) },
        { size: 20, codec },
      )
      expect(layout.offsets).toMatchObject({ header: 0, tail: 4, far: 16, word: 0 })
      const data = fromHex('0100ffff 02000000 03000000 00000000 04000000')
      const value = layout.parse(data)
      expect(value).toEqual({ header: { type: 1 }, tail: [{ type: 2 }, { type: 3 }], far: 4, word: 0xffff_0001 })
      // The field that is declared first owns shared bytes, and padding is zero again.
      expect(toHex(layout.toBytes({ ...value, header: { type: 7 } }))).toBe('0700000002000000030000000000000004000000')
    })
  })
}
