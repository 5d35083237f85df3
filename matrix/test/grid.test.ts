import { linux } from '@vmbus/guest-linux'
import { hostProfiles, ws2022, type HostProfile } from '@vmbus/host'
import { hostBuilds } from '@vmbus/catalog'
import { versionName } from '@vmbus/core'
import { describe, expect, it } from 'vitest'
import { measure } from '../src/grid/cell.ts'
import { runGrid } from '../src/grid/grid.ts'
import { printGrid } from '../src/grid/print.ts'

describe('one cell', () => {
  it('works when the three components do what they are for', async () => {
    expect(await measure(linux('6.1'), ws2022, 1)).toEqual({
      outcome: 'works',
      evidence: 'simulated-sourced',
      reason: '',
      vmbus: '5.3',
      components: { heartbeat: 'works', timesync: 'works', shutdown: 'works' },
    })
  })

  it.each(['heartbeat', 'timesync', 'shutdown'] as const)(
    'is partial on a host whose %s speaks no version of the guest',
    async (kind) => {
      const deaf = { framework: [0x9_0000], message: [0x9_0000] }
      const profile: HostProfile = { ...ws2022, devices: { ...ws2022.devices, [kind]: deaf } }
      const cell = await measure(linux('6.1'), profile, 1)
      expect(cell).toMatchObject({ outcome: 'partial', reason: `without ${kind}` })
      expect(cell.components[kind]).toBe('fails')
    },
  )
})

describe('the grid', () => {
  it('has a row for each release and a column for each host, and says what reality says', async () => {
    const grid = await runGrid(1, new AbortController().signal)
    // RHEL 50, UEK 8, Debian 6, Ubuntu 10, SLES 15, FreeBSD 30 and its four with ports: every kernel of the one list.
    expect(grid.rows).toHaveLength(123)
    expect(grid.hosts.map(({ id }) => id)).toEqual(hostBuilds().map(({ id }) => id))
    const cell = (family: string, release: string, host: string): string | undefined => {
      const found = grid.rows.find(({ row }) => row.family === family && row.release === release)
      return found?.cells[grid.hosts.findIndex(({ id }) => id === host)]?.outcome
    }
    // What the real kernels do: boot.guests.test.ts.
    expect(cell('debian', '12', 'ws2008r2')).toBe('fails')
    expect(cell('debian', '12', 'ws2012')).toBe('works')
    expect(cell('debian', '11', 'ws2008')).toBe('works')
    expect(cell('rhel', '5.2', 'ws2022')).toBe('not-run')
    const text = printGrid(grid)
    expect(text).toMatch(/debian 12 .*6\.1/)
    expect(text).toMatch(/works \d+/)
  })
})

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
