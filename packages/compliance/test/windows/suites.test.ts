import { balloon } from '@vmbus/balloon'
import { memoryDisk } from '@vmbus/disk'
import { fcopy } from '@vmbus/fcopy'
import { windows, type WindowsId } from '@vmbus/guest-windows'
import { heartbeat } from '@vmbus/heartbeat'
import { ws2008, ws2008r2, ws2012, ws2012r2, ws2016, ws2022, ws2025, type HostProfile } from '@vmbus/host'
import { kvp } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { shutdown } from '@vmbus/shutdown'
import { simulate } from '@vmbus/simulation'
import { storvsc } from '@vmbus/storvsc'
import { createSwitch } from '@vmbus/switch'
import { timesync } from '@vmbus/timesync'
import { vss } from '@vmbus/vss'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { expect, test } from 'vitest'
import { compliance, guestWith, type GuestUnderTest } from '../../src/index.ts'

const PAIRS: readonly (readonly [WindowsId, HostProfile])[] = [
  ['ws2008', ws2008],
  ['ws2008r2', ws2008],
  ['ws2008r2', ws2008r2],
  ['ws2012', ws2012],
  ['ws2012r2', ws2012r2],
  ['ws2016', ws2016],
  ['ws2022', ws2012r2],
  ['ws2022', ws2022],
  ['ws2025', ws2025],
]

const lan = () => createSwitch({ clock: virtualClock(), timers: timerQueue(() => {}), seed: seeded(1) })

const devices = () => [
  heartbeat({}),
  timesync({}),
  shutdown({}),
  kvp({}),
  vss({}),
  fcopy({ source: { read: () => true } }),
  balloon({ settleSeconds: 1 }),
  storvsc({ luns: [memoryDisk('1M')] }),
  netvsc({ switch: lan(), mac: '00:15:5d:00:00:01' }),
]

/** The release's drivers, for what the host offers; its services are made anew in each life. */
function guestOf(id: WindowsId, { devices: offered }: HostProfile): GuestUnderTest {
  const { versions, behaviour, drivers } = windows(id, { receiveBufferBytes: 64 * 4096, sendBufferBytes: 16 * 4096 })
  const made = (ramPages: number) =>
    drivers({
      clock: { set() {}, discipline() {}, now: () => 0n },
      act() {},
      ramPages,
      service: (_, make) => make(),
    }).filter(({ kind }) => kind in offered)
  return {
    name: id,
    interfaces: made(0).map(({ interfaceIds }) => interfaceIds),
    boot: (machine) => guestWith(made(machine.partition.memory.size / 4096), { versions, behaviour }).boot(machine),
  }
}

test.each(PAIRS)('the drivers of %s keep every rule on $id', async (id, profile) => {
  await using world = simulate({ seed: 7 })
  const host = world.host(profile, devices())
  const report = await compliance(host, { memoryMB: 8, moments: [13] }).run(guestOf(id, profile))
  expect(report.failures.map(({ id: rule, transcript }) => [rule, transcript?.at(-1)])).toEqual([])
  const works = report.rules.filter(({ outcome }) => outcome === 'works').map(({ id: rule }) => rule)
  expect(works).toEqual(expect.arrayContaining(['guest-open-offered', 'guest-release', 'guest-heartbeat-serves']))
})
