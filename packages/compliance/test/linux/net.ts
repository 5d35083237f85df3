import {
  kernelVector,
  linux,
  type LinuxInterface,
  type LinuxOptions,
  type LinuxSurface,
  type LinuxVector,
} from '@vmbus/guest-linux'
import { ws2022, type Host, type HostProfile } from '@vmbus/host'
import { netvsc, type NetvscHost, type NetvscHostOptions } from '@vmbus/netvsc'
import { simulate, type World, type WorldGuest, type WorldHost } from '@vmbus/simulation'
import { createSwitch, type Port, type PortConfig, type Switch } from '@vmbus/switch'
import { createPeer, type Peer } from '@vmbus/switch/peer'
import { seeded } from '@vmbus/world'

export const PEER = '10.0.0.1'
export const GUEST = '10.0.0.2'

export interface Net {
  readonly world: World
  readonly lan: Switch
  /** 10.0.0.1, in the host. */
  readonly peer: Peer
  /** The peer's. */
  readonly port: Port
  readonly guest: WorldGuest<LinuxSurface>
  readonly host: WorldHost
  readonly attached: Host
  readonly nic: NetvscHost
  readonly eth0: LinuxInterface
  /** Messages, packets and what they name, as text. */
  readonly crossed: string[]
  /** Sequence numbers of the echo requests of the peer that were answered. */
  readonly answered: number[]
}

export interface NetOptions {
  readonly profile?: HostProfile
  readonly mtu?: number
  readonly vps?: number
  /** Of the peer's port. */
  readonly port?: PortConfig
  readonly adapter?: Partial<NetvscHostOptions>
}

/** A Linux with an adapter on a switch that it shares with a peer; it is booting. */
export function net(kernel: string | LinuxVector, options: LinuxOptions & NetOptions = {}): Net {
  const { profile = ws2022, mtu = 1500, vps = 1, port: cable = {}, adapter: nic = {}, ...system } = options
  const world = simulate({ seed: 5 })
  const { clock } = world
  const seed = seeded(1)
  const lan = createSwitch({ clock, seed, timers: world.timers('lan', (name) => lan.timer(name)) })
  const mac = '02:00:00:00:00:01'
  const answered: number[] = []
  const port = lan.connect({ name: 'peer', ...cable, mac, mtu, receive: (frame) => peer.receive(frame) })
  const peer = createPeer({
    clock,
    seed,
    timers: world.timers('peer', (name) => peer.timer(name)),
    mac,
    mtu,
    ipv4: `${PEER}/24`,
    send: (frame) => port.send(frame),
    echoed: ({ sequence }) => void answered.push(sequence),
  })
  const adapter = netvsc({ switch: lan, mac: '00:15:5d:00:00:01', ...nic })
  const host = world.host(profile, [adapter])
  const guest = world.guest(linux(kernel, { modules: ['hv_netvsc'], ...system }), { memoryMB: 20 + 2 * vps, vps })
  const crossed: string[] = []
  const attached = guest.attach(host, {
    trace(event) {
      if (event.kind === 'message' || event.kind === 'packet' || event.kind === 'transfer')
        crossed.push(`${event.kind} to ${event.to}: ${Buffer.from(event.bytes).toString('hex')}`)
    },
  })
  return {
    world,
    lan,
    peer,
    port,
    guest,
    host,
    attached,
    get nic() {
      return host.device(attached, adapter)
    },
    get eth0() {
      return guest.surface.net('eth0')
    },
    crossed,
    answered,
  }
}

/** A kernel's vector, with one of its network fields taken away. */
export function without(release: string, field: 'vlan' | 'jumbo' | 'vrss' | 'tso' | 'checksum' | 'rsc'): LinuxVector {
  const vector = kernelVector(release)
  return { ...vector, fields: { ...vector.fields, [field]: { ...vector.fields[field], value: false } } }
}

/** With an address, and up. */
export async function connected(...of: Parameters<typeof net>): Promise<Net> {
  const made = net(...of)
  await made.guest.until('driver:interface')
  made.eth0.setAddress(`${GUEST}/24`)
  made.eth0.up()
  await made.guest.until('driver:up')
  return made
}
