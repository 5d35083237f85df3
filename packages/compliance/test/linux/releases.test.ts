import { memoryDisk } from '@vmbus/disk'
import { versionName } from '@vmbus/core'
import { linuxRelease } from '@vmbus/guest-linux'
import { fcopy } from '@vmbus/fcopy'
import { heartbeat } from '@vmbus/heartbeat'
import { ws2008, ws2008r2, ws2012, ws2012r2, ws2016, ws2022, type HostProfile } from '@vmbus/host'
import { kvp } from '@vmbus/kvp'
import { shutdown } from '@vmbus/shutdown'
import { simulate } from '@vmbus/simulation'
import { storvsc } from '@vmbus/storvsc'
import { timesync } from '@vmbus/timesync'
import { vss } from '@vmbus/vss'
import { describe, expect, test } from 'vitest'
import { net } from './net.ts'

const HOSTS: readonly HostProfile[] = [ws2008, ws2008r2, ws2012, ws2012r2, ws2016, ws2022]

/** The newest version that both ends of the table know; `-`: none. Typed by hand from the trees and the hosts' offers. */
const AGREED: readonly (readonly [release: string, versions: string])[] = [
  ['rhel 6.4', '0.13 0.13 0.13 0.13 0.13 0.13'],
  ['rhel 6.5', '0.13 1.1 2.4 2.4 2.4 2.4'],
  ['rhel 6.6', '0.13 1.1 2.4 3.0 3.0 3.0'],
  ['rhel 7.9', '0.13 1.1 2.4 3.0 4.0 5.0'],
  ['rhel 8.6', '0.13 1.1 2.4 3.0 4.0 5.3'],
  ['rhel 8.7', '- - 2.4 3.0 4.0 5.3'],
  ['rhel 5.5 + lis 4.3', '0.13 1.1 2.4 3.0 3.0 3.0'],
  ['rhel 6.9 + lis 4.3.6', '0.13 1.1 2.4 3.0 4.0 4.0'],
  ['ubuntu 22.04', '0.13 1.1 2.4 3.0 4.0 5.3'],
  ['oracle uek3', '0.13 0.13 0.13 0.13 0.13 0.13'],
]

/** Linux tries storage 2.0 from 4.3 on; the drivers before it have no disk on a host that knows nothing newer. */
const NO_DISK_ON_2008: readonly string[] = ['rhel 6.4', 'rhel 6.5', 'rhel 6.6', 'rhel 5.5 + lis 4.3', 'oracle uek3']

async function up(release: string, profile: HostProfile) {
  const generation = linuxRelease(release)
  if (generation === undefined) throw new Error(`${release} is not known`)
  const world = simulate({ seed: 2 })
  const guest = world.guest(generation, { memoryMB: 1 })
  const keys = kvp({})
  const services = [heartbeat({}), timesync({}), shutdown({}), vss({}), fcopy({ source: { read: () => true } })]
  const host = world.host(profile, [...services, keys, storvsc({ luns: [memoryDisk('1M')] })])
  const attached = guest.attach(host)
  await guest.until('connected', { seconds: 30 }).catch(() => undefined)
  world.run({ seconds: 10 })
  return { world, guest, keys: () => host.device(attached, keys) }
}

describe.each(AGREED)('%s', (release, versions) => {
  test.each(HOSTS.map((host, index) => [host.id, host, versions.split(' ')[index] ?? '?'] as const))(
    'on %s',
    async (_id, profile, version) => {
      const { version: found, surface } = (await up(release, profile)).guest
      expect(found === 0 ? '-' : versionName(found)).toBe(version)
      const hasDisk = version !== '-' && !(profile === ws2008 && NO_DISK_ON_2008.includes(release))
      expect(surface.disk('sda')?.size).toBe(hasDisk ? 1 << 20 : undefined)
    },
  )
})

test.each([
  ['rhel 7.6 + lis 4.3.5', '4.3.5'],
  ['rhel 6.9 + lis 4.0.11', '4.0.11'],
  ['rhel 7.9', '3.1'],
])('%s says %s for its integration services', async (release, version) => {
  const { world, guest, keys } = await up(release, ws2016)
  const told: unknown[] = []
  guest.on((event) => {
    if (event.kind === 'host' && event.name === 'kvp:completed') told.push(event.detail)
  })
  keys().enumerate({ pool: 'auto' })
  world.run({ seconds: 1 })
  expect(told).toHaveLength(1)
  expect(JSON.stringify(told[0])).toContain(`"key":"IntegrationServicesVersion","type":"string","value":"${version}"`)
})

// NVSP SEND_NDIS_CONFIG, 125: VLAN tags 8, virtual functions 4, teams 0x20, RSC 0x80 (Linux hyperv_net.h, nvsp_2_vsc_capability).
test.each([
  ['2.6.32-504.el6', 0x28],
  ['4.18.0-80.el8', 0x2c],
  ['4.18.0-147.el8', 0xac],
])('the network driver of %s asks for %i', async (kernel, capabilities) => {
  const { guest, crossed } = net(kernel)
  await guest.until('driver:interface')
  const [, found] = crossed.flatMap(
    (line) => /^packet to host: [0-9a-f]{32}7d000000[0-9a-f]{16}([0-9a-f]{2})/.exec(line) ?? [],
  )
  expect(Number.parseInt(found ?? '', 16)).toBe(capabilities)
})
