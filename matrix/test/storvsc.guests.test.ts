import { hostProfiles } from '@vmbus/host'
import { describe, expect, it } from 'vitest'
import type { RealHostResult } from '../src/real/boot-report.ts'
import { bootGuest } from './real-guest.ts'

/** 2.4: 5.10 reaches every bus, 6.1 none that is older. */
const OLDEST_OF_6_1 = 0x0002_0004

describe.each(['debian-11', 'debian-12'] as const)('%s', (release) => {
  it.concurrent.each(hostProfiles)('reaches the newest storage of $id', async ({ id, vmbus, devices }) => {
    const host = { profile: id, devices: { storvsc: { disks: [{ size: '8M' }] } } }
    await using guest = await bootGuest({ release, flavour: '686' }, host)
    const loaded = await guest.load(['hv_vmbus', 'hv_storvsc', 'sd_mod'])
    const reached = release === 'debian-11' || vmbus.some((version) => version >= OLDEST_OF_6_1)
    expect(loaded['hv_vmbus']?.status === 0).toBe(reached)
    const { devices: measured } = (await guest.result()).host as RealHostResult
    // Both kernels speak 6.2, 6.0 and 5.1 of storage, 5.10 also 4.2 and 2.0.
    expect(measured['storvsc']).toMatchObject({ version: reached ? Math.max(...(devices.storvsc?.versions ?? [])) : 0 })
    const { output } = await guest.exec('cat /sys/block/sda/size 2>/dev/null || echo none')
    expect(output.trim()).toBe(reached ? '16384' : 'none')
  })
})
