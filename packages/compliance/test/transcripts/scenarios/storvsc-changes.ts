import { linux } from '@vmbus/guest-linux'
import { storvsc as controller } from '@vmbus/storvsc'
import { byExchange } from '@vmbus/trace'
import type { Scenario } from './scenario.ts'
import { diskOf, emptyDisk, ended, slabOf } from './storage.ts'

const LUN = 1
const GROWN = (8 << 20) / 512
const PAGE_OF_SECTORS = 8

/** A disk is added while the guest runs, grows, which the guest hears of with its next command, and is taken away. */
export const storvscChanges: Scenario = {
  name: 'storvsc-changes',
  kernels: ['debian-11-686', 'debian-12-686-pae'],
  hosts: ['ws2008r2', 'ws2012', 'ws2022'],
  async play(world, { kernel, profile, real }, transcript) {
    const scsi = controller({ luns: [emptyDisk('8M', 0)] })
    const added = emptyDisk('4M', LUN)
    const host = world.host(profile, [scsi])
    const guest = world.guest(linux(kernel, { modules: ['hv_storvsc'], slab: slabOf(real) }))
    const attached = guest.attach(host, { trace: transcript.sink })
    await guest.until('running')
    if (guest.version === 0) return 'gives up'
    await guest.until('driver:disk')
    const device = host.device(attached, scsi)
    device.addLun(added)
    await guest.until('driver:disk')
    const disk = diskOf(guest, 'sdb')
    await ended(guest, disk, disk.read(0, PAGE_OF_SECTORS))
    added.resize(GROWN)
    const read = disk.read(0, PAGE_OF_SECTORS)
    await guest.until('driver:disk')
    await ended(guest, disk, read)
    if (disk.size !== GROWN * 512) return `${disk.size} bytes`
    device.removeLun({ lun: LUN })
    await guest.until('driver:disk-gone')
    return guest.surface.disk('sdb') === undefined ? 'played' : 'still there'
  },
  comparable: byExchange,
}
