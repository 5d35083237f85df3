import {
  PacketType,
  type Channel,
  type GuestChannel,
  type GuestDriver,
  type GuestDriverDeps,
  type Packet,
  type PageRange,
} from '@vmbus/core'
import { StorvscError } from '../errors.ts'
import { Operation, PACKET_BYTES_V1, VSTOR_VERSIONS, controllerKindOf, ideAddress, vstorPacket } from '../protocol.ts'
import { copyPlain } from '../plain.ts'
import { CORRECT } from './behaviour.ts'
import { flushCdb } from './commands.ts'
import type { StorvscGuestReject } from '../rejects.ts'
import type { GuestContext } from './context.ts'
import type { ScsiCommand, StorvscGuestOptions, UnitAddress } from './options.ts'
import { abort, complete, dispatch, drop, featuresOf, tellEnded } from './requests.ts'
import { forgetUnit, lookAgain, scanAll, scanned, stop } from './scan.ts'
import { answered, ask, begin, fail } from './setup.ts'
import { initialGuestState, type Disk, type DriverPhase, type GuestState } from './state.ts'
import { submit, transfer, unmap, type SectorRange } from './submit.ts'
import { ID_HIGH, INIT_LOW, RESET_LOW, packets } from './wire.ts'

/** The driver as its owner sees it. Requests have ids, unique for the life of the driver; `onComplete` has the results. */
export interface StorvscGuest extends GuestDriver {
  readonly phase: DriverPhase
  /** The version agreed on, 0 before. */
  readonly version: number
  readonly disks: readonly Disk[]
  /** Requests on the wire, and requests that wait for a tag, room or the end of set-up. */
  readonly inFlight: number
  readonly waiting: number
  /** Bytes that the controller takes in one request, 0 before it has said so. */
  readonly maxTransferBytes: number
  /** Open channels. */
  readonly channels: number
  /** World wide names of a Fibre Channel adapter, hexadecimal; empty otherwise. */
  readonly wwn: { readonly port: string; readonly node: string }
  /** Throws VMBUS_STORVSC_REQUEST for what cannot be put on the wire. */
  submit(command: ScsiCommand): number
  /** Reads whole sectors into the range. Throws VMBUS_STORVSC_REQUEST for a unit that was not found. */
  read(at: UnitAddress, sector: number, buffer: PageRange): number
  write(at: UnitAddress, sector: number, buffer: PageRange): number
  /** What was written before survives a power cut once it ends well. */
  flush(at: UnitAddress): number
  unmap(at: UnitAddress, ranges: readonly SectorRange[]): number
  /** Looks for units again. */
  scan(): void
  /** RESET_BUS, as Linux sends it after a timeout; requests go on. */
  reset(): void
}

/** Packets that a host may send: 16 bytes of descriptor and 64 (Linux STORVSC_MAX_PKT_SIZE). */
const MAX_PACKET = 80
const USER_DATA = new Uint8Array(24)

