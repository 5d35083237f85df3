import type { Field } from '@vmbus/world'

/** Of a guest's own fields those that are read. */
export const readOf = (
  fields: Readonly<Record<string, Field<unknown>>>,
  reads: readonly string[],
): Readonly<Record<string, Field<unknown>>> =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => reads.includes(name)))
