import fc from 'fast-check'
import { byGuest, fails, works } from './arrive.ts'
import { tcpFrame } from './frames.ts'
import { netReads, noTools, older, plugged } from './network.ts'
import type { Probe } from './probe.ts'
import type { Stage, StageScaling } from './stage.ts'

const VPS = 4
const ENTRIES = 128

/** Flows and hashes of Microsoft's "Verifying the RSS Hash Calculation", by the key that drivers set from the start. */
const FLOWS = [
  { from: '66.9.149.187', fromPort: 2794, to: '161.142.100.80', toPort: 1766, hash: 0x51cc_c178 },
  { from: '199.92.111.2', fromPort: 14_230, to: '65.69.140.83', toPort: 4739, hash: 0xc626_b0ea },
  { from: '24.19.198.95', fromPort: 12_898, to: '12.22.207.184', toPort: 38_024, hash: 0x5c2b_394a },
  { from: '38.27.205.30', fromPort: 48_228, to: '209.142.163.6', toPort: 2217, hash: 0xafc7_327f },
  { from: '153.39.163.191', fromPort: 44_251, to: '202.188.127.2', toPort: 1303, hash: 0x10e8_28a2 },
] as const

const drawn = fc.record({
  table: fc.array(fc.nat(VPS - 1), { minLength: ENTRIES, maxLength: ENTRIES }),
  flows: fc.array(fc.nat(FLOWS.length - 1), { minLength: 1, maxLength: 8, size: 'max' }),
})

/** Each flow comes on the channel that the guest's table has for its hash. */
async function spread(
  stage: Stage,
  scaling: StageScaling,
  { table, flows }: { readonly table: readonly number[]; readonly flows: readonly number[] },
): Promise<boolean | string> {
  // The host has it when it answers. A system without tables refuses it, and then all comes on one channel.
  scaling.setTable(table)
  await stage.run(1)
  for (const flow of flows) {
    const { from, fromPort, to, toPort, hash } = FLOWS[flow] ?? FLOWS[0]
    const expected = table[hash % ENTRIES] ?? 0
    const before = [...scaling.received]
    const bytes = tcpFrame(
      { mac: stage.lan.mac, address: from, port: fromPort },
      { mac: stage.net().mac, address: to, port: toPort },
      0,
    )
    stage.lan.port.send({ bytes })
    const arrived = (): number[] => scaling.received.map((frames, channel) => frames - (before[channel] ?? 0))
    await stage.until(() => (arrived()[expected] ?? 0) > 0, 1)
    if (arrived().some((frames, channel) => frames !== (channel === expected ? 1 : 0)))
      return `a flow of channel ${expected} comes as ${arrived().join(' ')}`
  }
  return true
}

export const vrssProbe: Probe = {
  id: 'vrss',
  feature: 'vrss',
  version: 3,
  world: 'network',
  machine: { vps: VPS },
  needs: { field: 'vrss', reason: 'the host scales no virtual adapter' },
  reads: netReads('vrss', ['rss', 'netChannels'], ['rss']),
  notReal: 'one-processor',
  bytes: ['netvsc'],
  control: { vrss: false },
  async measure(stage) {
    const found = await plugged(stage)
    if (found !== undefined) return found
    const { scaling } = stage.net()
    if (scaling === undefined) return noTools('shows its channels')
    const field = stage.family === 'linux' ? 'vrss' : 'rss'
    const decides = stage.guest[field] === true ? older(stage) : byGuest(field)
    const end = await stage.property('flows', drawn, (value) => spread(stage, scaling, value))
    return end.held ? works : fails(end.reason, decides)
  },
}
