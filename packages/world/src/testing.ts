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
  const before = JSON.stringify(owner.save(), plain)
  const found: string[] = []
  for (const { at, state } of states) {
    try {
      owner.restore(state)
      found.push(`${at} is taken`)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === code)) found.push(`${at}: ${String(error)}`)
    }
    if (JSON.stringify(owner.save(), plain) !== before) found.push(`${at}: something changed`)
  }
  return found
}

const plain = (_key: string, value: unknown): unknown =>
  value instanceof Uint8Array ? [...value] : typeof value === 'bigint' ? String(value) : value

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
