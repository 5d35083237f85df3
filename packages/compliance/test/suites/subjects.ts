import { balloon, type BalloonHost } from '@vmbus/balloon'
import type { HostDevice } from '@vmbus/core'
import { memoryDisk } from '@vmbus/disk'
import { fcopy, type FcopyHost, type FileSystem } from '@vmbus/fcopy'
import { heartbeat } from '@vmbus/heartbeat'
import { kvp, memoryPools, type KvpHost } from '@vmbus/kvp'
import { netvsc, type NetvscGuest } from '@vmbus/netvsc'
import { shutdown, type ShutdownHost } from '@vmbus/shutdown'
import { storvsc } from '@vmbus/storvsc'
import { createSwitch } from '@vmbus/switch'
import { timesync } from '@vmbus/timesync'
import { vss, type VssHost } from '@vmbus/vss'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
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

/** A guest's memory as two counts of pages, without any RAM behind them. */
function fakePages() {
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

const devices: readonly DeviceUnderTest[] = [
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
      ...counting<ShutdownHost>(['answered', 'abandoned'], (host) => host.request({}) === 'sent'),
    }),
  },
  {
    name: 'balloon',
    create: () => ({
      device: balloon({ bootPages: 65_536, settleSeconds: 1 }),
      driver: balloon.driver({ memory: fakePages(), reportDelay: 0 }),
      ...counting<BalloonHost>(['balloon'], (host) => host.balloon(1000) === 'begun'),
    }),
  },
  {
    name: 'kvp',
    create: () => ({
      device: kvp({}),
      driver: kvp.driver({ pools: memoryPools() }),
      ...counting<KvpHost>(['completed'], (host) => typeof host.set({ key: 'a', value: 'b' }) === 'number'),
    }),
  },
  {
    name: 'vss',
    create: () => ({
      device: vss({ snapshot: () => true }),
      driver: vss.driver({ target: { freeze: () => true, thaw: () => true } }),
      ...counting<VssHost>(['backup'], (host) => typeof host.backup({}) === 'number'),
    }),
  },
  {
    name: 'fcopy',
    create: () => ({
      device: fcopy({ source: { read: () => true } }),
      driver: fcopy.driver({ files: files() }),
      ...counting<FcopyHost>(
        ['completed'],
        (host) => typeof host.copy({ source: 'x', size: 20_000, path: '/tmp', name: 'x' }) === 'number',
      ),
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
  {
    name: 'netvsc',
    create: () => ({
      device: netvsc({
        switch: createSwitch({ clock: virtualClock(), timers: timerQueue(() => {}), seed: seeded(1) }),
        mac: '00:15:5d:00:00:01',
      }),
      driver: netvsc.driver({ receiveBufferBytes: 64 * 4096, sendBufferBytes: 16 * 4096, ringPages: 4, sendPages: 24 }),
      exercise({ world }) {
        const driver = world.guestBus.devices[0]?.driver as NetvscGuest | undefined
        if (driver?.phase === 'ready') driver.send({ bytes: new Uint8Array(600) })
      },
    }),
  },
]

/** RAM is saved, copied and compared at every moment: all of them have room enough in 1 MiB. */
export const subjects: readonly DeviceUnderTest[] = devices.map(({ name, create }) => ({
  name,
  create: () => ({ ...create(), memoryMB: 1 }),
}))
