import { ShapeMismatch, bytes, integer, list, object, oneOf, type Shape } from '@vmbus/world'
import { equalBytes } from './identity.ts'
import type { ByteStore, StoreState } from './store.ts'

/** The shape of what a memory store holds: pieces of 64 KiB, none twice, none behind the end. */
export const storeState: Shape<StoreState> = (value, at) => {
  const chunk = object<StoreState['chunks'][number]>({ offset: multiple(65_536), bytes: bytes(65_536) })
  const state = object<StoreState>({ version: oneOf(1), size: integer(), chunks: list(chunk) })(value, at)
  if (state.chunks.some(({ offset }) => offset >= state.size))
    throw new ShapeMismatch(`${at}.chunks`, value, `chunks below ${state.size}`)
  return state
}

/** What the state of an image has of its store: the contents where that has them itself, and nothing of a file. */
export function savedStore(store: ByteStore): Shape<StoreState | undefined> {
  return store.save === undefined ? oneOf(undefined) : storeState
}

/** These bytes and no others: what one image has for life. */
export function same(expected: Uint8Array): Shape<Uint8Array> {
  return (value, at) => {
    const given = bytes(expected.length)(value, at)
    if (!equalBytes(given, expected)) throw new ShapeMismatch(at, value, `those of the same disk`)
    return given
  }
}

/** A whole number of units, from 0 or `least`. */
export function multiple(unit: number, least = 0): Shape<number> {
  return (value, at) => {
    const given = integer(least)(value, at)
    if (given % unit !== 0) throw new ShapeMismatch(at, value, `a multiple of ${unit}`)
    return given
  }
}
