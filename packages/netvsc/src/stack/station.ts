import type { GuestDriverDeps } from '@vmbus/core'
import type { Frame } from '@vmbus/switch'
import { createPeer, type Peer } from '@vmbus/switch/peer'
import { UNCONFIGURED, ipConfig, isV6, peerAddresses, type IpConfig } from './ip-config.ts'
import { anything, integer, list, object, plainCopy, scopedTimers, u16, type Shape } from '@vmbus/world'

/** The least MTU that the peer has (RFC 791: every host takes packets of 576 bytes). */
const LEAST_PEER_MTU = 576
/** Echo requests whose answers are remembered. */
const MOST_ECHOES = 1024

/** Addresses of an interface, and what was asked from them. */
export interface StationState {
  readonly config: IpConfig
  /** Of the next echo request. */
  readonly sequence: number
  readonly answered: readonly number[]
  /** PeerState, which the peer looks at; null before there is one. */
  readonly peer: unknown
}

export const stationState: Shape<StationState> = object<StationState>({
  config: ipConfig,
  sequence: integer(),
  answered: list(u16, 0, MOST_ECHOES),
  peer: anything,
})

export interface StationOptions {
  readonly deps: GuestDriverDeps
  /** Of its timers. */
  readonly scope: string
  readonly echoMayFragment: boolean
  readonly mac: () => string
  readonly mtu: () => number
  send(frame: Frame): void
  echoed(address: string, sequence: number): void
}

/** The IP stack of one interface: it answers ARP and echo requests once it has an address. */
export interface Station {
  readonly config: IpConfig
  /** The address that the MAC gives; undefined before it was up, or configured. */
  readonly linkLocal: string | undefined
  configure(config: IpConfig): void
  /** The interface is up: it has its link-local address at least. */
  start(): void
  /** The largest packet may have changed: neighbours and what is under way stay. */
  renew(): void
  receive(frame: Frame): void
  /** The sequence number of an echo request; undefined without an address to send from. */
  ping(address: string, bytes: number): number | undefined
  isAnswered(sequence: number): boolean
  timer(name: string): void
  save(): StationState
  load(state: StationState): void
}

export function createStation({ deps, scope, echoMayFragment, mac, mtu, send, echoed }: StationOptions): Station {
  let config = UNCONFIGURED
  let sequence = 1
  let answered: number[] = []
  let peer: Peer | undefined

  function peerOf(given: IpConfig, saved: unknown): Peer {
    const made = createPeer({
      clock: deps.clock,
      timers: scopedTimers(deps.timers, scope),
      seed: deps.seed,
      mac: mac(),
      mtu: Math.max(LEAST_PEER_MTU, mtu()),
      ...peerAddresses(given, mtu()),
      echoMayFragment,
      send,
      echoed(reply) {
        answered.push(reply.sequence)
        if (answered.length > MOST_ECHOES) answered.shift()
        echoed(reply.address, reply.sequence)
      },
    })
    if (saved !== null) made.restore(saved, () => ({}))
    return made
  }

  return {
    get config() {
      return config
    },
    get linkLocal() {
      return peer?.addresses.at(-1)
    },
    configure(given) {
      peer = peerOf(given, null)
      config = plainCopy(given)
    },
    start() {
      peer ??= peerOf(config, null)
    },
    renew() {
      if (peer !== undefined) peer = peerOf(config, peer.save())
    },
    receive: (frame) => peer?.receive(frame),
    ping(to, bytes) {
      const hasSource = isV6(to) || !config.addresses.every(isV6)
      if (peer === undefined || !hasSource) return undefined
      const number = sequence++ & 0xffff
      peer.ping(to, { sequence: number, payload: new Uint8Array(bytes) })
      return number
    },
    isAnswered: (number) => answered.includes(number),
    timer: (name) => peer?.timer(name),
    save: () => ({ config: plainCopy(config), sequence, answered: [...answered], peer: peer?.save() ?? null }),
    load(state) {
      config = state.config
      sequence = state.sequence
      answered = [...state.answered]
      peer = state.peer === null ? undefined : peerOf(config, state.peer)
    },
  }
}
