import type { GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { netvsc, type NetvscGuest, type NetvscGuestOptions } from '@vmbus/netvsc'
import { Filter } from '@vmbus/netvsc/protocol'
import { createPeer, type Peer, type PeerState } from '@vmbus/switch/peer'
import {
  anything,
  bytes,
  flag,
  integer,
  list,
  plainCopy,
  restoreState,
  scopedTimers,
  stateForm,
  text,
  u16,
  type StateHead,
} from '@vmbus/world'
import { LinuxNetError } from './errors.ts'
import type { LiveInterface, NetInterfaces } from './interfaces.ts'
import { UNCONFIGURED, ipConfig, isV6, peerAddresses, type IpConfig } from './ip-config.ts'

/** Packets that wait for room in the ring (net/ethernet/eth.c, ether_setup: DEFAULT_TX_QUEUE_LEN). */
const MOST_WAITING = 1000
/** Echo requests whose answers are remembered. */
const MOST_ECHOES = 1024
const NIC = 'nic'
const STACK = 'stack'
/** drivers/net/hyperv/rndis_filter.c, rndis_set_multicast. */
const UP = Filter.directed | Filter.allMulticast | Filter.broadcast

interface State {
  /** '' while the driver sets the adapter up. */
  name: string
  config: IpConfig
  isUp: boolean
  /** The adapter is closed and opened again, and the interface stays. */
  isChanging: boolean
  /** Of the next echo request. */
  sequence: number
  answered: number[]
  waiting: Uint8Array[]
}

interface Saved extends State {
  readonly nic: unknown
  /** PeerState; the peer looks at it. */
  readonly stack: unknown
}

const FORM = stateForm<Saved>('linux-ethernet', 3, {
  name: text,
  config: ipConfig,
  isUp: flag,
  isChanging: flag,
  sequence: integer(),
  answered: list(u16),
  waiting: list(bytes(), 0, MOST_WAITING),
  nic: anything,
  stack: anything,
})

/** hv_netvsc and the network stack of one adapter: an interface with its name, its addresses and what answers for them. */
export function ethernet(options: NetvscGuestOptions, interfaces: NetInterfaces, deps: GuestDriverDeps): GuestDriver {
  let state: State = {
    name: '',
    config: UNCONFIGURED,
    isUp: false,
    isChanging: false,
    sequence: 1,
    answered: [],
    waiting: [],
  }
  let stack: Peer | undefined
  let instanceId: string | undefined
  /** Frames of one poll: the stack has them once the host has its receipts (net/core/dev.c, napi_complete_done). */
  const polled: Uint8Array[] = []

  const nic: NetvscGuest = netvsc
    .driver({
      ...options,
      filter: 0,
      onFrame({ bytes, vlan }) {
        // Tagged frames are another interface's, a VLAN's.
        if (state.name !== '' && vlan === undefined) polled.push(bytes.slice())
      },
      onWritable: drain,
    })
    .create({ ...deps, timers: scopedTimers(deps.timers, NIC), event: happened })

  function happened(name: string, detail: unknown): void {
    if (name === 'ready') ready()
    deps.event(name, detail)
    if (name === 'failed' || (name === 'stopped' && !state.isChanging)) gone()
  }

  /** The adapter is set up, for the first time or with another largest packet. */
  function ready(): void {
    state.isChanging = false
    if (stack !== undefined) stack = stackOf(state.config, stack.save())
    if (state.isUp) nic.setFilter(UP)
    if (state.name !== '') return
    state.name = interfaces.register(live)
    deps.event('interface', state.name)
  }

  function gone(): void {
    if (state.name === '') return
    interfaces.remove(state.name)
    state = { ...state, name: '', config: UNCONFIGURED, isUp: false, isChanging: false, waiting: [] }
    stack = undefined
  }

  function stackOf(config: IpConfig, saved: PeerState | null): Peer {
    const made = createPeer({
      clock: deps.clock,
      timers: scopedTimers(deps.timers, STACK),
      seed: deps.seed,
      mac: nic.mac,
      mtu: nic.mtu,
      ...peerAddresses(config, nic.mtu),
      echoMayFragment: true,
      send: ({ bytes }) => void send(bytes),
      echoed({ address, sequence }) {
        state.answered.push(sequence)
        if (state.answered.length > MOST_ECHOES) state.answered.shift()
        deps.event('echo', { interface: state.name, address, sequence })
      },
    })
    if (saved !== null) made.restore(saved, () => ({}))
    return made
  }

  function deliver(): void {
    for (let bytes = polled.shift(); bytes !== undefined; bytes = polled.shift()) {
      interfaces.received(state.name, bytes)
      stack?.receive({ bytes })
    }
  }

  function send(bytes: Uint8Array): boolean {
    if (!nic.up || !nic.linkUp) return false
    if (state.waiting.length === 0 && nic.send({ bytes })) return true
    if (state.waiting.length >= MOST_WAITING) return false
    state.waiting.push(bytes.slice())
    return true
  }

  function drain(): void {
    // The host may answer before `send` returns, and there may be room again: what is sent waits no more by then.
    for (let next = state.waiting.shift(); next !== undefined; next = state.waiting.shift()) {
      if (nic.send({ bytes: next })) continue
      state.waiting.unshift(next)
      return
    }
  }

  const live: LiveInterface = {
    get mac() {
      return nic.mac
    },
    get mtu() {
      return nic.mtu
    },
    get isUp() {
      return state.isUp
    },
    get carrier() {
      return nic.linkUp
    },
    get instanceId() {
      return instanceId
    },
    get config() {
      return state.config
    },
    get linkLocal() {
      return state.isUp && nic.linkUp ? stack?.addresses.at(-1) : undefined
    },
    up() {
      state.isUp = true
      stack ??= stackOf(state.config, null)
      nic.setFilter(UP)
    },
    down() {
      state.isUp = false
      state.waiting.length = 0
      nic.setFilter(0)
    },
    setMtu(mtu) {
      state.isChanging = true
      try {
        nic.setMtu(mtu)
      } catch (error) {
        state.isChanging = false
        throw error
      }
    },
    configure(config) {
      stack = stackOf(config, null)
      state.config = plainCopy(config)
    },
    send,
    ping(address, bytes) {
      const { addresses } = state.config
      const hasSource = isV6(address) || !addresses.every(isV6)
      if (stack === undefined || !hasSource) throw new LinuxNetError(`${state.name} has no address`)
      const sequence = state.sequence++ & 0xffff
      stack.ping(address, { sequence, payload: new Uint8Array(bytes) })
      return sequence
    },
    isAnswered: (sequence) => state.answered.includes(sequence),
    unbind: () => nic.stop(),
  }

  return {
    offered(channel) {
      instanceId = channel.offer.instanceId
      nic.offered(channel)
    },
    opened: (channel, status) => nic.opened(channel, status),
    readable(channel) {
      nic.readable(channel)
      deliver()
    },
    writable(channel) {
      nic.writable?.(channel)
      deliver()
    },
    gpadlCreated: (channel, gpadl, status) => nic.gpadlCreated?.(channel, gpadl, status),
    gpadlTorndown: (channel, gpadl) => nic.gpadlTorndown?.(channel, gpadl),
    closed: (channel) => nic.closed?.(channel),
    modified: (channel, status) => nic.modified?.(channel, status),
    rescinded(channel) {
      nic.rescinded(channel)
      if (channel.offer.subchannelIndex === 0) gone()
    },
    timer(name) {
      if (name.startsWith(`${NIC}/`)) nic.timer?.(name.slice(NIC.length + 1))
      else if (name.startsWith(`${STACK}/`)) stack?.timer(name.slice(STACK.length + 1))
    },
    save: (): Saved & StateHead => ({
      ...FORM.head,
      ...plainCopy(state),
      nic: nic.save(),
      stack: stack?.save() ?? null,
    }),
    checkState: (from) => nic.checkState?.(restoreState(from, FORM).nic),
    restore(from, channels) {
      const { kind: _kind, v: _v, nic: savedNic, stack: savedStack, ...rest } = restoreState(from, FORM)
      state = rest
      instanceId = channels[0]?.offer.instanceId
      nic.restore(savedNic, channels)
      if (state.name !== '') interfaces.register(live, state.name)
      if (savedStack !== null) stack = stackOf(state.config, savedStack as PeerState)
    },
    inspect: () => ({ name: state.name, ...state.config, isUp: state.isUp, nic: nic.inspect() }),
  }
}