export function storvscGuest(options: StorvscGuestOptions, deps: GuestDriverDeps): StorvscGuest {
  const behaviour = { ...CORRECT, ...options.behaviour }
  const ctx: GuestContext = {
    deps,
    behaviour,
    versions: options.versions ?? VSTOR_VERSIONS.toReversed(),
    packets: packets(),
    channels: new Map(),
    subchannels: options.subchannels ?? deps.vps - 1,
    scans: options.scan ?? true,
    port: options.port ?? (() => 0),
    kind: 'scsi',
    ideTarget: 0,
    state: initialGuestState(behaviour.depth),
    completed: (id, result) => options.onComplete?.(id, result),
    ready: () => options.onReady?.(),
    appeared(disk) {
      deps.event('disk', disk)
      options.onDisk?.(disk)
    },
    disappeared(disk) {
      deps.event('disk-gone', disk)
      options.onDiskGone?.(disk)
    },
    unitChanged(at) {
      lookAgain(ctx, at)
      options.onUnitChanged?.(at)
    },
    unitGone(at) {
      forgetUnit(ctx, at)
      options.onUnitGone?.(at)
    },
    scanned: (request, result) => scanned(ctx, request, result),
  }

  const identify = ({ offer }: GuestChannel): void => {
    ctx.kind = controllerKindOf(offer.interfaceId)
    if (ctx.kind === 'ide') ctx.ideTarget = ideAddress(offer.instanceId).target
  }

  /** Everything that hangs on the channels ends; the driver can begin again. */
  const end = (outcome: 'aborted' | 'gone'): void => {
    const { state } = ctx
    state.phase = outcome === 'gone' ? 'gone' : 'idle'
    state.version = 0
    state.owed = false
    state.resetting = false
    state.deadline = Infinity
    deps.timers.clear('setup')
    // A command of the search ends with the rest, or is dropped here, and takes its page with it.
    abort(ctx, undefined, outcome)
    if (outcome === 'gone') drop(ctx, outcome)
    else state.queue = state.queue.filter((request) => !request.own)
    stop(ctx)
  }

  const unsolicited = (packet: Packet): void => {
    const operation =
      packet.payloadLength >= 4 ? packet.view.getUint32(packet.payloadOffset + vstorPacket.offsets.operation, true) : 0
    if (operation === Operation.enumerateBus || operation === Operation.removeDevice) {
      if (ctx.state.phase !== 'ready') return
      if (ctx.scans) scanAll(ctx)
      options.onBusChange?.()
      return
    }
    deps.diagnose({
      code: 'VMBUS_STORVSC_UNSOLICITED',
      source: 'storvsc',
      message: 'an operation that a host does not begin',
      detail: { branch: 'operation' satisfies StorvscGuestReject, operation },
    })
  }

  const receive = (channel: Channel, packet: Packet): void => {
    if (packet.type === PacketType.inBand) return unsolicited(packet)
    if (packet.transactionHigh !== ID_HIGH) return complete(ctx, channel, packet)
    if (packet.transactionLow === RESET_LOW) {
      ctx.state.resetting = false
      return
    }
    if (packet.transactionLow === INIT_LOW && channel.subchannelIndex === 0 && packet.payloadLength >= PACKET_BYTES_V1)
      return answered(ctx, packet)
    complete(ctx, channel, packet)
  }

  return {
    get phase() {
      return ctx.state.phase
    },
    get version() {
      return ctx.state.version
    },
    get disks() {
      return ctx.state.disks
    },
    get inFlight() {
      return behaviour.depth - ctx.state.freeTags.length
    },
    get waiting() {
      return ctx.state.queue.length
    },
    get maxTransferBytes() {
      return ctx.state.maxTransferBytes
    },
    get channels() {
      return [...ctx.channels.values()].filter(({ state }) => state === 'open').length
    },
    get wwn() {
      return { port: ctx.state.portName, node: ctx.state.nodeName }
    },
    submit: (command) => submit(ctx, command),
    read: (at, sector, buffer) => transfer(ctx, false, at, sector, buffer),
    write: (at, sector, buffer) => transfer(ctx, true, at, sector, buffer),
    flush: (at) => submit(ctx, { ...at, cdb: flushCdb() }),
    unmap: (at, ranges) => unmap(ctx, at, ranges),
    scan() {
      if (ctx.state.phase === 'ready') scanAll(ctx)
    },
    reset() {
      const { state } = ctx
      const channel = ctx.channels.get(0)?.channel
      if (state.resetting || state.phase !== 'ready' || channel === undefined) return
      state.resetting = channel.sendInBand(
        ctx.packets.control(Operation.resetBus, featuresOf(ctx)?.packetBytes ?? PACKET_BYTES_V1),
        RESET_LOW,
        ID_HIGH,
        true,
      )
    },
    offered(channel) {
      const index = channel.offer.subchannelIndex
      identify(channel)
      ctx.channels.set(index, channel)
      if (index === 0) ctx.state.phase = 'opening'
      channel.open({
        outPages: behaviour.ringPages,
        inPages: behaviour.ringPages,
        userData: USER_DATA,
        targetVp: index % deps.vps,
        maxPacket: MAX_PACKET,
      })
    },
    opened(channel, status) {
      if (channel.offer.subchannelIndex > 0) {
        if (status === 0) dispatch(ctx)
        return
      }
      if (status === 0) begin(ctx)
      else fail(ctx, 'open', status)
    },
    readable(handle) {
      const { channel } = handle
      if (channel === undefined) return
      for (let packet = channel.receive(); packet !== undefined; packet = channel.receive()) receive(channel, packet)
      // Completions are room and tags.
      dispatch(ctx)
    },
    writable() {
      if (ctx.state.owed) ask(ctx)
      dispatch(ctx)
    },
    closed(channel) {
      const index = channel.offer.subchannelIndex
      ctx.channels.delete(index)
      if (index === 0) end('aborted')
      else abort(ctx, index, 'aborted')
    },
    rescinded(channel) {
      const index = channel.offer.subchannelIndex
      ctx.channels.delete(index)
      if (index > 0) {
        abort(ctx, index, 'aborted')
        return dispatch(ctx)
      }
      end('gone')
      tellEnded(ctx)
      for (const disk of ctx.state.disks) forgetUnit(ctx, disk)
    },
    timer(name) {
      if (name === 'ended') tellEnded(ctx)
      else if (name === 'setup' && ctx.state.deadline !== Infinity) {
        fail(ctx, 'timeout', 0)
        const primary = ctx.channels.get(0)
        if (primary?.state === 'open') primary.close()
      }
    },
    save: () => copyPlain(ctx.state),
    restore(saved, channels) {
      const state = copyPlain(saved as GuestState)
      if (state.v !== 1) throw new StorvscError('VMBUS_STORVSC_STATE', 'v', state.v, '1')
      ctx.state = state
      ctx.channels.clear()
      for (const channel of channels) {
        identify(channel)
        ctx.channels.set(channel.offer.subchannelIndex, channel)
      }
      if (state.deadline !== Infinity) deps.timers.set('setup', state.deadline)
      if (state.ended.length > 0) deps.timers.set('ended', deps.clock.now())
    },
    inspect: () => ({
      phase: ctx.state.phase,
      version: ctx.state.version,
      channels: ctx.channels.size,
      inFlight: behaviour.depth - ctx.state.freeTags.length,
      waiting: ctx.state.queue.length,
      scanning: ctx.state.scan !== null,
      disks: ctx.state.disks.map((disk) => ({ ...disk })),
    }),
  }
}
