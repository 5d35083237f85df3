import { fcopy, type FcopyGuest, type FcopyHost, type FileSystem } from '@vmbus/fcopy'
import type { DeviceTarget } from '../../src/index.ts'
import { IC_GUEST, IC_HOST, icGuestEnd, icHostEnd } from './ic.ts'
import { counted, type JudgedTarget } from './target.ts'

const FCOPY = 7
const FOLDER = '/in'
const DISK_FULL = 0x8007_0070

/** Files that say when a path leaves the folder that copies may go to. */
function files(fails: () => boolean): FileSystem {
  const all = new Map<string, number>()
  const check = (path: string): void => {
    if (path.split('/').some((part) => part === '..' || part === '.')) throw new Error(`a path that climbs: ${path}`)
  }
  return {
    exists: (path) => all.has(path),
    makeFolder: () => true,
    create(path) {
      check(path)
      if (fails()) return DISK_FULL
      all.set(path, 0)
      return 0
    },
    write(path, offset, bytes) {
      const length = all.get(path)
      if (length === undefined) throw new Error('a write to no file')
      if (offset > length) throw new Error('a write beyond the end')
      if (fails()) return DISK_FULL
      all.set(path, Math.max(length, offset + bytes.length))
      return 0
    },
    rename(from, to) {
      check(to)
      const length = all.get(from)
      if (length === undefined) throw new Error('no file to rename')
      all.delete(from)
      all.set(to, length)
      return 0
    },
    remove: (path) => void all.delete(path),
  }
}

const target: DeviceTarget = {
  name: 'fcopy',
  memoryMB: 2,
  span: 64,
  create(choose) {
    const counts = counted(['completed'])
    return {
      device: fcopy({ source: { read: () => choose.chance(95) }, replySeconds: 5 }),
      driver: fcopy.driver({ files: files(() => choose.chance(5)) }),
      tally: counts.tally,
      exercise({ world, host, driver }) {
        if (choose.chance(5)) (driver as FcopyGuest | undefined)?.setDaemon(choose.chance(60))
        if (host === undefined) return
        counts.listen(world.hostBus)
        const end = host as FcopyHost
        if (choose.chance(10)) end.cancel()
        const begun = end.copy({
          source: 'x',
          size: choose.below(30_000),
          path: FOLDER,
          name: `file ${choose.below(4)}`,
          overwrite: choose.chance(70),
          createPath: choose.chance(50),
        })
        if (typeof begun === 'number') counts.begun()
      },
    }
  },
  ends: {
    host: icHostEnd,
    guest: icGuestEnd(FCOPY, 4, ({ daemon, target: path }) =>
      daemon === false ? 'without daemon' : path === undefined ? 'idle' : 'copying',
    ),
  },
}

/** Operations by number: START, DATA, COMPLETE, CANCEL (Linux include/uapi/linux/hyperv.h). */
const REFUSED = ['0 0x80070050', '0 0x80070057', '1 0x80004005', '1 0x80070057', '2 0x80004005']
const RARE = ['0 0x80070070', '1 0x80070070', '0 0x80004005']

export const fcopyTarget: JudgedTarget = {
  target,
  branches: { host: IC_HOST, guest: [...IC_GUEST, ...REFUSED] },
  rare: { guest: RARE },
}
