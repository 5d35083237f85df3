/** Values told once each, in the order in which they came, and named by their index. */
export interface Interner<T> {
  readonly list: readonly T[]
  indexOf(value: T): number
}

/** Two values are the same when their texts are, which are their JSON unless a shorter one says as much; one object is looked at once. */
export function interner<T extends object>(textOf: (value: T) => string = JSON.stringify): Interner<T> {
  const list: T[] = []
  const byObject = new Map<T, number>()
  const byText = new Map<string, number>()
  return {
    list,
    indexOf(value) {
      const seen = byObject.get(value)
      if (seen !== undefined) return seen
      const text = textOf(value)
      const index = byText.get(text) ?? list.push(value) - 1
      byText.set(text, index)
      byObject.set(value, index)
      return index
    },
  }
}
