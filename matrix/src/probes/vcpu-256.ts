import { arrive, byGuest, fails, works } from './arrive.ts'
import type { Probe } from './probe.ts'

const VPS = 257

export const vcpu256Probe: Probe = {
  id: 'vcpu-256',
  feature: 'vcpu-256',
  version: 1,
  world: 'services',
  devices: ['heartbeat'],
  machine: { vps: VPS },
  needs: {
    field: 'maxVps',
    has: ({ fields }) => Math.max(...Object.values(fields.maxVps.value)) >= VPS,
    reason: 'the host gives no machine more than 256 processors',
  },
  reads: { linux: ['vmbus', 'vpLimit'], freebsd: ['vmbus'], windows: ['vmbus'], host: ['vmbus'] },
  missing: 'interrupts of devices on each of them',
  notReal: 'one-processor',
  bytes: ['heartbeat'],
  control: { vpLimit: 256 },
  async measure(stage) {
    const found = await arrive(stage, 'heartbeat')
    if (found !== undefined) return found
    await stage.run(4)
    const count = stage.processors()
    return count >= VPS ? works : fails(`the bus is on ${count} of ${VPS} processors`, byGuest('vpLimit'))
  },
}
