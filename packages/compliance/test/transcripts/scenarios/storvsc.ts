import { linux, type LinuxDisk } from '@vmbus/guest-linux'
import { storvsc as controller } from '@vmbus/storvsc'
import { byExchange } from '@vmbus/trace'
import type { Scenario } from './scenario.ts'
import { diskOf, emptyDisk, ended, slabOf } from './storage.ts'

const SECTOR = 512
const KiB = 1024 / SECTOR
const MiB = 1024 * KiB
const zeros = (sectors: number): Uint8Array => new Uint8Array(sectors * SECTOR)

/** What matrix/test/transcripts/scenarios/storvsc.ts has its guest do with dd and blkdiscard. */
const script = (disk: LinuxDisk): (() => number)[] => [
  () => disk.read(7 * 3, 3),
  () => disk.read(2 * 4 * KiB, 4 * KiB),
  () => disk.read(3 * 64 * KiB, 64 * KiB),
  () => disk.read(320 * KiB, 320 * KiB),
  () => disk.write(7, zeros(1)),
  () => disk.write(2 * 4 * KiB, zeros(4 * KiB)),
  () => disk.write(3 * 64 * KiB, zeros(64 * KiB)),
  () => disk.flush(),
  () => disk.discard(MiB, 2 * MiB),
]

/** A controller with one disk of 8 MiB: the search for it, then transfers, a flush and a discard, each on its own. */
export const storvsc: Scenario = {
  name: 'storvsc',
  kernels: ['debian-11-686', 'debian-12-686-pae'],
  async play(world, { kernel, profile, real }, transcript) {
    const host = world.host(profile, [controller({ luns: [emptyDisk('8M', 0)] })])
    const guest = world.guest(linux(kernel, { modules: ['hv_storvsc'], slab: slabOf(real) }))
    guest.attach(host, { trace: transcript.sink })
    await guest.until('running')
    if (guest.version === 0) return 'gives up'
    await guest.until('driver:disk')
    const disk = diskOf(guest, 'sda')
    for (const begin of script(disk)) await ended(guest, disk, begin())
    return 'played'
  },
  comparable: byExchange,
}
