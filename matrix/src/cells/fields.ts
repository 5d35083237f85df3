import { versionName } from '@vmbus/core'
import { nvspVersionName } from '@vmbus/netvsc/protocol'
import { vstorVersionName } from '@vmbus/storvsc/protocol'
import type { Field } from '@vmbus/world'
import type { Execution, ReadField } from '@vmbus/report'

/** Fields of a guest or of a host, by name. */
export type Fields = Readonly<Record<string, Field<unknown>>>

/** What a story needs to know of a simulated guest. */
export interface FieldedGuest {
  readonly family: 'linux' | 'freebsd' | 'windows'
  readonly fields: Fields
}

/** Fields whose numbers are versions, major number above 16 bits but for the two that have names of their own. */
const VERSIONED: Readonly<Record<string, (version: number) => string>> = {
  vmbus: versionName,
  framework: versionName,
  heartbeat: versionName,
  timesync: versionName,
  shutdown: versionName,
  kvp: versionName,
  vss: versionName,
  fcopy: versionName,
  balloon: versionName,
  netvsc: nvspVersionName,
  storvsc: vstorVersionName,
}

/** Both a guest's and a host's values, as one reads them: `5.0 4.0 3.0`, `yes`, `none`. */
export function fieldText(field: string, value: unknown): string {
  if (value === undefined) return 'none'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return listText(field, value)
  if (typeof value === 'string' || typeof value === 'number') return `${value}`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const parts = Object.entries(value).map(
    ([name, part]) =>
      // Of an integration component the list of message versions is what decides; both lists are versions.
      `${name} ${fieldText(name in VERSIONED || name === 'message' ? 'framework' : name, part)}`,
  )
  return parts.join(', ')
}

function listText(field: string, list: readonly unknown[]): string {
  const name = VERSIONED[field]
  const texts = list.map((each) => (typeof each === 'number' && name !== undefined ? name(each) : String(each)))
  return texts.length === 0 ? 'none' : texts.join(' ')
}

/**
 * The values that a probe read of a guest or of a host, each with how it is known. The field that decided is one of them whether
 * the probe declares it or not: what a host must have beside the devices counts as read only there.
 */
export function sideReads(
  of: ReadField['of'],
  declared: readonly string[],
  known: Fields,
  decidedBy: Execution['decidedBy'],
): readonly ReadField[] {
  const fields = new Set<string>(declared)
  if (decidedBy?.of === of) fields.add(decidedBy.field)
  return [...fields].flatMap((field) => {
    const found = known[field]
    return found === undefined ? [] : [readField(of, field, found)]
  })
}

const readField = (
  of: ReadField['of'],
  field: string,
  { value, basis, source, bracket }: Field<unknown>,
): ReadField => ({
  of,
  field,
  value: fieldText(field, value),
  basis,
  source,
  ...(bracket !== undefined && { bracket }),
})
