import { linux } from '@vmbus/guest-linux'
import { storvsc as controller } from '@vmbus/storvsc'
import { byExchange } from '@vmbus/trace'
import type { Scenario } from './scenario.ts'
import { diskOf, emptyDisk, ended, slabOf } from './storage.ts'

/** A disk of the emulated IDE controller over its accelerator, and one page read from it. */
export const storvscIde: Scenario = {
  name: 'storvsc-ide',
  kernels: ['debian-11-686', 'debian-12-686-pae'],
  hosts: ['ws2008', 'ws2012', 'ws2022'],
  async play(world, { kernel, profile, real }, transcript) {
    const host = world.host(profile, [controller({ controller: 'ide', luns: [emptyDisk('8M', 0)] })])
    const guest = world.guest(linux(kernel, { modules: ['hv_storvsc'], slab: slabOf(real) }))
    guest.attach(host, { trace: transcript.sink })
    await guest.until('running')
    if (guest.version === 0) return 'gives up'
    await guest.until('driver:disk')
    const disk = diskOf(guest, 'sda')
    await ended(guest, disk, disk.read(0, 8))
    return 'played'
  },
  comparable: byExchange,
}
