import type { Guest } from '@vmbus/machine-v86'
import type { Scenario } from '../scenario.ts'
import { withoutPlaces } from './storage.ts'

const ADDED = { lun: 1, size: '4M', grown: 8 << 20 }

async function sh(guest: Guest, line: string): Promise<void> {
  const { status, output } = await guest.exec(line, { seconds: 60 })
  if (status !== 0) throw new Error(`${line}: ${status} ${output}`)
}

const READ = 'dd if=/dev/sdb of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null'

/**
 * A controller that gets a second disk while its guest runs; the disk grows, which the guest hears of with its next
 * command, and is taken away while somebody has it open. Hosts whose protocols tell of changes with the
 * short packets, with the long ones, and with all that is known of them.
 */
export const storvscChanges: Scenario = {
  name: 'storvsc-changes',
  kernels: [
    { release: 'debian-11', flavour: '686' },
    { release: 'debian-12', flavour: '686-pae' },
  ],
  modules: ['hv_vmbus', 'sd_mod', 'hv_storvsc'],
  packages: ['coreutils'],
  hosts: ['ws2008r2', 'ws2012', 'ws2022'],
  devices: { storvsc: { disks: [{ size: '8M' }] } },
  compared: ['ws2008r2', 'ws2022'],
  comparable: withoutPlaces,
  async play(guest) {
    await guest.run(3)
    await guest.call('storvsc.add', { size: ADDED.size })
    await guest.run(3)
    await sh(guest, READ)
    await guest.call('storvsc.resize', { lun: ADDED.lun, bytes: ADDED.grown })
    await sh(guest, READ)
    await guest.run(3)
    await sh(guest, `test $(cat /sys/block/sdb/size) = ${ADDED.grown / 512}`)
    await sh(guest, 'sleep 1000 < /dev/sdb > /dev/null 2>&1 &')
    await guest.call('storvsc.remove', ADDED.lun)
    await guest.run(5)
    await sh(guest, 'test ! -e /sys/block/sdb')
    return 'played'
  },
}
