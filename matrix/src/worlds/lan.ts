import { createSwitch, type Frame, type Switch } from '@vmbus/switch'
import { createPeer } from '@vmbus/switch/peer'
import { scopedTimers, seeded, type Clock, type Timers } from '@vmbus/world'
import type { Lan, VirtualFunction } from '../probes/stage.ts'
import { lazy } from './lazy.ts'

const PEER_MAC = '00:15:5d:00:00:fe'
const PEER_ADDRESS = '10.0.0.1'
const PEER = 'peer'
/** As large as the frames of any guest. */
const MTU = 9000

/** The end of a virtual function that the host has. */
interface HostFunction extends VirtualFunction {
  deliver(frame: Frame): void
}

function hostFunction(lan: Switch): HostFunction {
  const listeners = new Set<(frame: Frame) => void>()
  const port = lan.connect({ name: 'function', mtu: MTU, receive: () => undefined })
  let sent = 0
  return {
    get sent() {
      return sent
    },
    send(frame) {
      sent++
      return port.send(frame)
    },
    onFrame: (listener) => void listeners.add(listener),
    deliver(frame) {
      for (const listener of listeners) listener(frame)
    },
  }
}

/** The switch as the host's end of the adapter has it, too. */
export interface HostLan extends Lan {
  readonly virtualFunction: HostFunction
}

/** The time that a switch is in. */
interface LanTime {
  readonly clock: Clock
  timers(fired: (name: string) => void): Timers
}

/** A switch with one station, 10.0.0.1/24. */
export function lanOf({ clock, timers: timersOf }: LanTime, seed: number): HostLan {
  const timers = timersOf((name) => {
    if (name.startsWith(`${PEER}/`)) peer.timer(name.slice(PEER.length + 1))
    else lan.timer(name)
  })
  const seedOf = (part: string): ReturnType<typeof seeded> => seeded(seeded(seed).u32(part))
  const lan = createSwitch({ clock, timers, seed: seedOf('lan') })
  const port = lan.connect({ name: PEER, mac: PEER_MAC, mtu: MTU, receive: (frame) => peer.receive(frame) })
  const peer = createPeer({
    clock,
    timers: scopedTimers(timers, PEER),
    seed: seedOf(PEER),
    mac: PEER_MAC,
    ipv4: `${PEER_ADDRESS}/24`,
    mtu: MTU,
    send: (frame) => void port.send(frame),
  })
  const own = lazy(() => hostFunction(lan))
  return {
    switch: lan,
    peer,
    port,
    mac: PEER_MAC,
    address: PEER_ADDRESS,
    get virtualFunction() {
      return own()
    },
  }
}
