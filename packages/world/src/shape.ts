/**
 * What a value from outside has to look like: a saved state, an option, a file that was read. A shape gives its own copy of
 * what it was given, or throws a `ShapeMismatch` that names the first field which is wrong.
 */
export type Shape<T> = (value: unknown, at: string) => T

/** The value of a shape. */
export type Shaped<S> = S extends Shape<infer T> ? T : never

/** `at` is the path of the field from the outermost value, empty for that value itself. */
export class ShapeMismatch extends Error {
  override readonly name = 'ShapeMismatch'
  readonly at: string
  readonly value: string | number
  readonly allowed: string

  constructor(at: string, value: unknown, allowed: string) {
    super(`${at} is ${described(value)}, allowed: ${allowed}`)
    this.at = at
    this.value = typeof value === 'number' ? value : described(value)
    this.allowed = allowed
  }
}

/** Longest text that an error repeats. */
const MOST_TEXT = 64

/** A value in a message: short, whatever it is. */
function described(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > MOST_TEXT ? `${value.slice(0, MOST_TEXT)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? 'a function' : String(value)
  if (Array.isArray(value)) return `a list of ${value.length}`
  return value instanceof Uint8Array ? `${value.length} bytes` : 'an object'
}

const inside = (at: string, key: string): string => (at === '' ? key : `${at}.${key}`)

/** A shape that takes a value as it is. */
interface Plain<T> extends Shape<T> {
  readonly accepts: (value: unknown) => value is T
}

function shape<T>(allowed: string, accepts: (value: unknown) => value is T): Plain<T> {
  const of: Shape<T> = (value, at) => {
    if (accepts(value)) return value
    throw new ShapeMismatch(at, value, allowed)
  }
  return Object.assign(of, { accepts })
}

const isPlain = <T>(of: Shape<T>): of is Plain<T> => 'accepts' in of

/** Whether all are taken as they are: of ten thousand numbers, then, none needs the text of its path. */
function areAccepted<T>(of: Shape<T>, values: readonly unknown[]): values is readonly T[] {
  if (!isPlain(of)) return false
  // A hole is undefined here, which a method such as `every` passes over.
  for (let index = 0; index < values.length; index++) if (!of.accepts(values[index])) return false
  return true
}

export const text: Shape<string> = shape('text', (value) => typeof value === 'string')

export const flag: Shape<boolean> = shape('true or false', (value) => typeof value === 'boolean')

/** A function: a callback, or a backend's method. What it takes and gives is the compiler's to check. */
export function callable<F extends (...args: never[]) => unknown>(): Shape<F> {
  return shape('a function', (value): value is F => typeof value === 'function')
}

/** Whatever it is, as it is: its owner looks at it. */
export const anything: Shape<unknown> = (value) => value

/** An object that its owner checks, a backend for example, as it is. */
export function instance<T extends object>(): Shape<T> {
  return shape('an object', (value): value is T => typeof value === 'object' && value !== null)
}

/** A whole number from `least` to `most`, both included. */
export function integer(least = 0, most: number = Number.MAX_SAFE_INTEGER): Shape<number> {
  return shape(
    `a whole number from ${least} to ${most}`,
    (value): value is number => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most,
  )
}

export const u8: Shape<number> = integer(0, 0xff)
export const u16: Shape<number> = integer(0, 0xffff)
export const u32: Shape<number> = integer(0, 0xffff_ffff)

/** A number from `least` to `most`, both included; Infinity only where a bound is. Never NaN. */
export function number(least = -Infinity, most = Infinity): Shape<number> {
  return shape(
    `a number from ${least} to ${most}`,
    (value): value is number => typeof value === 'number' && value >= least && value <= most,
  )
}

export function bigInteger(least: bigint, most: bigint): Shape<bigint> {
  return shape(
    `a bigint from ${least} to ${most}`,
    (value): value is bigint => typeof value === 'bigint' && value >= least && value <= most,
  )
}

export const u64: Shape<bigint> = bigInteger(0n, 0xffff_ffff_ffff_ffffn)

/** One of these texts, numbers, flags or null, by identity. */
export function oneOf<const T extends string | number | boolean | null | undefined>(...values: readonly T[]): Shape<T> {
  return shape(values.map(described).join(', '), (value): value is T => values.some((each) => Object.is(each, value)))
}

/** Text that `pattern` matches; `allowed` says so in words. */
export function textLike(pattern: RegExp, allowed: string): Shape<string> {
  return shape(allowed, (value): value is string => typeof value === 'string' && pattern.test(value))
}

/** A copy of bytes, `length` of them where it is given. */
export function bytes(length?: number): Shape<Uint8Array> {
  const accepted = shape(
    length === undefined ? 'bytes' : `${length} bytes`,
    (value): value is Uint8Array => value instanceof Uint8Array && (length === undefined || value.length === length),
  )
  return (value, at) => accepted(value, at).slice()
}

/** Bytes as they are, for what its owner copies at once to where it belongs: a RAM of 128 MiB is not copied twice. */
export const uncopied: Shape<Uint8Array> = shape('bytes', (value) => value instanceof Uint8Array)

export function optional<T>(of: Shape<T>): Shape<T | undefined> {
  return orElse<T, undefined>(of, undefined)
}

export function nullable<T>(of: Shape<T>): Shape<T | null> {
  return orElse<T, null>(of, null)
}

/** The shape, or this one value. */
function orElse<T, E extends null | undefined>(of: Shape<T>, other: E): Shape<T | E> {
  const either: Shape<T | E> = (value, at) => (value === other ? other : of(value, at))
  if (!isPlain(of)) return either
  const accepts = (value: unknown): value is T | E => value === other || of.accepts(value)
  return Object.assign(either, { accepts })
}

/** The first shape that takes the value; a mismatch is told in the words of the last. */
export function either<A, B>(first: Shape<A>, second: Shape<B>): Shape<A | B> {
  // An error that nobody sees costs as much as some ten options.
  if (isPlain(first)) return (value, at) => (first.accepts(value) ? value : second(value, at))
  return (value, at) => {
    try {
      return first(value, at)
    } catch (error) {
      if (!(error instanceof ShapeMismatch)) throw error
      return second(value, at)
    }
  }
}

export function list<T>(of: Shape<T>, least = 0, most = Infinity): Shape<T[]> {
  const allowed = least === 0 && most === Infinity ? 'a list' : `a list of ${least} to ${most}`
  return (value, at) => {
    if (!Array.isArray(value) || value.length < least || value.length > most)
      throw new ShapeMismatch(at, value, allowed)
    const values: readonly unknown[] = value
    if (areAccepted(of, values)) return values.slice()
    // Not map, which passes over holes.
    return Array.from(value, (each: unknown, index) => of(each, `${at}[${index}]`))
  }
}

export function pair<A, B>(first: Shape<A>, second: Shape<B>): Shape<[A, B]> {
  const both = list<unknown>(anything, 2, 2)
  return (value, at) => {
    const [a, b] = both(value, at)
    return [first(a, `${at}[0]`), second(b, `${at}[1]`)]
  }
}

function record(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    throw new ShapeMismatch(at, value, 'an object')
  return { ...value }
}

/** An object whose names are the program's to choose. */
export function dictionary<T>(of: Shape<T>): Shape<Record<string, T>> {
  return (value, at) =>
    Object.fromEntries(Object.entries(record(value, at)).map(([key, each]) => [key, of(each, inside(at, key))]))
}

export type Fields<T> = { readonly [K in keyof T]-?: Shape<T[K]> }

/** The same shape for each field that `like` has. */
export function alike<V, T extends { [K in keyof T]: V }>(
  of: Shape<V>,
  like: T,
): { readonly [K in keyof T]: Shape<V> } {
  const fields: Partial<Record<keyof T, Shape<V>>> = {}
  for (const name in like) fields[name] = of
  // Each field of `like` has got one.
  return fields as Record<keyof T, Shape<V>>
}

/** Options as their shape sees them: each may be left out, or be undefined. */
export type Given<T> = { readonly [K in keyof T]-?: T[K] | undefined }

/** An object with these fields and no other. A field that may be absent is `optional`, and stays absent. */
export function object<T extends object>(fields: Fields<T>): Shape<T> {
  const shapes = Object.entries<Shape<unknown>>(fields).map(([key, of]) => ({
    key,
    of,
    accepts: isPlain(of) ? of.accepts : undefined,
  }))
  const names = new Set(Object.keys(fields))
  return (value, at) => {
    const given = record(value, at)
    for (const key in given)
      if (!names.has(key)) throw new ShapeMismatch(inside(at, key), given[key], `only ${[...names].join(', ')}`)
    // A copy already, in the order given, so that a state saved again is the same text.
    for (const { key, of, accepts } of shapes) {
      const value = given[key]
      // Most of a state: it needs no text of its path and no store.
      if (accepts?.(value) === true) continue
      const part = of(value, inside(at, key))
      if (key in given || part !== undefined) given[key] = part
    }
    // Each field of T has been parsed by its own shape, which `Fields` holds to T's type.
    return given as T
  }
}
