import { ShapeMismatch, StateError, bytes, integer, object, u32, type Shape } from '@vmbus/world'
import type { PageRange } from './types.ts'

/** Shapes that the saved states of both buses have in common. */

export const relid: Shape<number> = integer(0, 2047)
export const guid: Shape<string> = (value, at) => {
  if (typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) return value
  throw new ShapeMismatch(at, value, 'a GUID in lower case')
}
export const userData: Shape<Uint8Array> = bytes(120)

function isFrames(value: unknown): value is readonly number[] {
  if (!Array.isArray(value)) return false
  const list: readonly unknown[] = value
  for (let index = 0; index < list.length; index++) {
    const pfn = list[index]
    if (typeof pfn !== 'number' || !Number.isSafeInteger(pfn) || pfn < 0) return false
  }
  return true
}

/** Page frame numbers. Not `list`, which names each of the 80,000 of a receive buffer before it looks at it. */
export const frames: Shape<number[]> = (value, at) => {
  if (isFrames(value)) return value.slice()
  throw new ShapeMismatch(at, value, 'a list of page frame numbers')
}

const fields = object<PageRange>({ byteOffset: integer(0, 4095), byteCount: u32, pfns: frames })
export const pageRange: Shape<PageRange> = (value, at) => {
  const range = fields(value, at)
  const pages = Math.ceil((range.byteOffset + range.byteCount) / 4096)
  if (range.pfns.length !== pages) throw new ShapeMismatch(`${at}.pfns`, range.pfns, `${pages} page frame numbers`)
  return range
}

/** The refusal of one field of a saved state. */
export function stateError(field: string, value: unknown, allowed: string): StateError {
  return new StateError('VMBUS_STATE_INVALID', field, new ShapeMismatch('', value, allowed))
}
