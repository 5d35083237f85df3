import { badDefinition } from './errors.ts'
import { hasRest, type IntNode, type Node, type StructNode } from './node.ts'

/** How some bytes are described; `T` is what they decode to (`never`: nothing, as padding). */
export interface Type<T> {
  readonly node: Node
  /** Carries `T` for inference; never present. */
  readonly '~value'?: T
}

/** An integer, which `be` and `bits` accept. */
export interface IntType<T> extends Type<T> {
  readonly node: IntNode
}

/** What a type, a struct or a union decodes to. */
export type Infer<L> = L extends Type<infer T> ? T : never

const number = (size: 1 | 2 | 4, signed: boolean): IntType<number> => ({
  node: { kind: 'int', size, signed, bigEndian: false, as: 'number' },
})
const wide = <T>(signed: boolean, as: 'bigint' | 'safe'): IntType<T> => ({
  node: { kind: 'int', size: 8, signed, bigEndian: false, as },
})

export const u8: IntType<number> = number(1, false)
export const u16: IntType<number> = number(2, false)
export const u32: IntType<number> = number(4, false)
export const i8: IntType<number> = number(1, true)
export const i16: IntType<number> = number(2, true)
export const i32: IntType<number> = number(4, true)
/** 64 bits as a bigint. */
export const u64: IntType<bigint> = wide(false, 'bigint')
export const i64: IntType<bigint> = wide(true, 'bigint')
/** 64 unsigned bits as a number; a value above 2^53-1 is VMBUS_LAYOUT_UNSAFE at decode and at encode. */
export const u64n: IntType<number> = wide(false, 'safe')

/** The same 64-bit number without the error: a decoded value above 2^53-1 is the nearest number. */
export function rounded(type: IntType<number>): IntType<number> {
  if (type.node.as !== 'safe') throw badDefinition('rounded', type.node.as, 'u64n')
  return { node: { ...type.node, as: 'rounded' } }
}

/** Big-endian, as in SCSI CDBs and VHDX headers. */
export function be<T>(type: IntType<T>): IntType<T> {
  return { node: { ...type.node, bigEndian: true } }
}

/** `size` bytes, decoded as a copy. Encoding fewer fills up with zeros; more is VMBUS_LAYOUT_RANGE. */
export function bytes(size: number): Type<Uint8Array> {
  return { node: { kind: 'bytes', size: count('bytes', size) } }
}

/** `size` bytes that are not in the value and are encoded as zeros. */
export function pad(size: number): Type<never> {
  return { node: { kind: 'pad', size: count('pad', size) } }
}

/** `length` elements, decoded as a plain array. Encoding fewer leaves zeros; more is VMBUS_LAYOUT_RANGE. */
export function array<T>(element: Type<T>, length: number): Type<T[]> {
  const { node } = element
  if (hasRest(node) || node.kind === 'at' || node.kind === 'pad')
    throw badDefinition('array', node.kind, 'an element of fixed size')
  return { node: { kind: 'array', element: node, count: count('array', length), size: node.size * length } }
}

/** 16 bytes in Microsoft's mixed-endian order, decoded to lower-case text: `f8615163-df3e-46c5-913f-f2d2f965ed0e`. */
export const guid: Type<string> = { node: { kind: 'guid', size: 16 } }

/** UTF-16LE text in `units` code units, cut at the first NUL. Text may fill the field without a NUL. */
export function utf16(units: number): Type<string> {
  return { node: { kind: 'utf16', size: 2 * count('utf16', units) } }
}

/** One byte a character (0 to 255), cut at the first NUL. Text may fill the field without a NUL. */
export function ascii(size: number): Type<string> {
  return { node: { kind: 'ascii', size: count('ascii', size) } }
}

/** All bytes up to the end of the view, as a copy: only as the last field. */
export const rest: Type<Uint8Array> = { node: { kind: 'rest', size: 0 } }

/** The type at an explicit offset of the struct; fields that follow continue after it. It may overlap earlier fields. */
export function at<T>(offset: number, type: Type<T>): Type<T> {
  const { node } = type
  if (node.kind === 'at' || hasRest(node)) throw badDefinition('at', node.kind, 'a type of fixed size')
  return { node: { kind: 'at', offset: count('at', offset), size: node.size, node } }
}

type BitValues<F> = { -readonly [K in keyof F as K extends `_${string}` ? never : K]: number } & {}

/**
 * Bit fields of one word, from the least significant bit up; each decodes to a number. Bits that no part names, or
 * whose name starts with `_`, are not in the value and are encoded as zeros. A named part has at most 53 bits.
 */
export function bits<const F extends Readonly<Record<string, number>>>(
  base: IntType<number> | IntType<bigint>,
  parts: F,
): Type<BitValues<F>> {
  const { node } = base
  let bitOffset = 0
  const fields = Object.entries(parts).map(([name, width]) => {
    const limit = name.startsWith('_') ? 64 : 53
    if (name === '__proto__' || !Number.isInteger(width) || width < 1 || width > limit)
      throw badDefinition(`bits.${name}`, width, `1 to ${limit} bits`)
    const field = { name, bitOffset, bits: width }
    bitOffset += width
    return field
  })
  if (bitOffset > node.size * 8) throw badDefinition('bits', bitOffset, `at most ${node.size * 8} bits`)
  return {
    node: {
      kind: 'bits',
      size: node.size,
      base: { ...node, signed: false, as: node.size === 8 ? 'bigint' : 'number' },
      parts: fields,
    },
  }
}

/** A union decodes to its raw bytes; `as` reads them as one alternative: `packet.as.setup.parse(value.packet)`. */
export interface Union<A> extends Type<Uint8Array> {
  readonly name: string
  /** Bytes of the largest alternative. */
  readonly size: number
  readonly as: A
}

/** Alternatives that share their first byte. Encode one with `as.name.toBytes(…)`: it is filled up with zeros. */
export function union<const A extends Readonly<Record<string, { readonly node: StructNode }>>>(
  name: string,
  alternatives: A,
): Union<A> {
  const nodes = Object.entries(alternatives).map(([key, layout]) => {
    if (hasRest(layout.node)) throw badDefinition(`${name}.${key}`, 'rest', 'a layout of fixed size')
    return { name: key, node: layout.node }
  })
  const size = nodes.reduce((max, { node }) => Math.max(max, node.size), 0)
  return { name, size, as: alternatives, node: { kind: 'union', name, size, alternatives: nodes } }
}

function count(what: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw badDefinition(what, value, 'an integer of at least 0')
  return value
}
