import { memoryDisk } from '@vmbus/disk'
import { ws2019 } from '@vmbus/host'
import { netvsc } from '@vmbus/netvsc'
import { simulate } from '@vmbus/simulation'
import { storvsc } from '@vmbus/storvsc'
import { createSwitch } from '@vmbus/switch'
import { seeded, timerQueue } from '@vmbus/world'
import { expect, test } from 'vitest'
import { compliance } from '../../src/index.ts'

// Their GPADLs fill many messages, so that a rescind finds some of them in the middle.
test('drivers of network and storage keep every rule, from their first offer to a rescind at any moment', async () => {
  await using world = simulate({ seed: 7 })
  const lan = createSwitch({ clock: world.clock, timers: timerQueue(() => undefined), seed: seeded(1) })
  const host = world.host(ws2019, [
    netvsc({ switch: lan, mac: '00:15:5d:00:00:01' }),
    storvsc({ luns: [memoryDisk('64M')] }),
  ])
  const report = await compliance(host).run([netvsc.driver({}), storvsc.driver({})])
  expect(report.failures.map(({ id, transcript }) => [id, transcript?.at(-1)])).toEqual([])
  const works = report.rules.filter(({ outcome }) => outcome === 'works').map(({ id }) => id)
  expect(works).toEqual(expect.arrayContaining(['guest-open-offered', 'guest-gpadl-whole', 'guest-release']))
})
