import type { Field } from '@vmbus/world'
import type { Contact } from './types.ts'

/** Of a guest's own fields those that are read, and of the adapter's versions what the contact has. */
export const readOf = (
  fields: Readonly<Record<string, Field<unknown>>>,
  reads: readonly string[],
  contact?: Contact,
): Readonly<Record<string, Field<unknown>>> => {
  const own = Object.fromEntries(Object.entries(fields).filter(([name]) => reads.includes(name)))
  const { netvsc } = own
  const agreed = contact?.adapter?.agreed
  return netvsc === undefined || agreed === undefined ? own : { ...own, netvsc: { ...netvsc, value: agreed.guest } }
}
