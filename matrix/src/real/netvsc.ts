import { createHash } from 'node:crypto'
import type { HostDeviceHandle } from '@vmbus/core'
import { netvsc, type NetvscHost } from '@vmbus/netvsc'
import { pcapngWriter, unixTicksOf } from '@vmbus/pcapng'
import { createSwitch, type Switch, type VlanOptions } from '@vmbus/switch'
import { createPeer, type TcpHandlers, type TcpSocket } from '@vmbus/switch/peer'
import {
  anything,
  checkOptions,
  object,
  optional,
  restoreState,
  stateForm,
  text,
  u32,
  type Clock,
  type Seed,
  type Shape,
} from '@vmbus/world'
import type { RealDeviceFactory } from './device.ts'

/** Plain values only. */
export interface RealNetvscOptions {
  readonly mac?: string
  readonly vlan?: VlanOptions
  /** Largest packet of adapter and peer. Default 9202 and 1500. */
  readonly mtu?: number
  readonly peerMtu?: number
  readonly peerVlan?: VlanOptions
  readonly queues?: number
}

/** A sweep of echo requests to the guest. */
export interface PingSweep {
  readonly address?: string
  readonly count: number
  /** Payload bytes, drawn between the two. */
  readonly least?: number
  readonly most?: number
  /** Requests under way at a time. */
  readonly window?: number
}

export interface PingCount {
  readonly sent: number
  readonly answered: number
  /** Answers whose payload is not what was sent. */
  readonly corrupt: number
}

export interface TransferCount {
  readonly bytes: number
  readonly sha256: string
  readonly done: boolean
}

const VLAN = anything as Shape<VlanOptions>

/** What becomes of them is looked at by the adapter and the switch. */
const OPTIONS = object<RealNetvscOptions>({
  mac: optional(text),
  vlan: optional(VLAN),
  mtu: optional(u32),
  peerMtu: optional(u32),
  peerVlan: optional(VLAN),
  queues: optional(u32),
})

/** Switch and peer look at their own. */
const STATE = stateForm<{ lan: unknown; peer: unknown }>('matrix-netvsc', 1, { lan: anything, peer: anything })

const PEER_MAC = '02:00:00:00:00:01'
export const PEER_ADDRESS = '10.0.0.1'
export const GUEST_ADDRESS = '10.0.0.2'
/** A connection to it gets the bytes of `source`; one to the other is counted by `sink`. */
export const SOURCE_PORT = 5001
export const SINK_PORT = 5002
const DEFAULT_MAC = '00:15:5d:00:00:01'

/** An adapter, a switch and a peer at 10.0.0.1, all in the machine's own time. */
export const realNetvsc: RealDeviceFactory = (host, given, machine) => {
  const options = checkOptions('netvsc', OPTIONS, given ?? {})
  const { clock, seed } = machine
  const timers = machine.timers((name) => {
    if (name === 'deliver') lan.timer(name)
    else peer.timer(name)
  })
  const lan = createSwitch({ clock, timers, seed })
  const peerMtu = options.peerMtu ?? 1500
  const port = lan.connect({
    name: 'peer',
    mac: PEER_MAC,
    mtu: peerMtu,
    ...(options.peerVlan && { vlan: options.peerVlan }),
    receive: (frame) => peer.receive(frame),
  })
  const pings = pingSweeps(seed, (sequence, payload, address) =>
    peer.ping(address, { id: 1, sequence: sequence & 0xffff, payload }),
  )
  const peer = createPeer({
    clock,
    timers,
    seed,
    mac: PEER_MAC,
    ipv4: `${PEER_ADDRESS}/24`,
    mtu: peerMtu,
    send: (frame) => port.send(frame),
    echoed: ({ sequence, payload }) => {
      if (pings.echoed(sequence, payload)) machine.emit('netvsc:pinged')
    },
  })
  const source = byteSource(seed)
  const sink = byteSink(() => machine.emit('netvsc:received'))
  peer.listen(SOURCE_PORT, source.handlers)
  peer.listen(SINK_PORT, sink.handlers)

  const spec = netvsc({
    switch: lan,
    mac: options.mac ?? DEFAULT_MAC,
    ...(options.vlan && { vlan: options.vlan }),
    ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
    ...(options.queues === undefined ? {} : { queues: options.queues }),
  })
  let handle = host.offer(spec)
  if (handle === undefined) return undefined
  const last = (): HostDeviceHandle<NetvscHost> => handle as HostDeviceHandle<NetvscHost>
  const nic = (): HostDeviceHandle<NetvscHost> => {
    if (last().rescinded) throw new RangeError('no adapter: it was removed')
    return last()
  }
  const captures = capturesOf(lan, clock)

  return {
    actions: {
      ping: (sweep) => pings.start(sweep as PingSweep),
      pings: () => pings.count(),
      echo: (bytes) => peer.ping(GUEST_ADDRESS, { id: 1, sequence: 1, payload: echoPayload(bytes as number) }),
      source: (bytes) => source.prepare(bytes as number),
      received: () => sink.count(),
      sent: () => source.count(),
      link: (up) => (up === true ? nic().device.connectLink() : nic().device.disconnectLink()),
      vlan: (vlan) => nic().device.setVlan(vlan as VlanOptions),
      remove: () => nic().device.remove(),
      add: () => {
        if (!last().rescinded) throw new RangeError('the adapter is there')
        handle = host.offer(spec)
      },
      vf: (serial) => (serial === 0 ? nic().device.dissociateVf() : nic().device.associateVf(serial as number)),
      statistics: () => last().device.statistics(),
      inspect: () => last().device.inspect(),
      capture: captures.begin,
      captured: captures.end,
    },
    result: () => last().device.inspect(),
    save: () => ({ ...STATE.head, lan: lan.save(), peer: peer.save() }),
    checkState(state) {
      const saved = restoreState(state, STATE)
      lan.checkState(saved.lan)
      peer.checkState(saved.peer)
    },
    restore(state) {
      const saved = restoreState(state, STATE)
      peer.checkState(saved.peer)
      lan.restore(saved.lan)
      peer.restore(saved.peer, (socket) => (socket.local.port === SOURCE_PORT ? source.handlers : sink.handlers))
    },
  }
}

