import { hostBuilds } from '@vmbus/catalog'
import { versionName } from '@vmbus/core'
import type { HostProfile } from '@vmbus/host'
import { nvspVersionName } from '@vmbus/netvsc/protocol'
import type { ResultHost } from '@vmbus/report'
import { vstorVersionName } from '@vmbus/storvsc/protocol'
import type { Field } from '@vmbus/world'

/** The newest version of a list as `name` writes it, of what a host may lack as a whole. */
const newest = (what: string, { value }: Field<readonly number[]>, name: (version: number) => string): string => {
  const last = value.at(-1)
  return last === undefined ? `no ${what}` : `${what} ${name(last)}`
}

/** A host with what tells it from others, each with how it is known and from where, and the end of its support as the catalog has it. */
export function resultHost({ id, name, fields }: HostProfile): ResultHost {
  const known = hostBuilds().find((build) => build.id === id)
  const { build, vmbus, netvsc, storvsc, balloon, generations, configurationVersions } = fields
  const facts: readonly (readonly [fact: string, field: Field<unknown>])[] = [
    [`build ${known?.build ?? build.value.join('.')}`, build],
    [newest('VMBus', vmbus, versionName), vmbus],
    [newest('NVSP', netvsc, nvspVersionName), netvsc],
    [newest('storvsc', storvsc, vstorVersionName), storvsc],
    [newest('dynamic memory', balloon, versionName), balloon],
    [`generation ${generations.value.join(' and ')}`, generations],
    [`configuration version ${configurationVersions.value.at(-1)}`, configurationVersions],
  ]
  const ends = known?.support_ends
  return {
    id,
    name,
    ...(ends !== undefined && { supportEnds: ends.value }),
    facts: facts.map(([fact]) => fact),
    sources: [
      ...facts.map(([fact, { basis, source }]) => `${fact}: ${basis}, ${source}`),
      ...(ends === undefined ? [] : [`support until ${ends.value}: ${ends.basis}, ${[ends.source].flat().join('; ')}`]),
    ],
  }
}
