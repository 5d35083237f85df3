import { PacketType, type Channel, type HostDevice, type HostDeviceDeps, type Packet } from '@vmbus/core'
import type { BlockDevice } from '@vmbus/disk'
import { StorvscError } from '../errors.ts'
import {
  DataIn,
  HEADER_BYTES,
  NtStatus,
  Operation,
  PACKET_BYTES,
  PACKET_BYTES_V1,
  RING_BYTES,
  vmscsiRequest,
  vstorPacket,
} from '../protocol.ts'
import type { StorvscHostReject } from '../rejects.ts'
import { copyPlain } from '../plain.ts'
import { addressKey, type LunAddress } from './address.ts'
import { answers, type ControllerState } from './answers.ts'
import { completions } from './completions.ts'
import { executor } from './execute.ts'
import { guestBuffer } from './guest-buffer.ts'
import { luns as lunTable, type LunOptions, type LunState } from './luns.ts'
import { resolve, type StorvscHostOptions, type StorvscSettings } from './options.ts'
import { LUN_TIMER, queuedDisks } from './queues.ts'
import { noRequests } from './requests.ts'
import { steps as stepsFor } from './steps.ts'
import { initialSetup, setup, type Phase } from './setup.ts'

/** The controller as its owner sees it. */
export interface StorvscHost extends HostDevice {
  readonly phase: Phase
  /** The version agreed on (major << 8 | minor), 0 before. */
  readonly version: number
  readonly luns: readonly LunAddress[]
  /** Requests that wait for their disk. */
  readonly inFlight: number
  /** Hot add: the guest is told by ENUMERATE_BUS from version 4.2 on. Throws VMBUS_STORVSC_LUN, VMBUS_STORVSC_OPTIONS. */
  addLun(options: LunOptions): LunAddress
  /** Hot remove, in use or not: requests that wait for the disk end with an invalid LUN. Throws VMBUS_STORVSC_LUN. */
  removeLun(address: Partial<LunAddress>): void
  /** Puts a medium into a DVD drive, or takes it out. Throws VMBUS_STORVSC_LUN. */
  changeMedium(address: Partial<LunAddress>, medium: BlockDevice | undefined): void
  /** Asks the guest to let go of a medium, which it answers by ejecting it. Throws VMBUS_STORVSC_LUN. */
  pressEject(address: Partial<LunAddress>): void
}

interface Saved extends ControllerState {
  readonly v: 1
  readonly luns: readonly LunState[]
}

/** Requests that may wait for their disks; more stay in the ring. */
const MAX_PENDING = 1024
const at = vmscsiRequest.offsets

const complete = (address: Partial<LunAddress>): LunAddress => ({
  path: address.path ?? 0,
  target: address.target ?? 0,
  lun: address.lun ?? 0,
})
const initialState = (): ControllerState => ({ ...initialSetup(), ...noRequests(), enumerate: false, rescinded: false })

