/** UTF-16LE with a terminating NUL, as every string of the exchange travels; the length in bytes counts the NUL. */
export function utf16z(text: string): Uint8Array {
  const bytes = new Uint8Array(2 * text.length + 2)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    bytes[2 * i] = unit & 0xff
    bytes[2 * i + 1] = unit >>> 8
  }
  return bytes
}

/** Text of at most `length` bytes of UTF-16LE from `at`, up to the first NUL. */
export function readUtf16(view: DataView, at: number, length: number): string {
  let text = ''
  for (let i = 0; i + 1 < length; i += 2) {
    const unit = view.getUint16(at + i, true)
    if (unit === 0) break
    text += String.fromCharCode(unit)
  }
  return text
}

/** UTF-8 with a terminating NUL, as Linux and FreeBSD keep strings; a lone surrogate becomes U+FFFD. */
export function utf8z(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    const point = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code
    if (point < 0x80) bytes.push(point)
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), continuation(point))
    else if (point < 0x1_0000) bytes.push(0xe0 | (point >> 12), continuation(point >> 6), continuation(point))
    else bytes.push(0xf0 | (point >> 18), continuation(point >> 12), continuation(point >> 6), continuation(point))
  }
  bytes.push(0)
  return Uint8Array.from(bytes)
}

const continuation = (bits: number): number => 0x80 | (bits & 0x3f)

/** Where a text of at most `length` bytes from `at` ends: before the first NUL. */
function endOf(bytes: Uint8Array, at: number, length: number): number {
  const limit = Math.min(at + length, bytes.length)
  const zero = bytes.subarray(at, limit).indexOf(0)
  return zero < 0 ? limit : at + zero
}

/** Text of at most `length` bytes of UTF-8 from `at`, up to the first NUL; what is not UTF-8 becomes U+FFFD. */
export function readUtf8(bytes: Uint8Array, at: number, length: number): string {
  const end = endOf(bytes, at, length)
  let text = ''
  for (let i = at; i < end;) {
    const [point, used] = decodeOne(bytes, i, end)
    text += String.fromCodePoint(point ?? REPLACEMENT)
    i += used
  }
  return text
}

/** The first `units` of UTF-16 of the same text came from UTF-8 alone. */
export function isUtf8(bytes: Uint8Array, at: number, length: number, units: number): boolean {
  const end = endOf(bytes, at, length)
  let read = 0
  for (let i = at; i < end && read < units;) {
    const [point, used] = decodeOne(bytes, i, end)
    if (point === undefined) return false
    read += point > 0xffff ? 2 : 1
    i += used
  }
  return true
}

const REPLACEMENT = 0xfffd

/** Bounds of the second byte, which keep out longer forms than needed, surrogates and what is beyond U+10FFFF. */
const SECOND: Readonly<Record<number, readonly [least: number, most: number]>> = {
  0xe0: [0xa0, 0xbf],
  0xed: [0x80, 0x9f],
  0xf0: [0x90, 0xbf],
  0xf4: [0x80, 0x8f],
}

/** One code point, or undefined for bytes that are none. */
function decodeOne(bytes: Uint8Array, at: number, end: number): [point: number | undefined, used: number] {
  const lead = bytes[at] ?? 0
  if (lead < 0x80) return [lead, 1]
  if (lead < 0xc2 || lead > 0xf4) return [undefined, 1]
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  let point = lead & (0x7f >> length)
  let [least, most] = SECOND[lead] ?? [0x80, 0xbf]
  for (let i = 1; i < length; i++) {
    const next = at + i < end ? (bytes[at + i] ?? 0) : 0
    if (next < least || next > most) return [undefined, i]
    point = (point << 6) | (next & 0x3f)
    least = 0x80
    most = 0xbf
  }
  return [point, length]
}
