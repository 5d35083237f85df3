/**
 * How a value is known, best first. 'real': seen on the named system itself; 'source-read': read in the named
 * source; 'bracketed': lies between two read trees, which may differ; 'inferred': follows from other facts; 'grid': only
 * a published support grid says so.
 */
export type Basis = 'real' | 'source-read' | 'bracketed' | 'inferred' | 'grid'

/** A value together with how it is known. */
export interface Field<T> {
  readonly value: T
  readonly basis: Basis
  /** Tree and commit, page, or what the value follows from. */
  readonly source: string
  /** The two read trees between which a `bracketed` value lies. */
  readonly bracket?: readonly [after: string, upTo: string]
}

/** A record of which each value says how it is known. */
export type Evidenced<T> = { readonly [K in keyof T]: Field<T[K]> }

/** Every basis, strongest first. */
export const BASES: readonly Basis[] = ['real', 'source-read', 'bracketed', 'inferred', 'grid']

/** The weakest of the bases, which is that of a whole made of such parts; 'real' when there are none. */
export function weakestOf(bases: Iterable<Basis>): Basis {
  let weakest = 0
  for (const basis of bases) weakest = Math.max(weakest, BASES.indexOf(basis))
  return BASES[weakest] ?? 'grid'
}

/** The plain values of a record, without how they are known. */
export function valuesOf<T extends object>(evidenced: Evidenced<T>): T
export function valuesOf(evidenced: Readonly<Record<string, Field<unknown>>>): object {
  return Object.fromEntries(Object.entries(evidenced).map(([name, field]) => [name, field.value]))
}
