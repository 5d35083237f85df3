import { kindOf } from './fields.ts'
import { interpret } from './interpret.ts'
import type { Node, StructNode } from './node.ts'

const WIDTH = 16

/** Field-path hex dump: see `LayoutInfo.dump`. Never throws, whatever the bytes. */
export function dump(struct: StructNode, bytes: Uint8Array): string {
  const lines = [`${struct.name}, ${struct.size} bytes`]
  const row = (offset: number, size: number, label: string): void => {
    const end = Math.min(offset + size, bytes.length)
    for (let at = offset, first = true; first || at < end; at += WIDTH, first = false) {
      const hex = Array.from(bytes.subarray(at, Math.min(at + WIDTH, end)), (byte) =>
        byte.toString(16).padStart(2, '0'),
      ).join(' ')
      lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(WIDTH * 3 - 1)}  ${first ? label : ''}`.trimEnd())
    }
  }
  const leaf = (node: Node, path: string, offset: number, skipped: boolean): void => {
    const size = node.kind === 'rest' ? Math.max(0, bytes.length - offset) : node.size
    if (offset + size > bytes.length)
      return row(
        offset,
        size,
        `${path} ${kindOf(node)} (missing ${offset + size - Math.max(offset, bytes.length)} bytes)`,
      )
    if (!skipped) return row(offset, size, `${path} ${kindOf(node)}${show(node, bytes, offset)}`)
    const unread = bytes.subarray(offset, offset + size).some((byte) => byte !== 0)
    row(offset, size, `${path} ${kindOf(node)}${unread ? ' (unread, not zero)' : ''}`)
  }
  const walk = (node: Node, path: string, offset: number, skipped: boolean): void => {
    if (node.kind === 'struct') {
      for (const field of node.fields)
        walk(
          field.node,
          path === '' ? field.name : `${path}.${field.name}`,
          offset + field.offset,
          skipped || field.skipped,
        )
    } else if (node.kind === 'array' && node.element.kind !== 'int') {
      for (let i = 0; i < node.count; i++) walk(node.element, `${path}[${i}]`, offset + i * node.element.size, skipped)
    } else leaf(node, path, offset, skipped)
  }
  walk(struct, '', 0, false)
  const rest = struct.fields.at(-1)?.node.kind === 'rest'
  if (!rest && bytes.length > struct.size)
    row(struct.size, bytes.length - struct.size, `(${bytes.length - struct.size} trailing bytes)`)
  return lines.join('\n')
}

/** ` = value` of a leaf whose value is not just its bytes. */
function show(node: Node, bytes: Uint8Array, offset: number): string {
  if (node.kind === 'bytes' || node.kind === 'rest' || node.kind === 'union' || node.kind === 'pad') return ''
  const codec = interpret({
    kind: 'struct',
    name: '',
    size: node.size,
    overlaps: false,
    fields: [{ name: 'value', offset: 0, node: exact(node), skipped: false }],
  })
  const value = codec.read['value']?.(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset)
  return ` = ${print(value)}`
}

/** 64-bit numbers as bigints, so that none is too large to show. */
function exact(node: Node): Node {
  if (node.kind === 'int' && node.size === 8) return { ...node, as: 'bigint' }
  return node.kind === 'array' ? { ...node, element: exact(node.element) } : node
}

function print(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint')
    return value > 9 ? `${value} (0x${value.toString(16)})` : String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(String).join(', ')}]`
  return Object.entries(value as Readonly<Record<string, number>>)
    .map(([name, part]) => `${name}:${part}`)
    .join(' ')
}
