import { balloon, type BalloonHost } from '@vmbus/balloon'
import type { HostDevice } from '@vmbus/core'
import { memoryDisk } from '@vmbus/disk'
import { fcopy, type FcopyHost, type FileSystem } from '@vmbus/fcopy'
import { heartbeat } from '@vmbus/heartbeat'
import { kvp, memoryPools, type KvpHost } from '@vmbus/kvp'
import { shutdown, type ShutdownHost } from '@vmbus/shutdown'
import { storvsc } from '@vmbus/storvsc'
import { timesync } from '@vmbus/timesync'
import { vss, type VssHost } from '@vmbus/vss'
import type { DeviceUnderTest, DeviceWorld } from '../../src/index.ts'

/** Counts what `use` begins, and the events of these names that end it. */
function counting<Host extends HostDevice>(names: readonly string[], use: (host: Host) => boolean) {
  let [begun, ended, listening] = [0, 0, false]
  return {
    exercise({ host, world }: { host: HostDevice; world: DeviceWorld }) {
      if (!listening)
        world.hostBus.on((event) => void (event.kind === 'device' && names.includes(event.name) && ended++))
      listening = true
      if (use(host as Host)) begun++
    },
    tally: () => ({ begun, ended }),
  }
}

function files(): FileSystem {
  const all = new Map<string, number>()
  return {
    exists: (path) => all.has(path),
    makeFolder: () => true,
    create: (path) => (all.set(path, 0), 0),
    write: (path, offset, bytes) => (all.set(path, offset + bytes.length), 0),
    rename: (from, to) => (all.set(to, all.get(from) ?? 0), all.delete(from), 0),
    remove: (path) => void all.delete(path),
  }
}

/** A guest's memory as two piles of pages. */
function piles() {
  let [next, free] = [0, 16_384]
  const back: { start: number; count: number }[] = []
  return {
    total: () => free,
    available: () => free,
    committed: () => 0,
    take(count: number) {
      free -= count
      next += count
      return { start: next - count, count }
    },
    release: (run: { start: number; count: number }) => ((free += run.count), void back.push(run)),
  }
}

export const subjects: readonly DeviceUnderTest[] = [
  { name: 'heartbeat', create: () => ({ device: heartbeat({}), driver: heartbeat.driver({}) }) },
  {
    name: 'timesync',
    create: () => ({
      device: timesync({}),
      driver: timesync.driver({ clock: { set() {}, discipline() {}, now: () => 0n } }),
    }),
  },
  {
    name: 'shutdown',
    create: () => ({
      device: shutdown({}),
      driver: shutdown.driver({ act() {} }),
      exercise: ({ host }) => void (host as ShutdownHost).request({}),
    }),
  },
  {
    name: 'balloon',
    create: () => ({
      device: balloon({ bootPages: 65_536, settleSeconds: 1 }),
      driver: balloon.driver({ memory: piles(), reportDelay: 0 }),
      ...counting<BalloonHost>(['balloon'], (host) => host.balloon(1000) === 'begun'),
    }),
  },
  {
    name: 'kvp',
    create: () => ({
      device: kvp({}),
      driver: kvp.driver({ pools: memoryPools() }),
      exercise: ({ host }) => void (host as KvpHost).set({ key: 'a', value: 'b' }),
    }),
  },
  {
    name: 'vss',
    create: () => ({
      device: vss({ snapshot: () => true }),
      driver: vss.driver({ target: { freeze: () => true, thaw: () => true } }),
      exercise: ({ host }) => void (host as VssHost).backup({}),
    }),
  },
  {
    name: 'fcopy',
    create: () => ({
      device: fcopy({ source: { read: () => true } }),
      driver: fcopy.driver({ files: files() }),
      exercise: ({ host }) => void (host as FcopyHost).copy({ source: 'x', size: 20_000, path: '/tmp', name: 'x' }),
    }),
  },
  {
    name: 'storvsc',
    // Its driver scans the bus by itself: some forty commands.
    create: () => ({
      device: storvsc({ luns: [memoryDisk('1M')] }),
      driver: storvsc.driver({}),
    }),
  },
]
