import { plainCopy } from './plain.ts'

/** A saved state with one thing wrong, and the path of that. */
export interface Damaged {
  readonly at: string
  readonly state: unknown
}

/** No field can be either, whatever else it can be. */
const other = (value: unknown): unknown =>
  typeof value === 'string' ? { damaged: 1 } : value === null ? [{}] : 'damaged'

/**
 * Each state that differs from `saved` in one place: a value of another type, a field that is missing, and one too many.
 * `skip` leaves out what is another owner's.
 */
export function* damaged(saved: unknown, skip: (path: string) => boolean = () => false, path = ''): Generator<Damaged> {
  yield { at: path, state: other(saved) }
  if (typeof saved !== 'object' || saved === null || ArrayBuffer.isView(saved)) return
  const isList = Array.isArray(saved)
  const entries = Object.entries<unknown>({ ...saved })
  const rebuild = (fields: readonly (readonly [string, unknown])[]): unknown =>
    isList ? fields.map(([, value]) => value) : Object.fromEntries(fields)
  if (!isList) yield { at: `${path}.surplus`, state: { ...saved, surplus: 1 } }
  for (const [key, value] of entries) {
    const inside = `${path}.${key}`
    if (skip(inside)) continue
    if (!isList && value !== undefined)
      yield { at: `${inside} (missing)`, state: rebuild(entries.filter(([each]) => each !== key)) }
    for (const { at, state } of damaged(value, skip, inside))
      yield { at, state: rebuild(entries.map(([each, old]) => [each, each === key ? state : old])) }
  }
}

/** What `restore` of `owner` took, or refused otherwise than by an error of `code`, or after it had changed what `save` gives. */
export function taken(
  states: Iterable<Damaged>,
  owner: { save(): unknown; restore(state: unknown): void },
  code = 'VMBUS_STATE_INVALID',
): string[] {
  // What an owner gives out may be its own: a copy stays what it was.
  const before = plainCopy(owner.save())
  const found: string[] = []
  for (const { at, state } of states) {
    try {
      owner.restore(state)
      found.push(`${at} is taken`)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === code)) found.push(`${at}: ${String(error)}`)
    }
    const changed = differenceAt(owner.save(), before)
    if (changed !== undefined) found.push(`${at}: ${changed} changed`)
  }
  return found
}

const isList = (value: object): value is ArrayLike<unknown> => Array.isArray(value) || value instanceof Uint8Array
const isRecord = (value: object): value is Record<string, unknown> => !isList(value)

/**
 * The path of the first place where two values differ that are made of what a saved state holds (the names of an object's
 * fields in their order), empty for the whole; undefined when they are equal. A model compares states after each step: it
 * takes a tenth of what comparing their JSON does.
 */
export function differenceAt(a: unknown, b: unknown): string | undefined {
  if (Object.is(a, b)) return undefined
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return ''
  if (isList(a) && isList(b)) return differenceInLists(a, b)
  return isRecord(a) && isRecord(b) ? differenceInFields(a, b) : ''
}

function differenceInLists(a: ArrayLike<unknown>, b: ArrayLike<unknown>): string | undefined {
  if (a.length !== b.length || Array.isArray(a) !== Array.isArray(b)) return ''
  for (let index = 0; index < a.length; index++) {
    const inside = differenceAt(a[index], b[index])
    if (inside !== undefined) return `[${index}]${inside}`
  }
  return undefined
}

function differenceInFields(a: Record<string, unknown>, b: Record<string, unknown>): string | undefined {
  const [names, others] = [Object.keys(a), Object.keys(b)]
  for (let index = 0; index < names.length; index++) {
    const name = names[index] ?? ''
    const inside = name === others[index] ? differenceAt(a[name], b[name]) : ''
    if (inside !== undefined) return `.${name}${inside}`
  }
  return names.length === others.length ? undefined : `.${others[names.length] ?? ''}`
}

const ROUNDS = 4000
const WINDOW = 10

export interface BytesPerCallOptions {
  /** Calls of a round; default 300. */
  readonly calls?: number
  /** The measure ends as soon as it is below this; default 0. */
  readonly enough?: number
}

/**
 * Bytes that a call of `run` puts on the heap, whose used bytes `heapUsed` tells: the least of the medians of each ten of at most
 * four thousand rounds. A collection in some of them does not count, nor does the time until a busy machine has compiled the
 * code, whose numbers are objects till then: two hundred rounds were over before on one with three times as much to do as it
 * can. What `heapUsed` itself allocates, some hundred bytes, is spread over the calls of a round.
 */
export function bytesPerCall(
  heapUsed: () => number,
  run: () => void,
  { calls = 300, enough = 0 }: BytesPerCallOptions = {},
): number {
  let least = Infinity
  for (let round = 0; round < ROUNDS && least >= enough; round += WINDOW) {
    const grown = Array.from({ length: WINDOW }, () => {
      const before = heapUsed()
      for (let call = 0; call < calls; call++) run()
      return (heapUsed() - before) / calls
    })
    least = Math.min(least, grown.toSorted((a, b) => a - b)[WINDOW >>> 1] ?? Infinity)
  }
  return least
}
