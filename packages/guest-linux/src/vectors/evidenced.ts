import type { Field } from '@vmbus/world'
import type { Capabilities, FieldName, Vector } from './field.ts'

/** How a value is known, without the value. */
export type Evidence = Omit<Field<unknown>, 'value'>

/** Neither tree is this release; a change lies somewhere between the two, or there is none. */
export const bracketed = (after: string, upTo: string): Evidence => ({
  basis: 'bracketed',
  source: `between ${after} and ${upTo}`,
  bracket: [after, upTo],
})

/** Values with changes one after the other. */
export const changed = (from: Capabilities, changes: readonly Partial<Capabilities>[]): Capabilities =>
  changes.reduce<Capabilities>((now, change) => ({ ...now, ...change }), from)

/** Values with their evidence, field by field. */
export function evidenced(values: Capabilities, evidence: (name: FieldName) => Evidence): Vector {
  const of = <K extends FieldName>(name: K): Field<Capabilities[K]> => ({ value: values[name], ...evidence(name) })
  return {
    vmbus: of('vmbus'),
    unload: of('unload'),
    modifyChannel: of('modifyChannel'),
    vpLimit: of('vpLimit'),
    heartbeat: of('heartbeat'),
    timesync: of('timesync'),
    ptpClock: of('ptpClock'),
    shutdown: of('shutdown'),
    kvp: of('kvp'),
    kvpIp: of('kvpIp'),
    ipScripts: of('ipScripts'),
    vss: of('vss'),
    fcopy: of('fcopy'),
    fcopyBy: of('fcopyBy'),
    netvsc: of('netvsc'),
    vrss: of('vrss'),
    tso: of('tso'),
    checksum: of('checksum'),
    rsc: of('rsc'),
    vlan: of('vlan'),
    jumbo: of('jumbo'),
    vf: of('vf'),
    rndisRequestAt: of('rndisRequestAt'),
    storvsc: of('storvsc'),
    storageChannels: of('storageChannels'),
    fibreChannel: of('fibreChannel'),
    wwn: of('wwn'),
    vpd: of('vpd'),
    hotLun: of('hotLun'),
    capacityChange: of('capacityChange'),
    sizedPages: of('sizedPages'),
    balloon: of('balloon'),
    hotAdd: of('hotAdd'),
    memoryHotplug: of('memoryHotplug'),
    balloonWholeChunks: of('balloonWholeChunks'),
    balloonLeavesTotal: of('balloonLeavesTotal'),
    hvsock: of('hvsock'),
    vpci: of('vpci'),
    keyboard: of('keyboard'),
    mouse: of('mouse'),
    video: of('video'),
    lsvmbus: of('lsvmbus'),
    moduleVersion: of('moduleVersion'),
    modulesSayVersion: of('modulesSayVersion'),
  }
}
