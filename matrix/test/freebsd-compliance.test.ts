import type { GuestServices } from '@vmbus/core'
import { compliance, guestWith } from '@vmbus/compliance'
import { memoryDisk } from '@vmbus/disk'
import { freebsd } from '@vmbus/guest-freebsd'
import { heartbeat } from '@vmbus/heartbeat'
import { ws2008r2, ws2022 } from '@vmbus/host'
import { kvp } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { shutdown } from '@vmbus/shutdown'
import { simulate } from '@vmbus/simulation'
import { storvsc } from '@vmbus/storvsc'
import { createSwitch } from '@vmbus/switch'
import { timesync } from '@vmbus/timesync'
import { vss } from '@vmbus/vss'
import { seeded, timerQueue } from '@vmbus/world'
import { expect, test } from 'vitest'

interface Up {
  up(): void
}

/** rc(8) brings interfaces up when they appear. */
function broughtUp(part: unknown): unknown {
  if (typeof part !== 'object' || part === null || !('register' in part) || typeof part.register !== 'function')
    return part
  const register = part.register as (live: Up, name?: string) => string
  return {
    ...part,
    register(live: Up, name?: string) {
      const made = register(live, name)
      live.up()
      return made
    },
  }
}

/** A system whose services live as long as the suite. */
function services(): GuestServices {
  const made = new Map<string, unknown>()
  return {
    clock: { set: () => {}, now: () => 0n },
    act: () => {},
    ramPages: 4096,
    service<P>(name: string, make: () => P): P {
      const known = made.get(name) ?? broughtUp(make())
      made.set(name, known)
      return known as P
    },
  }
}

/** The buffers of an adapter are 46 MiB from 13.1 on. */
const OPTIONS = { memoryMB: 56, moments: [3, 13] }

/** The backup driver leaves BackupComplete without an answer (hv_snapshot.c, hv_vss_process_request). */
const SILENT = [['guest-ic-answer', 'broken: vss: no answer to type 5 in 40 s']]

/** The index rule of 10.1 takes message 4.0, which this host does not offer and so refuses; its NDIS is 5.1 (if_hn.c of BIS 1). */
const OLD = [
  ['guest-ic-versions', 'broken: kvp: framework versions 3.0; message versions 4.0'],
  ['guest-kvp-serves', 'broken: kvp: it never happened'],
  ['guest-netvsc-ndis', 'broken: netvsc: NDIS 5.1'],
]

test.each([
  ['10.1', 'ws2008r2', ws2008r2, OLD],
  ['10.4', 'ws2022', ws2022, SILENT],
  ['12.1', 'ws2022', ws2022, SILENT],
  ['13.0', 'ws2022', ws2022, SILENT],
  ['14.0', 'ws2022', ws2022, SILENT],
] as const)(
  'FreeBSD %s on %s breaks the rules that the real drivers break, and no other',
  async (release, _id, profile, but) => {
    await using world = simulate({ seed: 7 })
    const lan = createSwitch({ clock: world.clock, timers: timerQueue(() => undefined), seed: seeded(1) })
    const host = world.host(profile, [
      heartbeat({}),
      timesync({}),
      shutdown({}),
      kvp({}),
      vss({}),
      netvsc({ switch: lan, mac: '00:15:5d:00:00:01' }),
      storvsc({ luns: [memoryDisk('64M')] }),
    ])
    const { drivers, versions, behaviour } = freebsd(release)
    const report = await compliance(host, OPTIONS).run(guestWith(drivers(services()), { versions, behaviour }))
    expect(report.failures.map(({ id, transcript }) => [id, transcript?.at(-1)])).toEqual(but)
    const works = report.rules.filter(({ outcome }) => outcome === 'works').map(({ id }) => id)
    expect(works).toEqual(expect.arrayContaining(['guest-open-offered', 'guest-gpadl-whole', 'guest-netvsc-serves']))
  },
)
