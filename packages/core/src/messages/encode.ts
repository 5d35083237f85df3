import type { Layout, Sparse } from '@vmbus/layout'
import type { MessageNumber } from './ids.ts'

/** The bytes of a message: its number, and the fields of its layout; what is left out is zero. */
export function encode<T extends { msgtype: number; padding: number }>(
  layout: Layout<T>,
  id: MessageNumber,
  fields: Sparse<Omit<T, 'msgtype' | 'padding'>>,
): Uint8Array {
  const value: unknown = { ...(fields as object), msgtype: id }
  return layout.toBytes(value as Sparse<T>)
}
