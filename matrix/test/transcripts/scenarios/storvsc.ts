import type { Scenario } from '../scenario.ts'
import { withoutPlaces } from './storage.ts'

const dd = (words: string): string => `dd ${words} 2>/dev/null`

/**
 * A guest with one SCSI controller and one disk of 8 MiB: what the driver and the SCSI midlayer say by themselves, then
 * transfers of one sector, one page and sixteen, a flush and a discard, each on its own.
 */
export const storvsc: Scenario = {
  name: 'storvsc',
  kernels: [
    { release: 'debian-11', flavour: '686' },
    { release: 'debian-12', flavour: '686-pae' },
  ],
  modules: ['hv_vmbus', 'sd_mod', 'hv_storvsc'],
  packages: ['coreutils'],
  devices: { storvsc: { disks: [{ size: '8M' }] } },
  // One for each version of the protocol, which is all that a controller and its driver go by.
  compared: ['ws2008', 'ws2008r2', 'ws2012', 'ws2012r2', 'ws2022'],
  comparable: withoutPlaces,
  async play(guest) {
    await guest.run(3)
    const script = [
      dd('if=/dev/sda of=/dev/null bs=1536 count=1 skip=7 iflag=direct'),
      dd('if=/dev/sda of=/dev/null bs=4k count=1 skip=2 iflag=direct'),
      dd('if=/dev/sda of=/dev/null bs=64k count=1 skip=3 iflag=direct'),
      dd('if=/dev/sda of=/dev/null bs=320k count=1 skip=1 iflag=direct'),
      dd('if=/dev/zero of=/dev/sda bs=512 count=1 seek=7 oflag=direct'),
      dd('if=/dev/zero of=/dev/sda bs=4k count=1 seek=2 oflag=direct'),
      dd('if=/dev/zero of=/dev/sda bs=64k count=1 seek=3 oflag=direct conv=fsync'),
      'busybox blkdiscard -o 1048576 -l 2097152 /dev/sda',
    ]
    for (const line of script) {
      const { status, output } = await guest.exec(line, { seconds: 60 })
      if (status !== 0) throw new Error(`${line}: ${status} ${output}`)
    }
    return 'played'
  },
}
