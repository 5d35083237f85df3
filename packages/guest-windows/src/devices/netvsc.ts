import type { GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { netvsc, type NetvscGuest, type NetvscGuestOptions } from '@vmbus/netvsc'
import { Filter } from '@vmbus/netvsc/protocol'
import { createPeer, type Peer, type PeerState } from '@vmbus/switch/peer'
import { plainCopy, scopedTimers } from '@vmbus/world'
import { WindowsError } from '../errors.ts'
import type { AdapterTable, LiveAdapter } from './adapters.ts'

/** Frames that wait for room in the ring, and echo requests whose answers are remembered; a model. */
const MOST_WAITING = 512
const MOST_ECHOES = 1024
const NIC = 'nic'
const STACK = 'stack'
const ENABLED = Filter.directed | Filter.allMulticast | Filter.broadcast

interface State {
  v: 1
  /** '' while the driver sets the adapter up. */
  name: string
  instanceId: string
  address: string
  isEnabled: boolean
  /** The adapter is closed and opened again, and stays. */
  isChanging: boolean
  /** Of the next echo request. */
  sequence: number
  answered: number[]
  waiting: Uint8Array[]
}

interface Saved extends State {
  readonly nic: unknown
  readonly stack: PeerState | null
}

const fresh = (): State => ({
  v: 1,
  name: '',
  instanceId: '',
  address: '',
  isEnabled: true,
  isChanging: false,
  sequence: 1,
  answered: [],
  waiting: [],
})

/** netvsc.sys and what answers for its addresses. */
export function networkDriver(options: NetvscGuestOptions, table: AdapterTable, deps: GuestDriverDeps): GuestDriver {
  let state = fresh()
  let stack: Peer | undefined
  /** Frames of one interrupt: the stack has them once the host has its receipts. */
  const received: Uint8Array[] = []

  const nic: NetvscGuest = netvsc
    .driver({
      ...options,
      filter: 0,
      onFrame({ bytes, vlan }) {
        if (state.name !== '' && vlan === undefined) received.push(bytes.slice())
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
    if (state.address !== '') startStack(stack?.save() ?? null)
    if (state.isEnabled) nic.setFilter(ENABLED)
    if (state.name !== '') return
    state.name = table.register(live)
    deps.event('adapter', state.name)
  }

  function gone(): void {
    if (state.name !== '') table.remove(state.name)
    state = { ...fresh(), instanceId: state.instanceId }
    stack = undefined
  }

  function startStack(saved: PeerState | null): void {
    stack = createPeer({
      clock: deps.clock,
      timers: scopedTimers(deps.timers, STACK),
      seed: deps.seed,
      mac: nic.mac,
      mtu: nic.mtu,
      ipv4: state.address,
      echoMayFragment: true,
      send: ({ bytes }) => void send(bytes),
      echoed({ address, sequence }) {
        state.answered.push(sequence)
        if (state.answered.length > MOST_ECHOES) state.answered.shift()
        deps.event('echo', { adapter: state.name, address, sequence })
      },
    })
    if (saved !== null) stack.restore(saved, () => ({}))
  }

  function deliver(): void {
    for (let bytes = received.shift(); bytes !== undefined; bytes = received.shift()) {
      table.received(state.name, bytes)
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
    for (let next = state.waiting[0]; next !== undefined && nic.send({ bytes: next }); next = state.waiting[0])
      state.waiting.shift()
  }

  const live: LiveAdapter = {
    get instanceId() {
      return state.instanceId
    },
    get mac() {
      return nic.mac
    },
    get mtu() {
      return nic.mtu
    },
    get isEnabled() {
      return state.isEnabled
    },
    get isConnected() {
      return nic.linkUp
    },
    get address() {
      return state.address
    },
    get nvsp() {
      return nic.version
    },
    get queues() {
      return nic.queues
    },
    enable() {
      state.isEnabled = true
      nic.setFilter(ENABLED)
    },
    disable() {
      state.isEnabled = false
      state.waiting.length = 0
      nic.setFilter(0)
    },
    setMtu(mtu) {
      nic.setMtu(mtu)
      state.isChanging = true
    },
    setAddress(address) {
      state.address = address
      startStack(null)
    },
    send,
    ping(address, bytes) {
      if (stack === undefined) throw new WindowsError('VMBUS_WINDOWS_NET', `${state.name} has no address`)
      const sequence = state.sequence++ & 0xffff
      stack.ping(address, { sequence, payload: new Uint8Array(bytes) })
      return sequence
    },
    isAnswered: (sequence) => state.answered.includes(sequence),
  }

  return {
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
    save: (): Saved => ({ ...plainCopy(state), nic: nic.save(), stack: stack?.save() ?? null }),
    restore(from, channels) {
      const { nic: savedNic, stack: savedStack, ...rest } = plainCopy(from) as Saved
      state = rest
      nic.restore(savedNic, channels)
      if (state.name !== '') table.register(live, state.name)
      if (savedStack !== null) startStack(savedStack)
    },
    inspect: () => ({ name: state.name, address: state.address, isEnabled: state.isEnabled, nic: nic.inspect() }),
  }
}
