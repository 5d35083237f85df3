import fc from 'fast-check'
import { byGuest, fails, noSource, works } from './arrive.ts'
import { netReads, plugged } from './network.ts'
import type { Probe } from './probe.ts'
import type { Stage, StageNet } from './stage.ts'

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 4094 }), { minLength: 1, maxLength: 3, size: 'max' })

/** Interfaces of VLANs by id: they stay. */
type Vlans = Map<number, StageNet>

function vlanOf(vlans: Vlans, id: number, addVlan: (id: number) => StageNet): StageNet {
  const found = vlans.get(id)
  if (found !== undefined) return found
  const made = addVlan(id)
  made.setAddress(`10.0.0.${10 + (vlans.size % 200)}/24`)
  made.up()
  vlans.set(id, made)
  return made
}

/** On a trunk each VLAN's interface reaches the peer while that is in the same one, and no other does. */
async function trunk(
  stage: Stage,
  vlans: readonly (readonly [id: number, net: StageNet])[],
): Promise<boolean | string> {
  const { lan } = stage
  stage.device('netvsc').setVlan({ trunk: vlans.map(([id]) => id) })
  for (const [there] of vlans) {
    lan.port.configure({ vlan: { access: there } })
    for (const [id, net] of vlans)
      if ((await net.ping(lan.address)) !== (id === there))
        return id === there ? `VLAN ${id} does not reach its own` : `VLAN ${id} reaches another`
  }
  return true
}

/** In one VLAN by the host's choice the guest needs no tags, and is alone with it. */
async function access(stage: Stage, [id = 0]: readonly number[]): Promise<boolean | string> {
  stage.device('netvsc').setVlan({ access: id })
  for (const other of [id, id === 1 ? 2 : id - 1]) {
    stage.lan.port.configure({ vlan: { access: other } })
    if ((await stage.net().ping(stage.lan.address)) !== (other === id)) return `access to VLAN ${id} is not kept`
  }
  return true
}

export const vlanTaggingProbe: Probe = {
  id: 'vlan-tagging',
  feature: 'vlan-tagging',
  version: 2,
  world: 'network',
  reads: netReads('vlan'),
  bytes: ['netvsc'],
  control: { vlan: false },
  async measure(stage) {
    const found = await plugged(stage)
    if (found !== undefined) return found
    const { addVlan } = stage.net()
    if (addVlan === undefined) return noSource('how a Windows guest makes interfaces of VLANs over its adapter')
    const vlans: Vlans = new Map()
    const end = await stage.property('access and trunk', ids, async (list) => {
      const kept = await access(stage, list)
      if (kept !== true) return kept
      return trunk(
        stage,
        list.map((id) => [id, vlanOf(vlans, id, addVlan)] as const),
      )
    })
    return end.held ? works : fails(end.reason, byGuest(stage.family === 'linux' ? 'vlan' : 'netvsc'))
  },
}
