/**
 * A deep copy of a plain value: null, booleans, numbers, bigints, text, arrays, typed arrays and objects of those, which
 * is all that a saved state holds. Not structuredClone, which the pure packages have no type for.
 */
export function plainCopy<T>(value: T): T {
  return copy(value) as T
}

/** Not `every`: page lists of 10,000 numbers are copied with each state, and a call for each number is most of that. */
function areNumbers(list: readonly unknown[]): boolean {
  for (let index = 0; index < list.length; index++) if (typeof list[index] !== 'number') return false
  return true
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return areNumbers(value) ? value.slice() : value.map(copy)
  if (value instanceof Uint8Array || value instanceof Int32Array || value instanceof Float64Array) return value.slice()
  // Its values at once, of which those that are objects are copied in their turn.
  const copied: Record<string, unknown> = { ...value }
  for (const key of Object.keys(copied)) {
    const part = copied[key]
    if (typeof part === 'object' && part !== null) copied[key] = copy(part)
  }
  return copied
}
