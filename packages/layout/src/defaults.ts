import type { Node, StructNode } from './node.ts'

const NIL_GUID = '00000000-0000-0000-0000-000000000000'

/** A complete value of the struct, zero where `partial` says nothing. Bytes in `partial` are not copied. */
export function zeros(struct: StructNode, partial: unknown): unknown {
  const given = (partial ?? {}) as Readonly<Record<string, unknown>>
  const out: Record<string, unknown> = {}
  for (const field of struct.fields) {
    if (!field.skipped) out[field.name] = complete(field.node, given[field.name])
  }
  return out
}

function complete(node: Node, given: unknown): unknown {
  switch (node.kind) {
    case 'struct':
      return zeros(node, given)
    case 'array': {
      const list = (given ?? []) as readonly unknown[]
      // A list that is too long stays so: the encoder reports it.
      return Array.from({ length: Math.max(node.count, list.length) }, (_, i) => complete(node.element, list[i]))
    }
    case 'bits':
      return Object.fromEntries(
        node.parts
          .filter((part) => !part.name.startsWith('_'))
          .map(({ name }) => [name, (given as Readonly<Record<string, unknown>> | undefined)?.[name] ?? 0]),
      )
    default:
      return given ?? zero(node)
  }
}

function zero(node: Node): unknown {
  switch (node.kind) {
    case 'int':
      return node.as === 'bigint' ? 0n : 0
    case 'guid':
      return NIL_GUID
    case 'utf16':
    case 'ascii':
      return ''
    default:
      return new Uint8Array(node.size)
  }
}
