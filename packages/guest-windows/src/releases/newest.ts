import type { Basis, Evidenced, Field } from '@vmbus/world'
import type { NewestVersions } from './types.ts'

type Otherwise = { readonly [P in keyof NewestVersions]?: readonly [Basis, source: string] }

/** Every value inferred from `source`, but for those that say otherwise. */
export function newest(values: NewestVersions, source: string, otherwise: Otherwise = {}): Evidenced<NewestVersions> {
  const field = <K extends keyof NewestVersions>(name: K): Field<NewestVersions[K]> => {
    const [basis, from] = otherwise[name] ?? (['inferred', source] as const)
    return { value: values[name], basis, source: from }
  }
  return {
    vmbus: field('vmbus'),
    netvsc: field('netvsc'),
    storvsc: field('storvsc'),
    video: field('video'),
    keyboard: field('keyboard'),
    hid: field('hid'),
    vpci: field('vpci'),
    heartbeat: field('heartbeat'),
    shutdown: field('shutdown'),
    timesync: field('timesync'),
    kvp: field('kvp'),
    vss: field('vss'),
    fcopy: field('fcopy'),
    balloon: field('balloon'),
  }
}
