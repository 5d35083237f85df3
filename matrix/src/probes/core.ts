import fc from 'fast-check'
import { arrive, byGuest, fails, STRANGE, works } from './arrive.ts'
import type { EndName } from './ends.ts'
import { isSame } from './is-same.ts'
import type { Finding, Probe } from './probe.ts'
import type { Stage } from './stage.ts'

const ENDS: readonly EndName[] = ['heartbeat', 'timesync', 'shutdown', 'storvsc', 'netvsc']
const VPS = 2
/** Beats come every 2 s. */
const BEAT_SECONDS = 8
const BEATS = 3
const SECOND = 10_000_000

const use = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('ping' as const), size: fc.integer({ min: 1, max: 1400 }) }),
    fc.record({ do: fc.constant('write' as const), size: fc.integer({ min: 1, max: 64 }) }),
  ),
  { minLength: 1, maxLength: 4, size: 'max' },
)

async function used(
  stage: Stage,
  list: readonly { readonly do: 'ping' | 'write'; readonly size: number }[],
): Promise<boolean | string> {
  for (const { do: what, size } of list) {
    if (what === 'ping') {
      if (!(await stage.net().ping(stage.lan.address, size))) return 'the network does not answer'
      continue
    }
    const data = new Uint8Array(size * 512).fill(size)
    const written = await stage.disk().write(size * 4096, data)
    const { data: found } = await stage.disk().read(size * 4096, data.length)
    if (!written.ok || !isSame(found, data)) return 'the disk does not keep what is written'
  }
  return true
}

/** Heartbeats are answered, and the clock of a guest that was an hour ahead is the host's. */
async function served(stage: Stage): Promise<Finding | undefined> {
  await stage.run(BEAT_SECONDS)
  const { status, counts } = stage.device('heartbeat')
  if (!status.startsWith('ok') || counts.answered < BEATS)
    return fails('heartbeats are not answered', byGuest('heartbeat'))
  if (Math.abs(stage.clock().off()) > SECOND) return fails('the clock is not set', byGuest('timesync'))
  if (stage.processors() < Math.min(VPS, stage.mostProcessors))
    return fails('the bus is on one processor alone', byGuest('vpLimit'))
  return undefined
}

export const coreProbe: Probe = {
  id: 'core',
  feature: 'core',
  version: 1,
  world: 'services',
  devices: ENDS,
  machine: { vps: VPS, clockAhead: 3600 },
  bus: 'tried',
  reads: {
    linux: ['vmbus', 'vpLimit', 'heartbeat', 'timesync', 'shutdown', 'netvsc', 'storvsc'],
    freebsd: [
      'vmbus',
      'negotiation',
      'heartbeat',
      'timesync',
      'shutdown',
      'clockRule',
      'netvsc',
      'ndis',
      'storvsc',
      'storvscChoice',
    ],
    windows: ['vmbus', 'heartbeat', 'timesync', 'shutdown', 'netvsc', 'storvsc'],
    host: ['vmbus', 'framework', 'heartbeat', 'timesync', 'shutdown', 'netvsc', 'storvsc'],
  },
  missing: 'the mouse, which has no device here yet',
  realMissing: 'a second processor',
  bytes: ENDS,
  control: { shutdown: STRANGE },
  async measure(stage) {
    const found = (await arrive(stage, ...ENDS)) ?? (await served(stage))
    if (found !== undefined) return found
    if (!(await stage.until(() => stage.net().exists && stage.disks.length > 0)))
      return fails('no disk or no interface was found', byGuest(stage.disks.length > 0 ? 'netvsc' : 'storvsc'))
    stage.net().up()
    stage.net().setAddress('10.0.0.2/24')
    const end = await stage.property('use', use, (list) => used(stage, list))
    if (!end.held) return fails(end.reason, byGuest(end.reason.includes('disk') ? 'storvsc' : 'netvsc'))
    const asked = stage.device('shutdown').request()
    return asked === 'sent' && (await stage.poweredOff()) ? works : fails('it does not shut down', byGuest('shutdown'))
  },
}
