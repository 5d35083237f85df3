import type { Guest } from '@vmbus/machine-v86'
import { describe, expect, it } from 'vitest'
import type { RealHostResult } from '../src/real/boot-report.ts'
import { EPOCH_MS, bootGuest } from './real-guest.ts'

/**
 * The VMBus version of each host, typed from the published facts (hosts.json, vmbus_max) and cut to what each kernel
 * tries: the tables of versions in the modules themselves are 5.2 … 0.13 in 5.10 and 5.3 … 2.4 in 6.1.
 */
const VERSIONS: Readonly<Record<string, readonly [for5_10: string | null, for6_1: string | null]>> = {
  ws2008: ['0.13', null],
  ws2008r2: ['1.1', null],
  ws2012: ['2.4', '2.4'],
  ws2012r2: ['3.0', '3.0'],
  'win10-1507': ['3.0', '3.0'],
  'win10-1511': ['3.0', '3.0'],
  ws2016: ['4.0', '4.0'],
  'win10-1703': ['4.0', '4.0'],
  'win10-1709': ['4.1', '4.1'],
  'win10-1803': ['5.1', '5.1'],
  ws2019: ['5.2', '5.2'],
  'win10-1903': ['5.2', '5.2'],
  'win10-2004': ['5.2', '5.2'],
  ws2022: ['5.2', '5.3'],
  'win11-22h2': ['5.2', '5.3'],
  ws2025: ['5.2', '5.3'],
  azurelocal: ['5.2', '5.3'],
}

/**
 * What framework and components come to, from wire/06 §2: both kernels speak shutdown 3.2, 3.1, 3.0 and 1.0, time
 * synchronisation 4.0, 3.0 and 1.0, heartbeat 3.0 and 1.0; the hosts stop earlier (hosts.json, ic).
 */
const NEWEST = { framework: '3.0', messages: { shutdown: '3.2', timesync: '4.0', heartbeat: '3.0' } }
const OF_2012 = { framework: '3.0', messages: { shutdown: '3.0', timesync: '3.0', heartbeat: '3.0' } }
const OF_2016 = { framework: '3.0', messages: { shutdown: '3.0', timesync: '4.0', heartbeat: '3.0' } }
const COMPONENT_VERSIONS: Readonly<Record<string, typeof NEWEST>> = {
  ws2008: { framework: '1.0', messages: { shutdown: '1.0', timesync: '1.0', heartbeat: '1.0' } },
  ws2008r2: OF_2012,
  ws2012: OF_2012,
  ws2012r2: OF_2012,
  'win10-1507': OF_2012,
  'win10-1511': OF_2012,
  ws2016: OF_2016,
  'win10-1703': OF_2016,
  'win10-1709': OF_2016,
  'win10-1803': OF_2016,
}

const KERNELS = [
  { release: 'debian-11', flavour: '686' },
  { release: 'debian-11', flavour: '686-pae' },
  { release: 'debian-12', flavour: '686' },
  { release: 'debian-12', flavour: '686-pae' },
] as const

const dateOf = async (guest: Guest): Promise<number> => Number((await guest.exec('date +%s')).output.trim()) * 1000

describe.each(KERNELS)('$release $flavour', (kernel) => {
  it.concurrent.each(Object.entries(VERSIONS))('on %s', { timeout: 300_000 }, async (profile, versions) => {
    const expected = versions[kernel.release === 'debian-11' ? 0 : 1]
    await using guest = await bootGuest(kernel, { profile })
    await guest.exec('date -s "2001-02-03 04:05:06"')
    const loaded = await guest.load(['hv_vmbus', 'hv_utils'])
    if (expected === null) {
      // No version in common: the bus driver's module refuses to load, the guest lives on and no service exists.
      expect(loaded['hv_vmbus']?.status).not.toBe(0)
      expect((await guest.exec('echo alive')).output.trim()).toBe('alive')
      expect(((await guest.result()).host as RealHostResult).version).toBeNull()
      return
    }
    expect(loaded['hv_utils']?.status).toBe(0)
    const beforeRun = ((await guest.result()).virtualSeconds + EPOCH_MS / 1000) * 1000
    expect(Math.abs((await dateOf(guest)) - beforeRun)).toBeLessThan(2000)

    await guest.run(60)
    expect(await guest.call('shutdown.request', {})).toBe('sent')
    expect(await guest.ended({ seconds: 30 })).toBe('poweroff')
    const result = await guest.result()
    const host = result.host as RealHostResult
    expect(host.version).toBe(expected)
    expect(host.devices['heartbeat']).toMatchObject({ status: 'ok-applications-unknown', lost: 0 })
    expect((host.devices['heartbeat'] as { answered: number }).answered).toBeGreaterThanOrEqual(30)
    expect(host.devices['timesync']).toMatchObject({ syncs: 1, refused: 0 })
    expect(host.devices['shutdown']).toMatchObject({ answer: 0 })
    const { framework, messages } = COMPONENT_VERSIONS[profile] ?? NEWEST
    for (const [kind, message] of Object.entries(messages))
      expect(host.devices[kind]).toMatchObject({ framework, message })
    expect(result.deterministic).toBe(true)
  })
})
