import type { World } from '@vmbus/simulation'
import { createSwitch } from '@vmbus/switch'
import { createPeer } from '@vmbus/switch/peer'
import { scopedTimers, seeded } from '@vmbus/world'
import type { Lan } from '../probes/stage.ts'

const PEER_MAC = '00:15:5d:00:00:fe'
const PEER_ADDRESS = '10.0.0.1'
const PEER = 'peer'

/** A switch with one station, 10.0.0.1/24, in the time of a world. */
export function lanOf(world: World, seed: number): Lan {
  const timers = world.timers('lan', (name) => {
    if (name.startsWith(`${PEER}/`)) peer.timer(name.slice(PEER.length + 1))
    else lan.timer(name)
  })
  const { clock } = world
  const seedOf = (part: string): ReturnType<typeof seeded> => seeded(seeded(seed).u32(part))
  const lan = createSwitch({ clock, timers, seed: seedOf('lan') })
  const port = lan.connect({ name: PEER, mac: PEER_MAC, receive: (frame) => peer.receive(frame) })
  const peer = createPeer({
    clock,
    timers: scopedTimers(timers, PEER),
    seed: seedOf(PEER),
    mac: PEER_MAC,
    ipv4: `${PEER_ADDRESS}/24`,
    mtu: 9000,
    send: (frame) => void port.send(frame),
  })
  return { switch: lan, peer, mac: PEER_MAC, address: PEER_ADDRESS }
}
