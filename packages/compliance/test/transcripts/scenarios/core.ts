import { linux } from '@vmbus/guest-linux'
import { heartbeat } from '@vmbus/heartbeat'
import { shutdown } from '@vmbus/shutdown'
import { timesync } from '@vmbus/timesync'
import type { Scenario } from './scenario.ts'

/** The bus and the three components of every host, some beats, a shutdown. */
export const core: Scenario = {
  name: 'core',
  kernels: ['debian-11-686', 'debian-11-686-pae', 'debian-12-686', 'debian-12-686-pae'],
  async play(world, { kernel, profile, provenance }, transcript) {
    const stop = shutdown({})
    const host = world.host(profile, [stop, heartbeat({}), timesync({})])
    const guest = world.guest(linux(kernel, { modules: ['hv_utils'] }))
    const attached = guest.attach(host, { trace: transcript.sink })
    await guest.until('running')
    if (guest.version === 0) return 'gives up'
    for (let beat = 0; beat < Number(provenance['beats']); beat++) await guest.until('host:heartbeat:beat')
    host.device(attached, stop).request({})
    await guest.until('powered-off')
    return 'poweroff'
  },
}
