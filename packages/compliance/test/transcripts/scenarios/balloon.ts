import { balloon } from '@vmbus/balloon'
import { linux } from '@vmbus/guest-linux'
import { diffMemory, type Provenance } from '@vmbus/trace'
import { play, releaseOf } from '../play.ts'
import { script } from '../script.ts'
import type { Scenario } from './scenario.ts'

const factsOf = (provenance: Provenance): { readonly ramPages: number; readonly totalFalls: boolean } => ({
  ramPages: Number(provenance['memoryMB']) * 256,
  // adjust_managed_page_count came to drivers/hv/hv_balloon.c with 5.11.
  totalFalls: !String(provenance['kernel']).startsWith('5.10'),
})

const memory = (name: string): Scenario => ({
  name,
  kernels: ['debian-11-686', 'debian-12-686-pae'],
  compare: (left, right, provenance) => diffMemory(left, right, factsOf(provenance)),
  async play(world, { profile, provenance }, transcript) {
    const device = balloon({ settleSeconds: 2 })
    const host = world.host(profile, [device])
    const guest = world.guest(linux(releaseOf(provenance), { modules: ['hv_balloon'] }), {
      memoryMB: Number(provenance['memoryMB']),
    })
    const attached = guest.attach(host, { trace: transcript.sink })
    await guest.until('running')
    if (guest.version === 0) return 'gives up'
    if (profile.devices.balloon === undefined) return 'not offered'
    const { balloon: giveUp, unballoon, hotAdd } = host.device(attached, device)
    await play(script(name), world, guest, {
      'balloon.balloon': giveUp,
      'balloon.unballoon': unballoon,
      'balloon.hotAdd': hotAdd,
    })
    return 'ballooned'
  },
})

/** Dynamic memory: pages given up and taken back, memory added, which 32-bit kernels cannot. */
export const balloonMemory: Scenario = memory('balloon')

/** The same with status reports. */
export const balloonReports: Scenario = { ...memory('balloon-reports'), hosts: ['ws2012r2'] }