/** Captures of all that crosses a switch, as files of pcapng: one at a time. */
function capturesOf(lan: Switch, clock: Clock): { begin(): void; end(): Uint8Array } {
  let capture: { readonly chunks: Uint8Array[]; readonly stop: () => void } | undefined
  return {
    begin() {
      const chunks: Uint8Array[] = []
      const writer = pcapngWriter({ write: (chunk) => chunks.push(chunk), application: 'vmbus' })
      const ids = new Map<string, number>()
      const idOf = (name: string): number => {
        const id = ids.get(name) ?? writer.addInterface({ name })
        ids.set(name, id)
        return id
      }
      const stop = lan.capture(({ bytes, direction, port: name }) =>
        writer.packet(idOf(name), { bytes, direction, time: unixTicksOf(clock.fileTime()) }),
      )
      capture = { chunks, stop }
    },
    end() {
      capture?.stop()
      const bytes = Buffer.concat(capture?.chunks ?? [])
      capture = undefined
      return new Uint8Array(bytes)
    },
  }
}

const DEFAULT_LEAST = 0
const DEFAULT_MOST = 1400
const DEFAULT_WINDOW = 16

/** Keeps `window` requests under way until all are answered. A lost one stays lost: there are no retries. */
function pingSweeps(seed: Seed, send: (sequence: number, payload: Uint8Array, address: string) => void) {
  let sweep: PingSweep | undefined
  let sent = 0
  let answered = 0
  let corrupt = 0
  let round = 0
  const waiting = new Set<number>()
  const payloadOf = (sequence: number): Uint8Array => {
    const { least = DEFAULT_LEAST, most = DEFAULT_MOST } = sweep ?? {}
    const bytes = new Uint8Array(least + seed.below(most - least + 1, 'ping', round, sequence))
    const base = seed.u32('ping bytes', round, sequence)
    for (let i = 0; i < bytes.length; i++) bytes[i] = (base >>> (i & 31)) ^ (i * 7)
    return bytes
  }
  const next = (): void => {
    if (sweep === undefined || sent >= sweep.count) return
    const sequence = sent++
    waiting.add(sequence)
    send(sequence, payloadOf(sequence), sweep.address ?? GUEST_ADDRESS)
  }
  return {
    start(wanted: PingSweep): void {
      sweep = wanted
      sent = answered = corrupt = 0
      round++
      waiting.clear()
      for (let i = 0; i < (wanted.window ?? DEFAULT_WINDOW); i++) next()
    },
    /** True with the last answer. */
    echoed(low: number, payload: Uint8Array): boolean {
      const sequence = [...waiting].find((each) => (each & 0xffff) === low)
      if (sequence === undefined || sweep === undefined) return false
      waiting.delete(sequence)
      answered++
      if (Buffer.compare(payload, payloadOf(sequence)) !== 0) corrupt++
      next()
      return answered === sweep.count
    },
    count: (): PingCount => ({ sent, answered, corrupt }),
  }
}

/** Zeros between two marks. */
function echoPayload(length: number): Uint8Array {
  const payload = new Uint8Array(length)
  payload[0] = 0x5a
  payload[length - 1] = 0xa5
  return payload
}

const CHUNK = 32 * 1024

/** Bytes that the seed draws, to whoever connects. */
function byteSource(seed: Seed) {
  let total = 0
  let written = 0
  let digest = createHash('sha256')
  let done = false
  const chunkAt = (at: number): Uint8Array => {
    const words = new Uint32Array(CHUNK / 4)
    let state = seed.u32('bytes', at)
    for (let i = 0; i < words.length; i++) words[i] = state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return new Uint8Array(words.buffer, 0, Math.min(CHUNK, total - at))
  }
  const pump = (socket: TcpSocket): void => {
    while (written < total) {
      const within = written % CHUNK
      const part = chunkAt(written - within).subarray(within)
      const taken = socket.write(part)
      digest.update(part.subarray(0, taken))
      written += taken
      if (taken < part.length) return
    }
    socket.end()
  }
  const handlers: TcpHandlers = { opened: pump, drained: pump, closed: () => void (done = true) }
  return {
    handlers,
    prepare(bytes: number): void {
      total = bytes
      written = 0
      digest = createHash('sha256')
      done = false
    },
    count: (): TransferCount => ({ bytes: written, sha256: digest.copy().digest('hex'), done }),
  }
}

/** Counts what one connection after another sends. */
function byteSink(received: () => void) {
  let bytes = 0
  let digest = createHash('sha256')
  let done = false
  const handlers: TcpHandlers = {
    opened() {
      bytes = 0
      digest = createHash('sha256')
      done = false
    },
    data(_socket, chunk) {
      bytes += chunk.length
      digest.update(chunk)
    },
    ended(socket) {
      done = true
      socket.end()
      received()
    },
  }
  return { handlers, count: (): TransferCount => ({ bytes, sha256: digest.copy().digest('hex'), done }) }
}
