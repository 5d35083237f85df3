import type { Codec } from './codec.ts'
import { compile } from './compile.ts'
import { completion } from './defaults.ts'
import { dump } from './dump.ts'
import { badDefinition } from './errors.ts'
import { flatten, type FieldInfo } from './fields.ts'
import { interpret } from './interpret.ts'
import type { StructNode } from './node.ts'
import { place, type Fields } from './place.ts'
import type { Type } from './types.ts'

/** The value of a struct: every field but padding and names that start with `_`. */
export type ValueOf<F> = {
  -readonly [K in keyof F as K extends `_${string}` ? never : F[K] extends Type<never> ? never : K]: F[K] extends Type<
    infer T
  >
    ? T
    : never
} & {}

/** A value with parts left out, at any depth: `create` and `toBytes` fill them with zeros. */
export type Sparse<T> = T extends Uint8Array
  ? T
  : T extends readonly (infer E)[]
    ? readonly Sparse<E>[]
    : T extends object
      ? { readonly [K in keyof T]?: Sparse<T[K]> }
      : T

/** A layout without its value type: what tools that take any layout ask for. */
export interface LayoutInfo {
  readonly name: string
  /** Bytes of the fixed part. */
  readonly size: number
  readonly node: StructNode
  /** Leaves in order of declaration, with paths through nested structs. */
  readonly fields: readonly FieldInfo[]
  /** One line a field: offset, bytes, path and value; marks padding that is not zero, missing and trailing bytes. */
  dump(bytes: Uint8Array): string
}

/**
 * A struct of the wire: packed, little-endian unless a field says `be`. Offsets count bytes from the start of the
 * view (`parse`: of the bytes) and need no alignment.
 */
export interface Layout<T> extends Type<T>, LayoutInfo {
  readonly node: StructNode
  /** Byte offset of each field of this struct. */
  readonly offsets: { readonly [K in keyof T]: number }
  /** Throws VMBUS_LAYOUT_SHORT when the view ends before the struct. Bytes are copied, never aliased. */
  decode(view: DataView, offset?: number): T
  /** Integers that do not fit wrap, as in a DataView; text, bytes and lists that do not fit are VMBUS_LAYOUT_RANGE. */
  encode(value: T, view: DataView, offset?: number): void
  /** As `encode`, but every integer outside its range is VMBUS_LAYOUT_RANGE, too. */
  encodeChecked(value: T, view: DataView, offset?: number): void
  /** `decode` of bytes. */
  parse(bytes: Uint8Array, offset?: number): T
  /** `encodeChecked` into new bytes; what is left out is zero. */
  toBytes(value: Sparse<T>): Uint8Array
  /** A complete value: zeros, empty text and the nil GUID wherever `partial` says nothing. */
  create(partial?: Sparse<T>): T
  /** One field, without decoding the others. No VMBUS_LAYOUT_SHORT: beyond the view is the RangeError of DataView. */
  readonly read: { readonly [K in keyof T]: (view: DataView, offset?: number) => T[K] }
  /** One field, unchecked as in `encode`; `offset` is that of the struct. */
  readonly write: { readonly [K in keyof T]: (view: DataView, offset: number, value: T[K]) => void }
}

export interface StructOptions {
  /** The size the source states; a different sum of the fields is VMBUS_LAYOUT_DEFINITION. */
  readonly size?: number
  /** `compiled` and `interpreted` insist; the default compiles where code generation is allowed. */
  readonly codec?: 'auto' | 'compiled' | 'interpreted'
}

/**
 * Describes a struct under its name in the Linux or OpenVMM sources. Throws VMBUS_LAYOUT_DEFINITION for a layout
 * that cannot be, and (only with `codec: 'compiled'`) EvalError where code generation is forbidden.
 */
export function struct<const F extends Fields>(
  name: string,
  fields: F,
  options: StructOptions = {},
): Layout<ValueOf<F>> {
  const node = place(name, fields)
  if (options.size !== undefined && options.size !== node.size)
    throw badDefinition(`${name}.size`, node.size, `${options.size} bytes`)
  return layoutOf<ValueOf<F>>(node, codecOf(node, options.codec ?? 'auto'))
}

function codecOf(node: StructNode, kind: 'auto' | 'compiled' | 'interpreted'): Codec {
  if (kind === 'interpreted') return interpret(node)
  if (kind === 'compiled') return compile(node)
  try {
    return compile(node)
  } catch (error) {
    // A ban on code generation (EvalError, of whatever realm); a SyntaxError would be a defect of the compiler.
    if (error instanceof SyntaxError) throw error
    return interpret(node)
  }
}

function layoutOf<T>(node: StructNode, untyped: Codec): Layout<T> {
  const codec = untyped as Pick<Layout<T>, 'decode' | 'encode' | 'encodeChecked' | 'read' | 'write'>
  const complete = completion(node)
  const create = (partial?: Sparse<T>): T => complete(partial) as T
  return {
    node,
    name: node.name,
    size: node.size,
    fields: flatten(node),
    offsets: Object.fromEntries(node.fields.map((field) => [field.name, field.offset])) as Layout<T>['offsets'],
    decode: codec.decode,
    encode: codec.encode,
    encodeChecked: codec.encodeChecked,
    read: codec.read,
    write: codec.write,
    parse: (bytes, offset) => codec.decode(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset),
    create,
    toBytes: (partial) => {
      const value = create(partial)
      const bytes = new Uint8Array(node.size + restLength(node, value))
      codec.encodeChecked(value, new DataView(bytes.buffer))
      return bytes
    },
    dump: (bytes) => dump(node, bytes),
  }
}

function restLength(node: StructNode, value: unknown): number {
  let length = 0
  for (const field of node.fields) {
    const part = (value as Readonly<Record<string, unknown>>)[field.name]
    if (field.skipped) continue
    if (field.node.kind === 'rest') length += (part as Uint8Array).length
    if (field.node.kind === 'struct') length += restLength(field.node, part)
  }
  return length
}
