import {
  QUIRKS,
  kernelVector,
  linux,
  quirksOf,
  kernelVersion,
  type Capabilities,
  type LinuxGeneration,
  type LinuxVector,
  type Quirk,
  type QuirkId,
} from '@vmbus/guest-linux'
import { valuesOf, type Field } from '@vmbus/world'
import type { LinuxMatrixGuest, MakeOptions } from './types.ts'
import { readOf } from './read-of.ts'

/** What a guest has where it is not its own. */
const REFERENCE = '6.1'

/**
 * Quirks that a kernel's number or its age decides, and the field of the driver that has them. The others follow from what a
 * kernel has, and are there with it.
 */
const QUIRK_OF: Partial<Record<QuirkId, keyof Capabilities>> = {
  'setup-ids-kept': 'netvsc',
  'vss-needs-new-bus': 'vss',
}

const change = (values: Partial<Capabilities>): Readonly<Record<string, Field<unknown>>> =>
  Object.fromEntries(
    Object.entries<unknown>(values).map(([name, value]) => [name, { value, basis: 'real', source: 'taken away' }]),
  )

/** Whether the kernel's own age decides a quirk for a probe that reads these fields; else the reference's does. */
const isOwn = ({ id, since }: Quirk, reads: readonly string[]): boolean => {
  const field = QUIRK_OF[id]
  return field === undefined ? since !== undefined : reads.includes(field)
}

/** A Linux guest of a vector. */
export function linuxGuest(vector: LinuxVector): LinuxMatrixGuest {
  const own = quirksOf(kernelVersion(vector.kernel), valuesOf<Capabilities>(vector.fields))
  const idsOf = (which: (quirk: Quirk) => boolean): QuirkId[] => QUIRKS.filter(which).map(({ id }) => id)

  function make({ reads, contact, change: values = {} }: MakeOptions = {}): LinuxGeneration {
    const changed = change({ ...(contact === undefined ? {} : { vmbus: contact.guest }), ...values })
    if (reads === undefined) return linux({ ...vector, fields: { ...vector.fields, ...changed } })
    return linux(
      {
        name: `linux-${REFERENCE} with ${reads.join(', ')} of ${vector.name}`,
        kernel: REFERENCE,
        fields: { ...kernelVector(REFERENCE).fields, ...readOf({ ...vector.fields }, reads, contact), ...changed },
      },
      { quirks: idsOf((quirk) => !isOwn(quirk, reads) || own.has(quirk.id)) },
    )
  }

  return {
    family: 'linux',
    name: vector.name,
    fields: { ...vector.fields },
    versions: vector.fields.vmbus.value,
    beside: (reads) => idsOf((quirk) => isOwn(quirk, reads) && own.has(quirk.id)),
    make,
  }
}
