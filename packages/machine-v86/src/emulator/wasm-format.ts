import { MachineError } from '../errors.ts'

/** WebAssembly core specification §5.5.2. */
export const Section = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const

export const unsupported = (message: string): MachineError => new MachineError('VMBUS_V86_UNSUPPORTED', message)

export interface Reader {
  readonly bytes: Uint8Array
  at: number
}

export function byte(r: Reader): number {
  const value = r.bytes[r.at]
  if (value === undefined) throw unsupported(`the wasm ends inside a section, at byte ${r.at}`)
  r.at++
  return value
}

/** Unsigned LEB128 of at most 32 bits. */
export function u32(r: Reader): number {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const b = byte(r)
    value += (b & 0x7f) * 2 ** shift
    if ((b & 0x80) === 0) return value
  }
  throw unsupported(`a LEB128 number at byte ${r.at} has more than 32 bits`)
}

export function name(r: Reader): string {
  const length = u32(r)
  if (r.at + length > r.bytes.length) throw unsupported('a name reaches past the end of the wasm')
  const text = new TextDecoder().decode(r.bytes.subarray(r.at, r.at + length))
  r.at += length
  return text
}

export function encodeU32(value: number): number[] {
  const out: number[] = []
  do {
    const low = value & 0x7f
    value >>>= 7
    out.push(value === 0 ? low : low | 0x80)
  } while (value !== 0)
  return out
}

/** Signed LEB128 of a non-negative number: the last byte's bit 6 must be clear. */
export function encodeS32(value: number): number[] {
  const out: number[] = []
  for (;;) {
    const low = value & 0x7f
    value >>= 7
    if (value === 0 && (low & 0x40) === 0) return [...out, low]
    out.push(low | 0x80)
  }
}

export interface SectionSpan {
  readonly id: number
  /** Offset of the id byte. */
  readonly start: number
  /** Offset of the contents. */
  readonly body: number
  readonly end: number
}

export function sections(bytes: Uint8Array): SectionSpan[] {
  const magic = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
  if (magic.some((value, i) => bytes[i] !== value)) throw unsupported('not a WebAssembly 1.0 module')
  const found: SectionSpan[] = []
  const r: Reader = { bytes, at: 8 }
  while (r.at < bytes.length) {
    const start = r.at
    const id = byte(r)
    const length = u32(r)
    const end = r.at + length
    if (end > bytes.length) throw unsupported(`section ${id} reaches past the end of the wasm`)
    found.push({ id, start, body: r.at, end })
    r.at = end
  }
  return found
}

export function section(all: readonly SectionSpan[], id: number): SectionSpan {
  const found = all.filter((s) => s.id === id)
  if (found.length !== 1 || found[0] === undefined)
    throw unsupported(`the wasm has ${found.length} sections of id ${id}, expected one`)
  return found[0]
}
