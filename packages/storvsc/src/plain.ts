/** A private copy of a state of plain data: objects, arrays, byte arrays and scalars. */
export function copyPlain<T>(value: T): T {
  return copy(value) as T
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return value.slice()
  if (Array.isArray(value)) return value.map(copy)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, copy(field)]))
}
