import { balloon } from '@vmbus/balloon'
import { memoryDisk } from '@vmbus/disk'
import { fcopy } from '@vmbus/fcopy'
import { windows, type WindowsId, type WindowsOptions, type WindowsSurface } from '@vmbus/guest-windows'
import { heartbeat } from '@vmbus/heartbeat'
import { hostProfiles, type Host, type HostProfile } from '@vmbus/host'
import { kvp, type KvpCompletion } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { shutdown } from '@vmbus/shutdown'
import { simulate, type GuestEvent, type World, type WorldGuest, type WorldHost } from '@vmbus/simulation'
import { storvsc } from '@vmbus/storvsc'
import { createSwitch } from '@vmbus/switch'
import { createPeer } from '@vmbus/switch/peer'
import { timesync } from '@vmbus/timesync'
import { vss } from '@vmbus/vss'
import { seeded } from '@vmbus/world'

export const PEER = '10.0.0.1'
export const FILE = Uint8Array.from({ length: 10_000 }, (_, at) => at >>> 3)

const source = {
  read(_: string, offset: number, into: Uint8Array): boolean {
    into.set(FILE.subarray(offset, offset + into.length))
    return true
  },
}

/** One of each device, and a switch with a peer at 10.0.0.1. */
function devicesOf(world: World) {
  const { clock } = world
  const seed = seeded(1)
  const lan = createSwitch({ clock, seed, timers: world.timers('lan', (name) => lan.timer(name)) })
  const mac = '02:00:00:00:00:01'
  const port = lan.connect({ name: 'peer', mac, mtu: 1500, receive: (frame) => peer.receive(frame) })
  const peer = createPeer({
    clock,
    seed,
    timers: world.timers('peer', (name) => peer.timer(name)),
    mac,
    mtu: 1500,
    ipv4: `${PEER}/24`,
    send: (frame) => port.send(frame),
  })
  return {
    network: netvsc({ switch: lan, mac: '00:15:5d:00:00:01' }),
    disk: storvsc({ luns: [memoryDisk('1M')] }),
    keys: kvp({}),
    backup: vss({ snapshot: () => true }),
    copy: fcopy({ source }),
    stop: shutdown({}),
    time: timesync({}),
    beat: heartbeat({}),
    memory: balloon({ settleSeconds: 1 }),
  }
}

type Devices = ReturnType<typeof devicesOf>

export interface Machine {
  readonly world: World
  readonly guest: WorldGuest<WindowsSurface>
  readonly host: WorldHost
  readonly attached: Host
  readonly devices: Devices
  readonly events: GuestEvent[]
  /** Message ids that the guest sent, and versions of its contacts. */
  readonly messages: number[]
  readonly contacts: number[]
  /** Channels that the guest opened, by their class. */
  opened(interfaceId: string): boolean
  completed(id: number | string): Promise<KvpCompletion>
}

const CONTACT = 14
const OPEN = 5

export interface MachineOptions extends WindowsOptions {
  readonly memoryMB?: number
  readonly clockAhead?: bigint
  readonly vps?: number
}

/** A Windows that boots on a host with everything that there is. */
export function machine(profile: HostProfile, release: WindowsId, options: MachineOptions = {}): Machine {
  const { memoryMB = 16, clockAhead = 0n, vps = 1, ...system } = options
  const world = simulate({ seed: 6 })
  const devices = devicesOf(world)
  const host = world.host(profile, Object.values(devices))
  const guest = world.guest(windows(release, system), { memoryMB, clockAhead, vps })
  const [events, messages, contacts, relids]: [GuestEvent[], number[], number[], number[]] = [[], [], [], []]
  guest.on((event) => void events.push(event))
  const attached = guest.attach(host, {
    trace(event) {
      if (event.kind !== 'message' || event.to !== 'host') return
      const view = new DataView(event.bytes.buffer, event.bytes.byteOffset)
      const id = view.getUint32(0, true)
      messages.push(id)
      if (id === CONTACT) contacts.push(view.getUint32(8, true))
      if (id === OPEN) relids.push(view.getUint32(8, true))
    },
  })
  return {
    world,
    guest,
    host,
    attached,
    devices,
    events,
    messages,
    contacts,
    opened: (interfaceId) =>
      events.some(
        (event) => event.kind === 'offered' && event.interfaceId === interfaceId && relids.includes(event.relid),
      ),
    async completed(id) {
      if (typeof id !== 'number') throw new Error(`not taken: ${id}`)
      const find = (): KvpCompletion | undefined =>
        events
          .flatMap((event) =>
            event.kind === 'host' && event.name === 'kvp:completed' ? [event.detail as KvpCompletion] : [],
          )
          .find((each) => each.id === id)
      while (find() === undefined) await guest.until('host:kvp:completed')
      return find() as KvpCompletion
    },
  }
}

/** Hosts that have generation 2: from 2012 R2 on. */
export const MODERN_HOSTS: readonly HostProfile[] = hostProfiles.filter(({ fields }) =>
  fields.generations.value.includes(2),
)
