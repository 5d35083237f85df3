import type { Node, StructNode } from './node.ts'

const NIL_GUID = '00000000-0000-0000-0000-000000000000'

/** Completes what is given of a value. */
type Completion = (given: unknown) => unknown
/** Each field that a value has, in order. */
type Completions = readonly (readonly [name: string, complete: Completion])[]

/**
 * What gives complete values of the struct, zero where the given one says nothing; bytes in it are not copied. The nodes
 * are looked at once, not for each value: a message is made with every one that is sent.
 */
export function completion(struct: StructNode): Completion {
  return fieldsOf(struct.fields.filter(({ skipped }) => !skipped).map(({ name, node }) => [name, completionOf(node)]))
}

function fieldsOf(fields: Completions): Completion {
  return (given) => {
    const from = (given ?? {}) as Readonly<Record<string, unknown>>
    const out: Record<string, unknown> = {}
    for (const [name, complete] of fields) out[name] = complete(from[name])
    return out
  }
}

function completionOf(node: Node): Completion {
  switch (node.kind) {
    case 'struct':
      return completion(node)
    case 'array': {
      const element = completionOf(node.element)
      return (given) => {
        const list = (given ?? []) as readonly unknown[]
        // A list that is too long stays so: the encoder reports it.
        return Array.from({ length: Math.max(node.count, list.length) }, (_, index) => element(list[index]))
      }
    }
    case 'bits': {
      const part: Completion = (given) => given ?? 0
      return fieldsOf(node.parts.filter(({ name }) => !name.startsWith('_')).map(({ name }) => [name, part]))
    }
    case 'int': {
      const zero = node.as === 'bigint' ? 0n : 0
      return (given) => given ?? zero
    }
    case 'guid':
      return (given) => given ?? NIL_GUID
    case 'utf16':
    case 'ascii':
      return (given) => given ?? ''
    default:
      return (given) => given ?? new Uint8Array(node.size)
  }
}
