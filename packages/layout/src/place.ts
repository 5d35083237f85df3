import { badDefinition } from './errors.ts'
import { hasRest, type StructField, type StructNode } from './node.ts'
import type { Type } from './types.ts'

export type Fields = Readonly<Record<string, Type<unknown>>>

/** Gives every field of a definition its offset, and describes gaps between explicit offsets as padding. */
export function place(name: string, definition: Fields): StructNode {
  const fields: StructField[] = []
  let cursor = 0
  let last: string | undefined
  for (const [key, { node }] of Object.entries(definition)) {
    const path = `${name}.${key}`
    if (key === '__proto__') throw badDefinition(path, key, 'another name')
    if (last !== undefined) throw badDefinition(`${name}.${last}`, 'rest', 'nothing after it')
    const offset = node.kind === 'at' ? node.offset : cursor
    const inner = node.kind === 'at' ? node.node : node
    const skipped = key.startsWith('_') || inner.kind === 'pad'
    if (hasRest(inner)) last = key
    fields.push({ name: key, offset, node: inner, skipped })
    cursor = offset + inner.size
  }
  const size = fields.reduce((max, field) => Math.max(max, field.offset + field.node.size), 0)
  if (last !== undefined && cursor !== size)
    throw badDefinition(`${name}.${last}`, cursor, `the end of the struct, ${size}`)
  const { gaps, overlaps } = coverage(fields)
  return { kind: 'struct', name, size, fields: [...fields, ...gaps], overlaps }
}

function coverage(fields: readonly StructField[]): { gaps: StructField[]; overlaps: boolean } {
  const gaps: StructField[] = []
  let overlaps = false
  let end = 0
  for (const { offset, node } of fields.toSorted((a, b) => a.offset - b.offset)) {
    if (offset > end)
      gaps.push({ name: `_gap${end}`, offset: end, node: { kind: 'pad', size: offset - end }, skipped: true })
    if (offset < end && node.size > 0) overlaps = true
    end = Math.max(end, offset + node.size)
  }
  return { gaps, overlaps }
}
