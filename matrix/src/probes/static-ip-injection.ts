import fc from 'fast-check'
import { arrive, byGuest, fails, works } from './arrive.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

const address = fc.record({ last: fc.integer({ min: 2, max: 250 }), prefix: fc.constantFrom(16, 24, 28) })
const MASKS: Readonly<Record<number, string>> = { 16: '255.255.0.0', 24: '255.255.255.0', 28: '255.255.255.240' }

async function injected(stage: Stage, { last, prefix }: { last: number; prefix: number }): Promise<boolean | string> {
  const id = stage.device('kvp').setIp({
    adapterId: `{${stage.instanceOf('netvsc')}}`,
    family: 'ipv4',
    dhcp: false,
    addresses: [`10.0.0.${last}`],
    subnets: [MASKS[prefix] ?? ''],
    gateways: [],
    dns: [],
  })
  if (typeof id === 'string') return `the host injects nothing: ${id}`
  const end = await stage.answer('kvp:completed', id)
  if (end?.outcome !== 'ok') return `the injection ends as ${end?.outcome ?? 'unanswered'}`
  const { address: found } = stage.net()
  return found === `10.0.0.${last}/${prefix}` || `the interface has ${found === '' ? 'no address' : found}`
}

/** A daemon without its script fails what the driver hands on. */
const decides = ({ family, guest }: Stage): string =>
  family !== 'linux' || (guest['kvpIp'] === true && guest['ipScripts'] === true)
    ? 'kvp'
    : guest['kvpIp'] === true
      ? 'ipScripts'
      : 'kvpIp'

export const staticIpInjectionProbe: Probe = {
  id: 'static-ip-injection',
  feature: 'static-ip-injection',
  version: 2,
  world: 'services',
  devices: ['kvp', 'netvsc'],
  needs: { field: 'static-ip-injection', reason: 'the host injects no addresses' },
  reads: {
    linux: ['vmbus', 'kvp', 'kvpIp', 'ipScripts', 'netvsc'],
    freebsd: ['vmbus', 'negotiation', 'kvp', 'kvpFourFrom', 'netvsc', 'ndis'],
    windows: ['vmbus', 'kvp', 'netvsc'],
    host: ['vmbus', 'framework', 'kvp', 'netvsc'],
  },
  bytes: ['kvp', 'netvsc'],
  control: { kvpIp: false },
  async measure(stage) {
    const found = await arrive(stage, 'kvp', 'netvsc')
    if (found !== undefined) return found
    if (!(await stage.until(() => stage.net().exists))) return fails('no interface was found', byGuest('netvsc'))
    stage.net().up()
    const end = await stage.property('addresses', address, (drawn) => injected(stage, drawn))
    return end.held ? works : fails(end.reason, byGuest(decides(stage)))
  },
}
