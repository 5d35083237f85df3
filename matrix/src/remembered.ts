/** A function of two arguments that are asked for again and again: each pair is looked at once. */
export function remembered<A, B, R>(of: (a: A, b: B) => R): (a: A, b: B) => R {
  const all = new Map<A, Map<B, R>>()
  return (a, b) => {
    const known = within(all, a)
    if (!known.has(b)) known.set(b, of(a, b))
    return known.get(b) as R
  }
}

/** The map of a key in a map of maps. */
export function within<A, B, R>(all: Map<A, Map<B, R>>, key: A): Map<B, R> {
  const known = all.get(key) ?? new Map<B, R>()
  all.set(key, known)
  return known
}
