import { heartbeat } from '@vmbus/heartbeat'
import type { DeviceTarget } from '../../src/index.ts'
import { IC_GUEST, IC_HOST, icGuestEnd, icHostEnd } from './ic.ts'
import type { JudgedTarget } from './target.ts'

const HEARTBEAT = 1
const ANSWER = 'VMBUS_HEARTBEAT_ANSWER'

const target: DeviceTarget = {
  name: 'heartbeat',
  memoryMB: 2,
  span: 40,
  create: () => ({
    device: heartbeat({ intervalMs: 200 }),
    driver: heartbeat.driver({}),
    exercise: ({ world }) => world.run(0.3),
  }),
  ends: {
    host: { ...icHostEnd, branchOf: ({ code }) => (code === ANSWER ? 'sequence' : undefined) },
    guest: icGuestEnd(HEARTBEAT, 0),
  },
}

export const heartbeatTarget: JudgedTarget = {
  target,
  branches: { host: [...IC_HOST, 'sequence'], guest: [...IC_GUEST, '0x80070057'] },
}
