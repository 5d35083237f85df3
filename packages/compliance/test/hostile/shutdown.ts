import { shutdown, type ShutdownHost } from '@vmbus/shutdown'
import type { DeviceTarget } from '../../src/index.ts'
import { IC_GUEST, IC_HOST, icGuestEnd, icHostEnd } from './ic.ts'
import { counted, type JudgedTarget } from './target.ts'

const SHUTDOWN = 3

const target: DeviceTarget = {
  name: 'shutdown',
  memoryMB: 2,
  span: 48,
  seconds: 20,
  create(choose) {
    const counts = counted(['answered', 'abandoned'])
    return {
      device: shutdown({ answerSeconds: 5 }),
      driver: shutdown.driver({ act() {} }),
      tally: counts.tally,
      exercise({ world, host }) {
        if (host === undefined) return
        counts.listen(world.hostBus)
        const action = choose.pick(['power-off', 'restart', 'hibernate'] as const)
        if ((host as ShutdownHost).request({ action, force: choose.chance(50) }) === 'sent') counts.begun()
      },
    }
  },
  ends: { host: icHostEnd, guest: icGuestEnd(SHUTDOWN, 0) },
}

export const shutdownTarget: JudgedTarget = {
  target,
  branches: { host: IC_HOST, guest: [...IC_GUEST, '0x80004005'] },
}
