import fc from 'fast-check'
import { arrive, byGuest, fails, STRANGE, works } from './arrive.ts'
import type { EndName } from './ends.ts'
import { frameOf } from './frames.ts'
import { isSame } from './is-same.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

const ENDS: readonly EndName[] = ['heartbeat', 'kvp', 'storvsc', 'netvsc']
/** Beats come every 2 s. */
const BEAT_SECONDS = 4

const move = fc.record({
  sectors: fc.integer({ min: 1, max: 64 }),
  fill: fc.integer({ min: 1, max: 255 }),
  ms: fc.nat(3000),
})

async function isSet(stage: Stage): Promise<boolean> {
  const id = stage.device('kvp').set({ key: 'moves', value: '0' })
  return typeof id === 'number' && (await stage.answer('kvp:completed', id))?.outcome === 'ok'
}

/** Sends a frame each way, and hears them at both ends, before the guest moves and after it. */
function underWay(stage: Stage, payload: number): { arrived(): () => boolean } {
  const { mac } = stage.net()
  const out = frameOf(stage.lan.mac, mac, payload)
  const back = frameOf(mac, stage.lan.mac, payload)
  const heard = { out: false, back: false }
  const listen = (): void => {
    const { lan } = stage
    lan.switch.capture(({ port, direction, bytes }) => {
      heard.out ||= port === lan.port.name && direction === 'outbound' && isSame(bytes, out)
    })
    stage.net().onFrame((bytes) => void (heard.back ||= isSame(bytes, back)))
  }
  listen()
  stage.net().send(out)
  stage.lan.port.send({ bytes: back })
  return {
    arrived() {
      listen()
      return () => heard.out && heard.back
    },
  }
}

/** A write and frames are under way and a key is being set while the guest moves; then everything goes on as if nothing had been. */
async function carried(
  stage: Stage,
  { sectors, fill, ms }: { sectors: number; fill: number; ms: number },
): Promise<boolean | string> {
  await stage.run(BEAT_SECONDS + ms / 1000)
  if (stage.device('heartbeat').counts.answered === 0) return 'heartbeats are not answered'
  // Guests without key-value exchange move as well, and those with which it has not been agreed on.
  const keys = stage.drives('kvp') && (await isSet(stage))
  const data = new Uint8Array(sectors * 512).fill(fill)
  const writing = stage.disk().write(fill * 65_536, data)
  const id = keys ? stage.device('kvp').set({ key: 'moved', value: String(fill) }) : undefined
  const frames = underWay(stage, fill)
  stage.migrate()
  const arrived = frames.arrived()
  if (!(await writing).ok) return 'a write was lost'
  if (!(await stage.until(arrived, 1))) return 'a frame was lost'
  if (typeof id === 'number' && (await stage.answer('kvp:completed', id))?.outcome !== 'ok') return 'a key was lost'
  const { data: found } = await stage.disk().read(fill * 65_536, data.length)
  if (!isSame(found, data)) return 'the disk has lost what was written'
  if (!(await stage.net().ping(stage.lan.address))) return 'the network does not answer any more'
  const { answered } = stage.device('heartbeat').counts
  await stage.run(5)
  return stage.device('heartbeat').counts.answered > answered || 'heartbeats have stopped'
}

export const liveMigrationProbe: Probe = {
  id: 'live-migration',
  feature: 'live-migration',
  version: 2,
  world: 'services',
  devices: ENDS,
  reads: {
    linux: ['vmbus', 'heartbeat', 'kvp', 'storvsc', 'netvsc'],
    freebsd: ['vmbus', 'negotiation', 'heartbeat', 'kvp', 'kvpFourFrom', 'storvsc', 'storvscChoice', 'netvsc', 'ndis'],
    windows: ['vmbus', 'heartbeat', 'kvp', 'storvsc', 'netvsc'],
    host: ['vmbus', 'framework', 'heartbeat', 'kvp', 'storvsc', 'netvsc'],
  },
  moves: true,
  bytes: ['storvsc', 'netvsc'],
  control: { heartbeat: STRANGE },
  async measure(stage) {
    const found = await arrive(stage, 'heartbeat', 'storvsc', 'netvsc')
    if (found !== undefined) return found
    if (!(await stage.until(() => stage.net().exists && stage.disks.length > 0)))
      return fails('no disk or no interface was found', byGuest('storvsc'))
    stage.net().up()
    stage.net().setAddress('10.0.0.2/24')
    const end = await stage.property('moves', move, (drawn) => carried(stage, drawn))
    return end.held ? works : fails(end.reason, byGuest(end.reason.includes('heartbeats') ? 'heartbeat' : 'vmbus'))
  },
}
