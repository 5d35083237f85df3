import { diffMemory } from '@vmbus/trace'
import { MEMORY_MB } from '../../real-guest.ts'
import { play } from '../play.ts'
import type { Scenario } from '../scenario.ts'

const memory = (name: string): Scenario => ({
  name,
  kernels: [
    { release: 'debian-11', flavour: '686' },
    { release: 'debian-12', flavour: '686-pae' },
  ],
  modules: ['hv_vmbus', 'hv_balloon'],
  devices: { balloon: { settleSeconds: 2 } },
  facts: { memoryMB: MEMORY_MB },
  compare: (left, right, { kernel }) =>
    diffMemory(left, right, { ramPages: MEMORY_MB * 256, totalFalls: !String(kernel).startsWith('5.10') }),
  async play(guest, profile) {
    if (profile.devices.balloon === undefined) return 'not offered'
    await play(name, guest, profile)
    return 'ballooned'
  },
})

/** Dynamic memory: pages given up and taken back, memory added, which these kernels cannot. */
export const balloon: Scenario = memory('balloon')

/**
 * The same with status reports. A 32-bit kernel sends the first when its jiffies wrap at 300 s, which takes long; reports are
 * the same for every host.
 */
export const balloonReports: Scenario = { ...memory('balloon-reports'), hosts: ['ws2012r2'] }
