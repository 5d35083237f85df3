import type { GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { netvsc, type NetvscGuest, type NetvscGuestOptions } from '@vmbus/netvsc'
import { Filter, nvspVersionName } from '@vmbus/netvsc/protocol'
import { createPeer, type Peer, type PeerState } from '@vmbus/switch/peer'
import {
  anything,
  bytes,
  flag,
  integer,
  list,
  oneOf,
  plainCopy,
  restoreState,
  scopedTimers,
  stateForm,
  text,
} from '@vmbus/world'
import { FreebsdNetError, type LiveInterface, type NetInterfaces } from './interfaces.ts'

/** Frames that wait for room in a ring (if_hn.c keeps them in the interface's send queue, net.link.ifqmaxlen). */
const MOST_WAITING = 50
/** Echo requests whose answers are remembered. */
const MOST_ECHOES = 1024
const NIC = 'nic'
const STACK = 'stack'
/** if_hn.c, hn_set_rxfilter. */
const UP = Filter.directed | Filter.broadcast | Filter.allMulticast

interface State {
  instanceId: string
  /** '' while the driver sets the adapter up. */
  name: string
  address: string
  isUp: boolean
  /** The adapter is closed and opened again, and the interface stays. */
  isChanging: boolean
  sequence: number
  answered: number[]
  waiting: Uint8Array[]
}

const INITIAL: State = {
  instanceId: '',
  name: '',
  address: '',
  isUp: false,
  isChanging: false,
  sequence: 1,
  answered: [],
  waiting: [],
}

interface Saved extends State {
  readonly nic: unknown
  /** Its own restore looks at it. */
  readonly stack: unknown
}

const FORM = stateForm<Saved>('freebsd-hn', 1, {
  instanceId: text,
  name: text,
  address: text,
  isUp: flag,
  isChanging: flag,
  sequence: integer(),
  answered: list(integer()),
  waiting: list(bytes()),
  nic: anything,
  stack: anything,
})
const PEER_VERSION = oneOf(1)

/** A driver of hn, which sysctl asks. */
export interface HnDriver extends GuestDriver {
  readonly interfaceName: string
  readonly nic: NetvscGuest
}

/** hn and the network stack of one adapter: an interface, its address, and what answers for it. */
export function hn(
  options: NetvscGuestOptions,
  mtuMax: number,
  interfaces: NetInterfaces,
  deps: GuestDriverDeps,
): HnDriver {
  let state: State = { ...INITIAL, answered: [], waiting: [] }
  let stack: Peer | undefined
  /** Frames of one callback: the stack has them once the host has its receipts. */
  const polled: Uint8Array[] = []

  const nic: NetvscGuest = netvsc
    .driver({
      ...options,
      filter: 0,
      onFrame({ bytes: frame, vlan }) {
        // Tagged frames are those of a vlan(4) above it.
        if (state.name !== '' && vlan === undefined) polled.push(frame.slice())
      },
      onWritable: drain,
    })
    .create({ ...deps, timers: scopedTimers(deps.timers, NIC), event: happened })

  function happened(name: string, detail: unknown): void {
    if (name === 'ready') ready()
    deps.event(name, detail)
    if (name === 'failed' || (name === 'stopped' && !state.isChanging)) gone()
  }

  function ready(): void {
    state.isChanging = false
    if (state.address !== '') startStack(stack?.save())
    if (state.isUp) nic.setFilter(UP)
    if (state.name !== '') return
    state.name = interfaces.register(live)
    deps.event('interface', state.name)
  }

  function gone(): void {
    if (state.name === '') return
    interfaces.remove(state.name)
    state = { ...INITIAL, instanceId: state.instanceId, answered: [], waiting: [] }
    stack = undefined
  }

  function startStack(saved?: PeerState): void {
    stack = createPeer({
      clock: deps.clock,
      timers: scopedTimers(deps.timers, STACK),
      seed: deps.seed,
      mac: nic.mac,
      mtu: nic.mtu,
      ipv4: state.address,
      send: (frame) => void send(frame.bytes),
      echoed({ address, sequence }) {
        state.answered.push(sequence)
        if (state.answered.length > MOST_ECHOES) state.answered.shift()
        deps.event('echo', { interface: state.name, address, sequence })
      },
    })
    if (saved !== undefined) stack.restore(saved, () => ({}))
  }

  function deliver(): void {
    for (let frame = polled.shift(); frame !== undefined; frame = polled.shift()) {
      interfaces.received(state.name, frame)
      stack?.receive({ bytes: frame })
    }
  }

  function send(frame: Uint8Array): boolean {
    if (!nic.up || !nic.linkUp) return false
    if (state.waiting.length === 0 && nic.send({ bytes: frame })) return true
    if (state.waiting.length >= MOST_WAITING) return false
    state.waiting.push(frame.slice())
    return true
  }

  function drain(): void {
    for (let next = state.waiting[0]; next !== undefined && nic.send({ bytes: next }); next = state.waiting[0])
      state.waiting.shift()
  }

  const live: LiveInterface = {
    get instanceId() {
      return state.instanceId
    },
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
    get address() {
      return state.address
    },
    up() {
      state.isUp = true
      nic.setFilter(UP)
    },
    down() {
      state.isUp = false
      state.waiting.length = 0
      nic.setFilter(0)
    },
    setMtu(mtu) {
      if (mtu > mtuMax) throw new FreebsdNetError(`${state.name} takes an MTU of at most ${mtuMax}`)
      nic.setMtu(mtu)
      state.isChanging = true
    },
    setAddress(address) {
      state.address = address
      startStack()
    },
    send,
    ping(address, size) {
      if (stack === undefined) throw new FreebsdNetError(`${state.name} has no address`)
      const sequence = state.sequence++ & 0xffff
      stack.ping(address, { sequence, payload: new Uint8Array(size) })
      return sequence
    },
    isAnswered: (sequence) => state.answered.includes(sequence),
  }

  return {
    nic,
    get interfaceName() {
      return state.name
    },
    offered(channel) {
      if (channel.offer.subchannelIndex === 0) state.instanceId = channel.offer.instanceId
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
    save: () => ({ ...FORM.head, ...plainCopy(state), nic: nic.save(), stack: stack?.save() ?? null }),
    checkState: (saved) => nic.checkState?.(restoreState(saved, FORM).nic),
    restore(saved, channels) {
      const { nic: savedNic, stack: savedStack, kind: _kind, v: _v, ...own } = restoreState(saved, FORM)
      state = own
      nic.restore(savedNic, channels)
      if (state.name !== '') interfaces.register(live, state.name)
      if (isPeerState(savedStack)) startStack(savedStack)
    },
    inspect: () => ({
      name: state.name,
      address: state.address,
      isUp: state.isUp,
      nvs: nic.version === 0 ? null : nvspVersionName(nic.version),
      nic: nic.inspect(),
    }),
  }
}

const isPeerState = (saved: unknown): saved is PeerState =>
  typeof saved === 'object' && saved !== null && 'version' in saved && saved.version === PEER_VERSION(1, '')
