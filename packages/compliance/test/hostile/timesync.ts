import { timesync, type TimesyncHost } from '@vmbus/timesync'
import type { DeviceTarget } from '../../src/index.ts'
import { IC_GUEST, IC_HOST, icGuestEnd, icHostEnd } from './ic.ts'
import type { JudgedTarget } from './target.ts'

const TIMESYNC = 4

const target: DeviceTarget = {
  name: 'timesync',
  memoryMB: 2,
  span: 56,
  create: (choose) => ({
    device: timesync({ intervalMs: 200 }),
    driver: timesync.driver({ clock: { set() {}, discipline() {}, now: () => 0n } }),
    exercise({ world, host }) {
      if (choose.chance(50)) (host as TimesyncHost | undefined)?.sync()
      else world.run(0.3)
    },
  }),
  ends: {
    host: icHostEnd,
    guest: icGuestEnd(TIMESYNC, 0, ({ fresh }) => (fresh === true ? 'fresh' : 'stale')),
  },
}

export const timesyncTarget: JudgedTarget = {
  target,
  branches: { host: IC_HOST, guest: [...IC_GUEST, '0x80070057', '0x80004005'] },
}
