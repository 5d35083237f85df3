import { arrive, byGuest, fails, works } from './arrive.ts'
import type { EndName } from './ends.ts'
import type { Probe } from './probe.ts'

const ENDS: readonly EndName[] = ['heartbeat', 'shutdown', 'kvp']

export const lsvmbusProbe: Probe = {
  id: 'lsvmbus',
  feature: 'lsvmbus',
  version: 1,
  world: 'services',
  devices: ENDS,
  reads: {
    linux: ['vmbus', 'lsvmbus'],
    freebsd: ['vmbus'],
    windows: ['vmbus'],
    host: ['vmbus'],
  },
  bytes: ['heartbeat'],
  control: { lsvmbus: false },
  async measure(stage) {
    if (stage.family !== 'linux') return { outcome: 'not-applicable', reason: 'lsvmbus is a tool of Linux' }
    const found = await arrive(stage)
    if (found !== undefined) return found
    const listed = stage.listed()
    if (listed.length === 0)
      return { outcome: 'no-driver', reason: 'the release has no lsvmbus', decidedBy: byGuest('lsvmbus') }
    const missing = ENDS.filter((end) => !listed.some(({ instanceId }) => instanceId === stage.instanceOf(end)))
    await stage.run(4)
    return missing.length === 0 ? works : fails(`it does not list ${missing.join(', ')}`, byGuest('lsvmbus'))
  },
}
