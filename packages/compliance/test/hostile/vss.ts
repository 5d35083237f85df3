import { vss, type VssGuest, type VssHost } from '@vmbus/vss'
import type { DeviceTarget } from '../../src/index.ts'
import { IC_GUEST, IC_HOST, icGuestEnd, icHostEnd } from './ic.ts'
import { counted, type JudgedTarget } from './target.ts'

const VSS = 5

/** File systems that are frozen once at most, unless they would not thaw before. */
function fileSystems(fails: () => boolean) {
  let [frozen, stuck] = [false, false]
  return {
    freeze() {
      if (frozen && !stuck) throw new Error('frozen twice')
      if (stuck || fails()) return false
      frozen = true
      return true
    },
    thaw() {
      stuck = frozen && fails()
      if (stuck) return false
      frozen = false
      return true
    },
  }
}

const target: DeviceTarget = {
  name: 'vss',
  memoryMB: 2,
  create(choose) {
    const counts = counted(['backup'])
    return {
      device: vss({
        snapshot: () => (choose.chance(70) ? choose.chance(80) : 'later'),
        limits: { freeze: 8, reply: 5, snapshot: 5 },
      }),
      driver: vss.driver({
        target: fileSystems(() => choose.chance(10)),
        limits: { freeze: 4, reply: 3, frozen: 8 },
      }),
      tally: counts.tally,
      exercise({ world, host, driver }) {
        if (choose.chance(5)) (driver as VssGuest | undefined)?.setDaemon(choose.chance(60))
        if (host === undefined) return
        counts.listen(world.hostBus)
        const end = host as VssHost
        if (choose.chance(30)) end.snapshotDone(choose.chance(80))
        if (typeof end.backup({}) === 'number') counts.begun()
      },
    }
  },
  ends: {
    host: icHostEnd,
    guest: icGuestEnd(VSS, 1, ({ frozen, daemon }) => `${String(daemon)} ${String(frozen)}`),
  },
}

/** Operations by number: 2 asks whether a backup is possible, 5 freezes, 6 thaws (Linux include/uapi/linux/hyperv.h). */
const FAILED = ['5 0x80004005', '6 0x80004005']

export const vssTarget: JudgedTarget = {
  target,
  branches: { host: IC_HOST, guest: [...IC_GUEST, ...FAILED] },
  rare: { guest: ['2 0x80004005'] },
}
