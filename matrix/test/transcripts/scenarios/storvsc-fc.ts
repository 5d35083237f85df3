import type { Scenario } from '../scenario.ts'
import { withoutPlaces } from './storage.ts'

/**
 * A Fibre Channel adapter, which tells its world wide names. Its bus has 1024 targets: what is said of the disk and of the
 * first of those that are not there is kept.
 */
export const storvscFc: Scenario = {
  name: 'storvsc-fc',
  kernels: [
    { release: 'debian-11', flavour: '686' },
    { release: 'debian-12', flavour: '686-pae' },
  ],
  modules: ['hv_vmbus', 'sd_mod', 'hv_storvsc'],
  packages: [],
  hosts: ['ws2012', 'ws2022'],
  devices: { storvsc: { controller: 'fc', disks: [{ size: '8M' }] } },
  keeps: 60,
  compared: ['ws2022'],
  comparable: withoutPlaces,
  async play(guest) {
    await guest.run(10)
    const { output } = await guest.exec('cat /sys/class/fc_host/*/port_name /sys/class/fc_host/*/node_name', {
      seconds: 60,
    })
    return output.trim().replaceAll('\n', ' ')
  },
}
