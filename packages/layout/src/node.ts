/** A layout as data: what the compiler, the interpreter, the dump and the arbitraries walk. */
export type Node =
  | IntNode
  | BytesNode
  | PadNode
  | ArrayNode
  | GuidNode
  | BitsNode
  | TextNode
  | UnionNode
  | RestNode
  | StructNode
  | AtNode

/**
 * An integer of `size` bytes. `as` says how it is decoded: `number` up to 32 bits, else `bigint`, `safe` (a number
 * that must be at most 2^53-1) or `rounded` (the nearest number).
 */
export interface IntNode {
  readonly kind: 'int'
  readonly size: 1 | 2 | 4 | 8
  readonly signed: boolean
  readonly bigEndian: boolean
  readonly as: 'number' | 'bigint' | 'safe' | 'rounded'
}
interface BytesNode {
  readonly kind: 'bytes'
  readonly size: number
}
interface PadNode {
  readonly kind: 'pad'
  readonly size: number
}
export interface ArrayNode {
  readonly kind: 'array'
  readonly size: number
  readonly count: number
  readonly element: Node
}
interface GuidNode {
  readonly kind: 'guid'
  readonly size: 16
}
export interface BitField {
  readonly name: string
  /** Position of the lowest bit, 0 is the least significant of the word. */
  readonly bitOffset: number
  readonly bits: number
}
export interface BitsNode {
  readonly kind: 'bits'
  readonly size: 1 | 2 | 4 | 8
  readonly base: IntNode
  readonly parts: readonly BitField[]
}
/** `size` is in bytes: two for each UTF-16 code unit. */
interface TextNode {
  readonly kind: 'utf16' | 'ascii'
  readonly size: number
}
interface UnionNode {
  readonly kind: 'union'
  readonly name: string
  readonly size: number
  readonly alternatives: readonly { readonly name: string; readonly node: StructNode }[]
}
interface RestNode {
  readonly kind: 'rest'
  readonly size: 0
}
export interface StructField {
  readonly name: string
  readonly offset: number
  readonly node: Node
  /** Padding, or a name that starts with `_`: not in the value, encoded as zeros. */
  readonly skipped: boolean
}
export interface StructNode {
  readonly kind: 'struct'
  readonly name: string
  readonly size: number
  /** In order of declaration; gaps that explicit offsets leave come last, as padding. */
  readonly fields: readonly StructField[]
  /** Two fields share bytes, so the order of encoding matters. */
  readonly overlaps: boolean
}
/** Only inside a struct's definition: the struct resolves it. */
interface AtNode {
  readonly kind: 'at'
  readonly size: number
  readonly offset: number
  readonly node: Node
}

/** Whether decoding takes what follows the fixed part, too. */
export function hasRest(node: Node): boolean {
  if (node.kind === 'rest') return true
  return node.kind === 'struct' && node.fields.some((field) => hasRest(field.node))
}

/** The order in which fields are written: where two share bytes, the one declared first is written last and wins. */
export function encodeOrder(node: StructNode): readonly StructField[] {
  return node.overlaps ? node.fields.toReversed() : node.fields
}

/** Smallest and largest value of an integer of the given width. */
export function intBounds(size: 1 | 2 | 4, signed: boolean): readonly [number, number] {
  const span = 2 ** (size * 8)
  return signed ? [-span / 2, span / 2 - 1] : [0, span - 1]
}
