import { LayoutError } from './errors.ts'

/** What compiled and interpreted codecs share: the parts that are loops or errors rather than single loads and stores. */

export function short(name: string, size: number, offset: number, length: number): never {
  throw new LayoutError('VMBUS_LAYOUT_SHORT', {
    field: name,
    value: `${length} bytes`,
    allowed: `${size} bytes at offset ${offset}`,
  })
}

export function outOfRange(field: string, value: unknown, allowed: string): never {
  throw new LayoutError('VMBUS_LAYOUT_RANGE', { field, value, allowed })
}

/** Integer in min … max. */
export function checkInt(field: string, value: unknown, min: number, max: number): void {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
    outOfRange(field, value, `an integer from ${min} to ${max}`)
}

export function checkBigint(field: string, value: unknown, min: bigint, max: bigint): void {
  if (typeof value !== 'bigint' || value < min || value > max)
    outOfRange(field, value, `a bigint from ${min}n to ${max}n`)
}

/** Two 32-bit halves as a number, exact or an error. */
export function safe(lo: number, hi: number, field: string): number {
  if (hi > 0x1f_ffff) {
    const value = (BigInt(hi) << 32n) | BigInt(lo)
    throw new LayoutError('VMBUS_LAYOUT_UNSAFE', { field, value, allowed: `at most ${Number.MAX_SAFE_INTEGER}` })
  }
  return hi * 0x1_0000_0000 + lo
}

/** Writes a number of at most 2^53-1 as 64 bits; `loose` up to 2^64, which is what the largest values round to. */
export function putSafe(
  view: DataView,
  offset: number,
  value: number,
  little: boolean,
  loose: boolean,
  field: string,
): void {
  const max = loose ? 2 ** 64 : Number.MAX_SAFE_INTEGER
  if (!(value >= 0 && value <= max)) {
    throw new LayoutError(value > max ? 'VMBUS_LAYOUT_UNSAFE' : 'VMBUS_LAYOUT_RANGE', {
      field,
      value,
      allowed: `0 to ${max}`,
    })
  }
  const hi = Math.min(Math.floor(value / 0x1_0000_0000), 0xffff_ffff)
  view.setUint32(offset + (little ? 4 : 0), hi, little)
  view.setUint32(offset + (little ? 0 : 4), Math.min(value - hi * 0x1_0000_0000, 0xffff_ffff), little)
}

export function bytes(view: DataView, offset: number, size: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, size).slice()
}

export function rest(view: DataView, offset: number): Uint8Array {
  return bytes(view, offset, view.byteLength - offset)
}

export function zero(view: DataView, offset: number, size: number): void {
  new Uint8Array(view.buffer, view.byteOffset + offset, size).fill(0)
}

export function putBytes(view: DataView, offset: number, size: number, value: Uint8Array, field: string): void {
  if (!(value.length <= size)) outOfRange(field, value, `at most ${size} bytes`)
  const target = new Uint8Array(view.buffer, view.byteOffset + offset, size)
  target.set(value)
  if (value.length < size) target.fill(0, value.length)
}

export function putRest(view: DataView, offset: number, value: Uint8Array, field: string): void {
  const room = view.byteLength - offset
  if (!(value.length <= room)) short(field, value.length, offset, view.byteLength)
  new Uint8Array(view.buffer, view.byteOffset + offset, value.length).set(value)
}

export function checkCount(field: string, value: { readonly length: number }, max: number): void {
  if (!(value.length <= max)) outOfRange(field, `${value.length} elements`, `at most ${max} elements`)
}

export function text(view: DataView, offset: number, size: number, unit: 1 | 2): string {
  let out = ''
  for (let at = offset; at < offset + size; at += unit) {
    const code = unit === 2 ? view.getUint16(at, true) : view.getUint8(at)
    if (code === 0) break
    out += String.fromCharCode(code)
  }
  return out
}

/** `strict` also refuses an embedded NUL, at which decoding would cut. */
export function putText(
  view: DataView,
  offset: number,
  size: number,
  unit: 1 | 2,
  value: string,
  strict: boolean,
  field: string,
): void {
  if (!(value.length * unit <= size)) outOfRange(field, value, `at most ${size / unit} characters`)
  if (strict && value.includes('\0')) outOfRange(field, value, 'text without NUL')
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (unit === 2) view.setUint16(offset + i * 2, code, true)
    else if (code > 0xff) outOfRange(field, value, 'characters of one byte')
    else view.setUint8(offset + i, code)
  }
  zero(view, offset + value.length * unit, size - value.length * unit)
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
/** Byte positions of the textual digits: the first three groups are little-endian. */
const GUID_ORDER: readonly number[] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
/** Where the two digits of each of them stand in the text. */
const GUID_DIGITS: readonly number[] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]
const GUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function guid(view: DataView, offset: number): string {
  let out = ''
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) out += '-'
    out += HEX[view.getUint8(offset + (GUID_ORDER[i] ?? 0))]
  }
  return out
}

export function putGuid(view: DataView, offset: number, value: string, field: string): void {
  if (!GUID_TEXT.test(value)) outOfRange(field, value, 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx')
  for (let i = 0; i < 16; i++) {
    const at = GUID_DIGITS[i] ?? 0
    view.setUint8(offset + (GUID_ORDER[i] ?? 0), (digit(value.charCodeAt(at)) << 4) | digit(value.charCodeAt(at + 1)))
  }
}

/** A hexadecimal digit by its character: 0 to 9, or a letter of either case. */
const digit = (code: number): number => (code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57)
