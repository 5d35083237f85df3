import { linux } from '@vmbus/guest-linux'
import { storvsc as controller } from '@vmbus/storvsc'
import { byExchange, type Normalised } from '@vmbus/trace'
import type { Scenario } from './scenario.ts'
import { emptyDisk, slabOf } from './storage.ts'

/** As many packets as matrix/test/transcripts/scenarios/storvsc-fc.ts keeps of the search of 1024 targets. */
const KEPT = 60

const beginning = ({ control, channels }: Normalised): Normalised => ({
  control,
  channels: Object.fromEntries(Object.entries(channels).map(([name, lines]) => [name, lines.slice(0, KEPT)])),
})

/** A Fibre Channel adapter, which tells its world wide names; the outcome is what the guest knows of them. */
export const storvscFc: Scenario = {
  name: 'storvsc-fc',
  kernels: ['debian-11-686', 'debian-12-686-pae'],
  hosts: ['ws2012', 'ws2022'],
  async play(world, { kernel, profile, real }, transcript) {
    const host = world.host(profile, [controller({ controller: 'fc', luns: [emptyDisk('8M', 0)] })])
    const guest = world.guest(linux(kernel, { modules: ['hv_storvsc'], slab: slabOf(real) }))
    guest.attach(host, { trace: transcript.sink })
    await guest.until('driver:disk')
    const names = guest.bus.devices.map(({ driver }) => driver?.inspect()['wwn'] as { port: string; node: string })
    return names.map(({ port, node }) => `0x${port} 0x${node}`).join()
  },
  comparable: (transcript) => byExchange(beginning(transcript)),
}
