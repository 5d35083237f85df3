import type { Scenario } from '../scenario.ts'
import { withoutPlaces } from './storage.ts'

/** A disk of the emulated IDE controller over its accelerator: the one place where it can be is looked at. */
export const storvscIde: Scenario = {
  name: 'storvsc-ide',
  kernels: [
    { release: 'debian-11', flavour: '686' },
    { release: 'debian-12', flavour: '686-pae' },
  ],
  modules: ['hv_vmbus', 'sd_mod', 'hv_storvsc'],
  packages: ['coreutils'],
  hosts: ['ws2008', 'ws2012', 'ws2022'],
  devices: { storvsc: { controller: 'ide', disks: [{ size: '8M' }] } },
  compared: ['ws2008', 'ws2022'],
  comparable: withoutPlaces,
  async play(guest) {
    await guest.run(3)
    const { status, output } = await guest.exec('dd if=/dev/sda of=/dev/null bs=4k count=1 iflag=direct', {
      seconds: 60,
    })
    return status === 0 ? 'played' : output
  },
}
