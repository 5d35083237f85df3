import type { Execution, ReadField } from '@vmbus/report'
import type { Probe } from '../probes/probe.ts'
import { remembered } from '../remembered.ts'
import { sideReads, type FieldedGuest, type Fields } from './fields.ts'

type Reads = readonly ReadField[]
type DecidedBy = Execution['decidedBy']
type Reader = Pick<Probe, 'reads'>

/** What a probe read of a guest and a host, the field that decided among it. */
export type ReadsOf<G extends FieldedGuest> = (guest: G, host: string, probe: Reader, decidedBy: DecidedBy) => Reads

/**
 * Reads of which equal ones are one and the same list: of a million of them some ten thousand differ, and cells that are alike are
 * known by them. `hosts` has the fields of each host.
 */
export function sharedReads<G extends FieldedGuest>(hosts: ReadonlyMap<string, Fields>): ReadsOf<G> {
  const equal = equalReads()
  const ofGuest = remembered(({ family, fields }: G, { reads }: Reader) =>
    byDecision('guest', (decidedBy) => equal(sideReads('guest', reads[family], fields, decidedBy))),
  )
  const ofHost = remembered((host: string, { reads }: Reader) =>
    byDecision('host', (decidedBy) => equal(sideReads('host', reads.host, hosts.get(host) ?? {}, decidedBy))),
  )
  const ofBoth = remembered((guest: Reads, host: Reads): Reads => [...guest, ...host])
  return (guest, host, probe, decidedBy) => ofBoth(ofGuest(guest, probe)(decidedBy), ofHost(host, probe)(decidedBy))
}

/** Of what decided, only a field of this end is of account. */
function byDecision(end: ReadField['of'], readsOf: (decidedBy: DecidedBy) => Reads): (decidedBy: DecidedBy) => Reads {
  const all = new Map<string | undefined, Reads>()
  return (decidedBy) => {
    const field = decidedBy?.of === end ? decidedBy.field : undefined
    const known = all.get(field) ?? readsOf(decidedBy)
    all.set(field, known)
    return known
  }
}

/** Equal lists as one, of equal values as one. */
function equalReads(): (reads: Reads) => Reads {
  const values = new Map<string, { readonly read: ReadField; readonly number: number }>()
  const lists = new Map<string, Reads>()
  return (reads) => {
    const own = reads.map((read) => {
      const text = JSON.stringify(read)
      const known = values.get(text) ?? { read, number: values.size }
      values.set(text, known)
      return known
    })
    const key = own.map(({ number }) => number).join()
    const list = lists.get(key) ?? own.map(({ read }) => read)
    lists.set(key, list)
    return list
  }
}
