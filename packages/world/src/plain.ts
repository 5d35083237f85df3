/**
 * A deep copy of a plain value: null, booleans, numbers, bigints, text, arrays, typed arrays and objects of those, which
 * is all that a saved state holds. Not structuredClone, which the pure packages have no type for.
 */
export function plainCopy<T>(value: T): T {
  return copy(value) as T
}

const isNumber = (value: unknown): boolean => typeof value === 'number'

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.every(isNumber) ? value.slice() : value.map(copy)
  if (value instanceof Uint8Array || value instanceof Int32Array || value instanceof Float64Array) return value.slice()
  const copied: Record<string, unknown> = {}
  for (const [key, part] of Object.entries(value)) copied[key] = copy(part)
  return copied
}