export function storvscHost(
  options: StorvscHostOptions,
  deps: HostDeviceDeps,
  settings?: StorvscSettings,
): StorvscHost {
  const resolved = resolve(options, settings)
  const { address: fixed } = resolved
  const luns = lunTable({
    at: fixed,
    initiator: resolved.initiator,
    aborted: (key) => queues.abort(key),
    ejected: (address) => deps.event('ejected', address),
  })
  for (const each of options.luns) luns.add(each)
  const setupOptions = {
    versions: resolved.versions,
    maxSubchannels: resolved.subchannels,
    maxTransferBytes: resolved.maxTransferBytes,
    wwn: resolved.wwn,
  }
  const channels = new Map<number, Channel>()
  const buffer = guestBuffer(deps.memory)
  const steps = stepsFor(buffer)
  const out = completions()
  const reply = { low: 0, high: 0, bytes: 0 }
  let state = initialState()
  let busy = false
  let again = false
  const queues = queuedDisks({
    deps,
    buffer,
    steps,
    luns,
    requests: () => state,
    finish: (index, to, result) => {
      const channel = channels.get(index)
      if (channel !== undefined) finish(channel, to, result)
    },
  })
  const { finish, flush, announce } = answers({ channels, out, state: () => state })
  const execute = executor({
    path: fixed?.path,
    luns,
    isRescinded: () => state.rescinded,
    buffer,
    steps,
    queues,
    finish,
  })

  const effects = {
    ready: () => {
      // What the guest is about to enumerate is news no more.
      state.enumerate = false
      deps.event('ready', { version: state.version })
    },
    subchannels: (count: number) => {
      deps.offerSubchannels(count)
      deps.event('subchannels', { count })
    },
  }

  const refuse = (channel: Channel, branch: StorvscHostReject, message: string): void =>
    channel.fail('VMBUS_STORVSC_PACKET', message, branch)

  /** The range and the length have to agree, or the guest is not to be talked to (OpenVMM storvsp, Range::new). */
  const handleRequest = (channel: Channel, packet: Packet): void => {
    const { view, payloadOffset, gpaRanges } = packet
    const body = payloadOffset + HEADER_BYTES
    if (reply.bytes < PACKET_BYTES_V1) return refuse(channel, 'request-short', `a request of ${reply.bytes} bytes`)
    const length = view.getUint32(body + at.dataTransferLength, true)
    const [range] = gpaRanges
    if (gpaRanges.length > 1 || (length > 0 && (range?.byteCount ?? 0) < length))
      return refuse(channel, 'request-ranges', `${gpaRanges.length} ranges for ${length} bytes`)
    buffer.bind(length > 0 ? range : undefined, length, view.getUint8(body + at.dataIn) !== DataIn.write)
    execute(channel, reply, view, body)
  }

  const handle = (channel: Channel, packet: Packet): void => {
    const { view, payloadOffset, payloadLength } = packet
    if ((packet.type !== PacketType.inBand && packet.type !== PacketType.gpaDirect) || (packet.flags & 1) === 0) {
      return refuse(channel, 'message-type', `a packet of type ${packet.type} and flags ${packet.flags}`)
    }
    if (payloadLength < HEADER_BYTES + 4) return refuse(channel, 'message-short', `${payloadLength} bytes of payload`)
    reply.low = packet.transactionLow
    reply.high = packet.transactionHigh
    reply.bytes = Math.min(payloadLength, PACKET_BYTES)
    const operation = view.getUint32(payloadOffset + vstorPacket.offsets.operation, true)
    if (operation === Operation.executeSrb) {
      if (state.phase === 'ready') handleRequest(channel, packet)
      else out.send(channel, reply, NtStatus.invalidDeviceState)
      return
    }
    // Resets have never done anything; what is in flight ends as it would have.
    if (operation === Operation.resetLun || operation === Operation.resetAdapter || operation === Operation.resetBus) {
      out.send(channel, reply, state.phase === 'ready' ? NtStatus.success : NtStatus.invalidDeviceState)
      return
    }
    const request = new DataView(
      view.buffer,
      view.byteOffset + payloadOffset + HEADER_BYTES,
      payloadLength - HEADER_BYTES,
    )
    const known = operation >= Operation.beginInitialization && operation <= Operation.createSubChannels
    const isControl = channel.subchannelIndex === 0
    const status =
      known && !isControl
        ? NtStatus.invalidDeviceState
        : setup(state, setupOptions, operation, request, out.body, effects)
    if (status === undefined) return refuse(channel, 'operation', `operation ${operation}`)
    out.send(channel, reply, status)
    if (operation === Operation.endInitialization && status === NtStatus.success) again = true
  }

  /** Takes requests while there is room for an answer to each, so that none has to be remembered unanswered. */
  const take = (channel: Channel): void => {
    // Sub-channels wait for the end of initialisation.
    if (channel.subchannelIndex > 0 && state.phase !== 'ready') return
    channel.cork()
    while (channel.isOpen && state.pending.length < MAX_PENDING) {
      if (channel.writableBytes < RING_BYTES) {
        channel.wantWritable(RING_BYTES)
        if (channel.writableBytes < RING_BYTES) break
      }
      const packet = channel.receive()
      if (packet === undefined) break
      handle(channel, packet)
    }
    channel.uncork()
  }

  /** One request at a time: what an owner does in answer to an event may bring more, which are taken afterwards. */
  const pump = (channel: Channel): void => {
    if (busy) {
      again = true
      return
    }
    busy = true
    try {
      take(channel)
      while (again) {
        again = false
        for (const each of channels.values()) if (each.isOpen && each.readable) take(each)
      }
    } finally {
      busy = false
    }
  }

  const pumpAll = (): void => {
    for (const channel of channels.values()) if (channel.isOpen && channel.readable) pump(channel)
  }

  const changed = (): void => {
    state.enumerate = true
    announce()
  }

  return {
    get phase() {
      return state.phase
    },
    get version() {
      return state.version
    },
    get luns() {
      return luns.addresses
    },
    get inFlight() {
      return state.pending.length
    },
    addLun(lun) {
      if (fixed !== undefined)
        throw new StorvscError('VMBUS_STORVSC_LUN', 'controller', 'ide', 'a controller with more than one unit')
      const address = luns.add(lun)
      changed()
      return address
    },
    removeLun(partial) {
      const address = fixed ?? complete(partial)
      luns.remove(address)
      const key = addressKey(address)
      queues.lose(key)
      changed()
      pumpAll()
    },
    changeMedium: (address, medium) => luns.dvd(complete(address)).change(medium),
    pressEject: (address) => luns.dvd(complete(address)).pressEject(),
    open(channel) {
      // A queue may still remember slots of before.
      if (channel.subchannelIndex === 0) state = { ...initialState(), nextSlot: state.nextSlot }
      channels.set(channel.subchannelIndex, channel)
      return 0
    },
    readable: (channel) => pump(channel),
    writable(channel) {
      flush()
      if (channel.subchannelIndex === 0) announce()
      pump(channel)
    },
    close(channel) {
      const index = channel.subchannelIndex
      channels.delete(index)
      state.pending = state.pending.filter((request) => request.channel !== index)
      state.finished = state.finished.filter((request) => request.channel !== index)
      if (index === 0) Object.assign(state, initialSetup(), { enumerate: false })
    },
    rescinded() {
      state.rescinded = true
      for (const address of luns.addresses) queues.lose(addressKey(address))
      pumpAll()
    },
    timer(name) {
      const key = LUN_TIMER.exec(name)?.[1]
      if (key === undefined) return
      queues.poll(Number(key))
      pumpAll()
    },
    save: (): Saved => copyPlain<Saved>({ v: 1, ...state, luns: luns.save() }),
    restore(saved, open) {
      const { v, luns: units, ...rest } = copyPlain(saved as Saved)
      if (v !== 1) throw new StorvscError('VMBUS_STORVSC_STATE', 'v', v, '1')
      luns.restore(units, (address) => options.find?.(address))
      state = rest
      channels.clear()
      for (const channel of open) channels.set(channel.subchannelIndex, channel)
      for (const { key } of units) queues.arm(key)
    },
    inspect: () => ({
      kind: resolved.kind,
      phase: state.phase,
      version: state.version,
      subchannels: state.subchannels,
      inFlight: state.pending.length,
      waitingForRoom: state.finished.length,
      luns: luns.addresses.map((address) => ({ ...address, ...luns.get(addressKey(address))?.inspect() })),
    }),
  }
}
