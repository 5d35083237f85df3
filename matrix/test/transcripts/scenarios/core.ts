import type { Scenario } from '../scenario.ts'

/** Beats that are answered before the shutdown is asked for: two seconds and more from every time sample. */
const BEATS = 4

/**
 * A guest with hv_vmbus and hv_utils on a host that offers shutdown, heartbeat and time synchronisation; after some beats
 * the host asks it to shut down.
 */
export const core: Scenario = {
  name: 'core',
  kernels: [
    { release: 'debian-11', flavour: '686' },
    { release: 'debian-11', flavour: '686-pae' },
    { release: 'debian-12', flavour: '686' },
    { release: 'debian-12', flavour: '686-pae' },
  ],
  modules: ['hv_vmbus', 'hv_utils'],
  devices: { shutdown: {}, heartbeat: {}, timesync: {} },
  facts: { beats: BEATS },
  async play(guest) {
    const beats = (): number => guest.events.filter(({ name }) => name === 'heartbeat:beat').length
    while (beats() < BEATS) await guest.until('event:heartbeat:beat', { seconds: 10 })
    await guest.call('shutdown.request', {})
    return guest.ended({ seconds: 20 })
  },
}
