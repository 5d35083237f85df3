import { balloon } from '@vmbus/balloon'
import { memoryDisk } from '@vmbus/disk'
import { heartbeat } from '@vmbus/heartbeat'
import { ws2008, ws2008r2, ws2012, ws2012r2, ws2016, ws2025, type HostProfile } from '@vmbus/host'
import { kvp, memoryPools } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { shutdown } from '@vmbus/shutdown'
import { simulate } from '@vmbus/simulation'
import { storvsc } from '@vmbus/storvsc'
import { createSwitch } from '@vmbus/switch'
import { timesync } from '@vmbus/timesync'
import { vss } from '@vmbus/vss'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { expect, test } from 'vitest'
import { compliance, hostCompliance } from '../../src/index.ts'

const memory = () => {
  let [next, free] = [0, 16_384]
  return {
    total: () => free,
    available: () => free,
    committed: () => 0,
    take: (count: number) => ((free -= count), { start: (next += count) - count, count }),
    release: ({ count }: { count: number }) => void (free += count),
  }
}
const lan = () => createSwitch({ clock: virtualClock(), timers: timerQueue(() => {}), seed: seeded(1) })

const devices = () => [
  heartbeat({}),
  timesync({}),
  shutdown({}),
  kvp({}),
  vss({}),
  balloon({ bootPages: 65_536 }),
  storvsc({ luns: [memoryDisk('1M')] }),
  netvsc({ switch: lan(), mac: '00:15:5d:00:00:01' }),
]
/** What Linux and FreeBSD do otherwise than a correct driver need. */
const drivers = () => [
  heartbeat.driver({ match: 'at-most' }),
  timesync.driver({ clock: { set() {}, now: () => 0n }, reportsFailure: false }),
  shutdown.driver({ act() {}, perSignal: 'one' }),
  kvp.driver({ pools: memoryPools(), quirks: ['text-only', 'empty-get', 'cuts-answers'] }),
  vss.driver({ target: { freeze: () => true, thaw: () => true } }),
  balloon.driver({ memory: memory(), quirks: ['claims-hot-add', 'answers-each-size'] }),
  storvsc.driver({}),
  netvsc.driver({
    receiveBufferBytes: 64 * 4096,
    sendBufferBytes: 16 * 4096,
    ringPages: 4,
    sendPages: 16,
    sendBufferId: 0xface,
    maxTransfer: 2048,
    pageRanges: true,
    requestOffset: 64,
    keepsSetupIds: true,
  }),
]

const PROFILES: readonly HostProfile[] = [ws2008, ws2008r2, ws2012, ws2012r2, ws2016, ws2025]

test.each(PROFILES)('drivers with the ways of real ones keep every rule on $id', async (profile) => {
  await using world = simulate({ seed: 7 })
  const host = world.host(profile, devices())
  const options = { memoryMB: 4, moments: [] }
  const guest = await compliance(host, options).run(drivers())
  const failed = guest.failures.map(({ id, transcript }) => [id, transcript?.at(-1)])
  // What the oldest hosts do not offer nobody opens.
  expect(failed.filter(([id]) => id !== 'guest-opens')).toEqual([])
  const report = await hostCompliance(world.host(profile, devices()), options).run(drivers())
  expect(report.failures.map(({ id, transcript }) => [id, transcript?.at(-1)])).toEqual([])
})
