import { hostBuilds } from '@vmbus/catalog'
import { versionName } from '@vmbus/core'
import { hostProfiles } from '@vmbus/host'
import { describe, expect, it } from 'vitest'

/** Two independent transcriptions of the same facts: the profiles by hand, the catalog from its sources. */
describe('host profiles agree with the catalog', () => {
  it.each(hostBuilds().map((build) => [build.id, build] as const))('%s', (id, build) => {
    const profile = hostProfiles.find((known) => known.id === id)
    expect(profile?.name).toBeTruthy()
    expect(profile?.vmbus.map(versionName)).toEqual(build.vmbus_offered.value)
    const newest = (versions: readonly number[] | undefined): string | null =>
      versions === undefined ? null : versionName(Math.max(...versions))
    expect(newest(profile?.devices.balloon?.versions)).toBe(build.dynamic_memory_max.value)
    const storvsc = Math.max(...(profile?.devices.storvsc?.versions ?? []))
    expect(`${storvsc >>> 8}.${storvsc & 0xff}`).toBe(build.storvsp_max.value)
    for (const kind of ['heartbeat', 'timesync', 'shutdown', 'kvp', 'vss', 'fcopy'] as const) {
      // A maximum with a note, such as "3.0 (3.1/3.2: see note)", is its first word.
      expect([kind, newest(profile?.devices[kind]?.message)]).toEqual([kind, build.ic.max[kind]?.split(' ')[0] ?? null])
    }
    expect(newest(profile?.devices.heartbeat?.framework)).toBe(build.ic.max['framework'])
  })
})
