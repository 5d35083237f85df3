import { play } from '../play.ts'
import type { Scenario } from '../scenario.ts'

/** Keys, live backup and file copy, with Debian's own daemons and without. */
export const services: Scenario = {
  name: 'services',
  kernels: [
    { release: 'debian-11', flavour: '686' },
    { release: 'debian-12', flavour: '686-pae' },
  ],
  modules: ['hv_vmbus', 'hv_utils'],
  devices: { kvp: { hostInfo: {} }, vss: {}, fcopy: {} },
  async play(guest, profile) {
    await play('services', guest, profile)
    return 'served'
  },
}
