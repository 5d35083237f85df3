import type { Node, StructNode } from './node.ts'

/** A leaf of a layout, as data. */
export interface FieldInfo {
  /** `header.msgtype`; `flags.redirect` for a part of a word; `table` for a whole array. */
  readonly path: string
  /** In bytes from the start of the struct; for a bit field that of its word. */
  readonly offset: number
  /** In bytes; for a bit field that of its word. */
  readonly size: number
  /** As in the definition: `u32`, `u16[4]`, `be(u32)`, `bytes`, `guid`, `pad`, … */
  readonly kind: string
  readonly bits?: { readonly bitOffset: number; readonly bits: number }
}

export function flatten(struct: StructNode): readonly FieldInfo[] {
  const out: FieldInfo[] = []
  const add = (node: StructNode, prefix: string, base: number): void => {
    for (const field of node.fields) {
      const path = prefix + field.name
      const offset = base + field.offset
      const { size } = field.node
      if (field.node.kind === 'struct') add(field.node, `${path}.`, offset)
      else if (field.node.kind === 'bits') {
        for (const part of field.node.parts) {
          out.push({
            path: `${path}.${part.name}`,
            offset,
            size,
            kind: 'bits',
            bits: { bitOffset: part.bitOffset, bits: part.bits },
          })
        }
      } else out.push({ path, offset, size, kind: kindOf(field.node) })
    }
  }
  add(struct, '', 0)
  return out
}

/** The type's name as a definition writes it. */
export function kindOf(node: Node): string {
  switch (node.kind) {
    case 'int': {
      const name = `${node.signed ? 'i' : 'u'}${node.size * 8}${node.as === 'safe' || node.as === 'rounded' ? 'n' : ''}`
      return node.bigEndian ? `be(${name})` : name
    }
    case 'array':
      return `${kindOf(node.element)}[${node.count}]`
    case 'struct':
    case 'union':
      return node.name
    default:
      return node.kind
  }
}
