/**
 * A few AML encodings (ACPI specification 6.5, chapter 20), enough for a namespace that describes one device. Each
 * function returns the bytes of one term.
 */
export type Aml = readonly number[]

const Op = {
  zero: 0x00,
  one: 0x01,
  name: 0x08,
  byte: 0x0a,
  word: 0x0b,
  dword: 0x0c,
  string: 0x0d,
  scope: 0x10,
  buffer: 0x11,
  package: 0x12,
  root: 0x5c,
  extended: 0x5b,
  device: 0x82,
} as const

const le = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) & 0xff)

export function integer(value: number): Aml {
  if (value === 0) return [Op.zero]
  if (value === 1) return [Op.one]
  if (value < 0x100) return [Op.byte, value]
  if (value < 0x1_0000) return [Op.word, ...le(value, 2)]
  return [Op.dword, ...le(value, 4)]
}

export function string(text: string): Aml {
  return [Op.string, ...Array.from(text, (c) => c.charCodeAt(0)), 0]
}

/** PkgLength: one byte to 63, else two with four low bits in the first; counts itself. */
function sized(contents: Aml): Aml {
  if (contents.length + 1 < 0x40) return [contents.length + 1, ...contents]
  const length = contents.length + 2
  return [0x40 | (length & 0x0f), length >> 4, ...contents]
}

/** A path of four-character segments: `\_SB_`, `_HID`. */
function path(name: string): Aml {
  const codes = Array.from(name.replace(/^\\/, '').padEnd(4, '_'), (c) => c.charCodeAt(0))
  return name.startsWith('\\') ? [Op.root, ...codes] : codes
}

export function name(label: string, value: Aml): Aml {
  return [Op.name, ...path(label), ...value]
}

export function scope(label: string, ...terms: readonly Aml[]): Aml {
  return [Op.scope, ...sized([...path(label), ...terms.flat()])]
}

export function device(label: string, ...terms: readonly Aml[]): Aml {
  return [Op.extended, Op.device, ...sized([...path(label), ...terms.flat()])]
}

export function packageOf(...elements: readonly Aml[]): Aml {
  return [Op.package, ...sized([elements.length, ...elements.flat()])]
}

/** A resource template: descriptors, then the end tag with checksum 0 ("not computed"). */
export function resources(...descriptors: readonly Aml[]): Aml {
  const bytes = [...descriptors.flat(), 0x79, 0x00]
  return [Op.buffer, ...sized([...integer(bytes.length), ...bytes])]
}

/** DWORD address space descriptor (6.4.3.5.2): a producer's fixed, positively decoded, writable memory window. */
export function memoryWindow(first: number, last: number): Aml {
  return [
    0x87,
    ...le(23, 2),
    0x00,
    0x0c,
    0x01,
    ...le(0, 4),
    ...le(first, 4),
    ...le(last, 4),
    ...le(0, 4),
    ...le(last - first + 1, 4),
  ]
}
