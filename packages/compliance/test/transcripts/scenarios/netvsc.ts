import { linux, type LinuxSurface } from '@vmbus/guest-linux'
import { netvsc, type NetvscHost } from '@vmbus/netvsc'
import type { World, WorldGuest } from '@vmbus/simulation'
import { createSwitch } from '@vmbus/switch'
import { createPeer, type Peer } from '@vmbus/switch/peer'
import type { Transcript } from '@vmbus/trace'
import { seeded } from '@vmbus/world'
import type { Scenario, Trial } from './scenario.ts'

const GUEST = '10.0.0.2'
const QUIET = { ms: 200 }

interface Net {
  readonly guest: WorldGuest<LinuxSurface>
  readonly nic: NetvscHost
  readonly peer: Peer
}

/** matrix/src/real/netvsc.ts: the switch, the peer and the adapter that the real kernels had. */
async function connect(world: World, { kernel, profile }: Trial, transcript: Transcript): Promise<Net | undefined> {
  const { clock } = world
  const seed = seeded(1)
  const lan = createSwitch({ clock, seed, timers: world.timers('lan', (name) => lan.timer(name)) })
  const mac = '02:00:00:00:00:01'
  const port = lan.connect({ name: 'peer', mac, mtu: 1500, receive: (frame) => peer.receive(frame) })
  const timers = world.timers('peer', (name) => peer.timer(name))
  const peer = createPeer({ clock, timers, seed, mac, ipv4: '10.0.0.1/24', send: (frame) => port.send(frame) })
  const adapter = netvsc({ switch: lan, mac: '00:15:5d:00:00:01' })
  const host = world.host(profile, [adapter])
  const guest = world.guest(linux(kernel, { modules: ['hv_netvsc'] }), { memoryMB: 32 })
  const attached = guest.attach(host, { trace: transcript.sink })
  await guest.until('running')
  if (guest.version === 0) return undefined
  if (!guest.surface.net('eth0').exists) await guest.until('driver:interface')
  const eth0 = guest.surface.net('eth0')
  eth0.setAddress(`${GUEST}/24`)
  eth0.up()
  world.run(QUIET)
  return { guest, nic: host.device(attached, adapter), peer }
}

/** Zeros between two marks. */
function echoPayload(length: number): Uint8Array {
  const payload = new Uint8Array(length)
  payload[0] = 0x5a
  payload[length - 1] = 0xa5
  return payload
}

export const netvscScenario: Scenario = {
  name: 'netvsc',
  kernels: ['debian-11-686', 'debian-12-686-pae'],
  async play(world, trial, transcript) {
    const net = await connect(world, trial, transcript)
    if (net === undefined) return 'gives up'
    const { guest, nic, peer } = net
    for (const size of ['small', 'large']) {
      peer.ping(GUEST, { id: 1, sequence: 1, payload: echoPayload(Number(trial.provenance[size])) })
      world.run(QUIET)
    }
    nic.disconnectLink()
    world.run(QUIET)
    nic.connectLink()
    world.run(QUIET)
    nic.remove()
    await guest.until('rescinded')
    world.run(QUIET)
    return 'removed'
  },
}

export const netvscUnload: Scenario = {
  name: 'netvsc-unload',
  kernels: ['debian-11-686', 'debian-12-686-pae'],
  hosts: ['ws2008r2', 'ws2012', 'ws2012r2', 'ws2016', 'ws2022'],
  async play(world, trial, transcript) {
    const net = await connect(world, trial, transcript)
    if (net === undefined) return 'gives up'
    const eth0 = net.guest.surface.net('eth0')
    eth0.down()
    world.run(QUIET)
    eth0.unbind()
    world.run(QUIET)
    return 'unloaded'
  },
}
