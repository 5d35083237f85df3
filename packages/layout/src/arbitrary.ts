import fc from 'fast-check'
import { interpret } from './interpret.ts'
import type { Layout } from './layout.ts'
import { intBounds, type Node, type StructNode } from './node.ts'

export interface ArbitraryOptions {
  /** Longest `rest`, in bytes; 64 unless told. */
  readonly maxRest?: number
}

/**
 * Values of the layout that survive a round trip: in range, text without NUL, and where fields overlap, fields that
 * agree about the shared bytes.
 */
export function arbitrary<T>(layout: Layout<T>, options: ArbitraryOptions = {}): fc.Arbitrary<T> {
  return ofStruct(layout.node, options.maxRest ?? 64) as fc.Arbitrary<T>
}

function ofStruct(struct: StructNode, maxRest: number): fc.Arbitrary<unknown> {
  const fields = struct.fields
    .filter((field) => !field.skipped)
    .map((field) => [field.name, ofNode(field.node, maxRest)])
  const record = fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, {
    noNullPrototype: true,
  })
  if (!struct.overlaps) return record
  return record.map((value) => agree(struct, value))
}

/** What the struct's bytes say once all fields are written: repeated, as text cut by a neighbour's NUL clears its tail. */
function agree(struct: StructNode, value: unknown): unknown {
  const codec = interpret(struct)
  const view = new DataView(new ArrayBuffer(struct.size))
  let current = value
  let before = ''
  // Every round but the last turns at least one byte into zero.
  for (let round = 0; round <= struct.size + 1; round++) {
    codec.encode(current, view)
    exact(struct, view, 0)
    current = codec.decode(view)
    const after = new Uint8Array(view.buffer).join()
    if (after === before) break
    before = after
  }
  return current
}

/** Clears the top 11 bits of every 64-bit field that decodes to a number, which other fields may have set. */
function exact(node: Node, view: DataView, offset: number): void {
  if (node.kind === 'struct') for (const field of node.fields) exact(field.node, view, offset + field.offset)
  else if (node.kind === 'array')
    for (let i = 0; i < node.count; i++) exact(node.element, view, offset + i * node.element.size)
  else if (node.kind === 'int' && (node.as === 'safe' || node.as === 'rounded')) {
    const [top, next] = node.bigEndian ? [offset, offset + 1] : [offset + 7, offset + 6]
    view.setUint8(top, 0)
    view.setUint8(next, view.getUint8(next) & 0x1f)
  }
}

function ofNode(node: Node, maxRest: number): fc.Arbitrary<unknown> {
  switch (node.kind) {
    case 'int':
      if (node.as === 'bigint')
        return node.signed
          ? fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
          : fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
      if (node.size === 8) return fc.maxSafeNat()
      return integer(...intBounds(node.size, node.signed))
    case 'bytes':
    case 'union':
      return fc.uint8Array({ minLength: node.size, maxLength: node.size })
    case 'rest':
      return fc.uint8Array({ maxLength: maxRest })
    case 'array':
      return fc.array(ofNode(node.element, maxRest), { minLength: node.count, maxLength: node.count })
    case 'guid':
      return fc.tuple(hex(8), hex(4), hex(4), hex(4), hex(12)).map((groups) => groups.join('-'))
    case 'utf16':
      return characters(0xffff, node.size / 2)
    case 'ascii':
      return characters(0xff, node.size)
    case 'bits': {
      const parts = node.parts
        .filter((part) => !part.name.startsWith('_'))
        .map((part) => [part.name, integer(0, 2 ** part.bits - 1)])
      return fc.record(Object.fromEntries(parts) as Record<string, fc.Arbitrary<unknown>>, { noNullPrototype: true })
    }
    case 'struct':
      return ofStruct(node, maxRest)
    case 'at':
      return ofNode(node.node, maxRest)
    case 'pad':
      return fc.constant(undefined)
  }
}

/** Uniform integers with both bounds well represented: most defects of codecs live there. */
const integer = (min: number, max: number): fc.Arbitrary<number> =>
  fc.oneof({ weight: 6, arbitrary: fc.integer({ min, max }) }, fc.constantFrom(min, max))

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.integer({ min: 0, max: 16 ** digits - 1 }).map((value) => value.toString(16).padStart(digits, '0'))

const characters = (max: number, length: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 1, max }), { maxLength: length }).map((codes) => String.fromCharCode(...codes))
