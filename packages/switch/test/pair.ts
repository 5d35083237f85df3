import { createSwitch, type LinkOptions, type Switch } from '@vmbus/switch'
import { createPeer, type Peer, type PeerOptions } from '@vmbus/switch/peer'
import { testWorld, type TestWorld } from './world.ts'

export interface Pair {
  readonly world: TestWorld
  readonly lan: Switch
  readonly a: Peer
  readonly b: Peer
}

const plug = (
  world: TestWorld,
  lan: Switch,
  name: string,
  n: number,
  options: Partial<PeerOptions>,
  link: LinkOptions,
): Peer => {
  const mtu = options.mtu ?? 1500
  const port = lan.connect({ name, mtu, link, receive: (frame) => peer.receive(frame) })
  const peer = createPeer({
    clock: world.clock,
    seed: world.seed,
    timers: {
      set: (key, at) => world.timers.set(`${name}/${key}`, at),
      clear: (key) => world.timers.clear(`${name}/${key}`),
    },
    mac: `02:00:00:00:00:0${n}`,
    ipv4: `10.0.0.${n}/24`,
    ipv6: `fd00::${n}/64`,
    send: (frame) => port.send(frame),
    ...options,
  })
  world.owners.set(name, (key) => peer.timer(key))
  return peer
}

/** Two peers, 10.0.0.1 and 10.0.0.2, on one switch. */
export function pair(
  options: {
    readonly link?: LinkOptions
    readonly a?: Partial<PeerOptions>
    readonly b?: Partial<PeerOptions>
    readonly world?: TestWorld
    readonly seed?: number
  } = {},
): Pair {
  const world = options.world ?? testWorld(options.seed ?? 1)
  const lan = createSwitch(world.deps)
  world.owners.set('switch', (name) => lan.timer(name))
  return {
    world,
    lan,
    a: plug(world, lan, 'a', 1, options.a ?? {}, options.link ?? {}),
    b: plug(world, lan, 'b', 2, options.b ?? {}, {}),
  }
}

/** `length` bytes that differ by position and stream. */
export function pattern(length: number, stream: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0, x = stream + 1; i < length; i++) bytes[i] = (x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0) >>> 24
  return bytes
}
