import type { Channel, GuestBus, HostBus, HostDeviceHandle, VmbusVersion } from '@vmbus/core'
import type { GuestMemory } from '@vmbus/hypervisor'
import { createSwitch, type Frame, type Port, type Switch } from '@vmbus/switch'
import { bench, deviceWorld, type InterruptMode } from '@vmbus/testbench'
import { seeded, type Diagnostic, type TraceEvent } from '@vmbus/world'
import {
  netvsc,
  type NetvscGuest,
  type NetvscGuestOptions,
  type NetvscHost,
  type NetvscHostOptions,
  type NetvscSettings,
} from '../src/index.ts'

export const GUEST_MAC = '00:15:5d:00:00:01'
export const PEER_MAC = '02:00:00:00:00:01'

export interface WorldOptions {
  readonly host?: Partial<NetvscHostOptions>
  readonly guest?: NetvscGuestOptions
  readonly settings?: NetvscSettings
  readonly vmbus?: readonly VmbusVersion[]
  readonly vps?: number
  readonly pages?: number
  readonly interrupts?: InterruptMode
}

/** A frame as the guest's owner saw it. */
interface Seen {
  readonly bytes: Uint8Array
  readonly vlan: Frame['vlan']
  readonly queue: number
  readonly hash: number
  readonly checksum: number
  readonly fragments: number
}

export interface World {
  readonly memory: GuestMemory
  readonly lan: Switch
  /** A port without an owner: what reaches it is in `out`. */
  readonly peer: Port
  readonly out: Frame[]
  readonly seen: Seen[]
  readonly host: HostBus
  readonly guest: GuestBus
  readonly handle: HostDeviceHandle<NetvscHost>
  readonly nic: NetvscHost
  readonly driver: NetvscGuest
  readonly diagnostics: readonly Diagnostic[]
  readonly events: readonly string[]
  readonly trace: TraceEvent[]
  /** Packets and what they named. */
  readonly said: TraceEvent[]
  readonly available: number
  /** The host's end of a channel, by its subchannel index. */
  hostChannel(index: number): Channel | undefined
  /** How often `onWritable` was called. */
  readonly writable: number
  readonly now: number
  offer(): HostDeviceHandle<NetvscHost>
  step(): boolean
  settle(): void
  save(): unknown
  /** Into this world; what both ends' owners saw stays. */
  restore(state: unknown): void
}

/** Small buffers, so that their ends are reached. */
export const SMALL: NetvscGuestOptions = {
  receiveBufferBytes: 64 * 4096,
  sendBufferBytes: 16 * 4096,
  ringPages: 4,
  sendPages: 24,
}

/** Both ends over one partition, with a switch behind the host. */
export function world(options: WorldOptions = {}): World {
  const { pages = 512, vps = 4, interrupts = 'deferred' } = options
  const made = bench({ pages, vps, interrupts })
  const lan = createSwitch({ clock: made.clock, timers: made.scope('lan'), seed: seeded(2) })
  made.add('lan', lan)
  const seen: Seen[] = []
  let writable = 0
  const driverSpec = netvsc.driver({
    ...SMALL,
    ...options.guest,
    onFrame: (frame, info) => {
      const { queue, hash, checksum, fragments } = info
      seen.push({ bytes: frame.bytes.slice(), vlan: frame.vlan, queue, hash, checksum, fragments })
      options.guest?.onFrame?.(frame, info)
    },
    onWritable: () => {
      writable++
      options.guest?.onWritable?.()
    },
  })
  const out: Frame[] = []
  const peer = lan.connect({
    name: 'peer',
    mac: PEER_MAC,
    mtu: 9202,
    receive: ({ bytes, vlan, offload }) =>
      void out.push({ bytes: bytes.slice(), ...(vlan && { vlan }), ...(offload && { offload }) }),
  })
  const said: TraceEvent[] = []
  const trace: TraceEvent[] = []
  const spec = netvsc({ switch: lan, mac: GUEST_MAC, ...options.host })
  const channels: (Channel | undefined)[] = []
  const watched: typeof spec = {
    ...spec,
    create(deps, settings) {
      const device = spec.create(deps, settings)
      const open = (channel: Channel): number => {
        channels[channel.subchannelIndex] = channel
        return device.open(channel)
      }
      return Object.assign(Object.create(device) as NetvscHost, { open })
    },
  }
  const { hostBus, guestBus, ...ends } = deviceWorld(watched, driverSpec, {
    bench: made,
    firstPage: 1,
    starts: false,
    keepsEvents: false,
    settings: options.settings,
    ...(options.vmbus && { versions: options.vmbus }),
    see(event) {
      if ((event.kind !== 'packet' && event.kind !== 'transfer' && event.kind !== 'message') || said.length >= 20_000)
        return
      said.push(event)
      if (event.kind === 'packet' && trace.length < 10_000) trace.push(event)
    },
  })
  const { diagnostics, happened } = ends
  let { handle } = ends
  return {
    memory: made.memory,
    lan,
    peer,
    out,
    seen,
    host: hostBus,
    guest: guestBus,
    diagnostics,
    trace,
    said,
    get events() {
      return happened.map(({ end, name }) => `${end} ${name}`)
    },
    get handle() {
      return handle
    },
    get nic() {
      return handle.device
    },
    get driver() {
      const driver = guestBus.devices[0]?.driver
      if (driver === undefined || !('send' in driver)) throw new Error('no driver')
      return driver as NetvscGuest
    },
    get available() {
      return ends.allocator.available
    },
    hostChannel: (index) => channels[index],
    get writable() {
      return writable
    },
    get now() {
      return made.clock.now()
    },
    offer: () => (handle = ends.offer()),
    step: () => made.step(Number.MAX_VALUE),
    // Timers that are far away are not awaited: only what happens by itself now.
    settle: () => made.settle(1, 200_000),
    save: made.save,
    restore(state) {
      made.restore(state)
      handle = hostBus.devices[0] as HostDeviceHandle<NetvscHost>
    },
  }
}

/** A frame of `length` bytes to `to`, filled by `fill`. */
export function frameTo(to: string, from: string, length: number, fill = 0): Uint8Array {
  const bytes = new Uint8Array(length)
  const mac = (text: string): number[] => text.split(':').map((part) => Number.parseInt(part, 16))
  bytes.set(mac(to), 0)
  bytes.set(mac(from), 6)
  bytes[12] = 0x88
  bytes[13] = 0xb5
  for (let at = 14; at < length; at++) bytes[at] = (at * 7 + fill * 13) & 0xff
  return bytes
}

export function connected(options: WorldOptions = {}): World {
  const made = world(options)
  made.guest.start()
  made.settle()
  return made
}
