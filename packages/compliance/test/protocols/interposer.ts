import {
  PacketType,
  type Channel,
  type GuestChannel,
  type GuestDriver,
  type GuestDriverSpec,
  type HostDevice,
  type HostDeviceSpec,
  type PageRange,
  type TransferRange,
} from '@vmbus/core'
import type { GuestMemory } from '@vmbus/hypervisor'

/** A packet that an end is about to send. */
export interface Sent {
  readonly type: number
  readonly payload: Uint8Array
  readonly low: number
  readonly high: number
  readonly wants: boolean
  readonly ranges: readonly PageRange[]
  readonly transfer: readonly TransferRange[]
  readonly setId: number
}

export interface At {
  readonly memory: GuestMemory
  readonly channel: Channel
  /** The last payload that the end received whose first word is this. */
  readonly heard: (word: number) => DataView | undefined
}

/** What goes instead of a packet. */
export interface Edit {
  (sent: Sent, at: At): readonly Sent[]
  /** Subchannels that a device offers instead of so many. */
  readonly offers?: (count: number) => number
}

function put(channel: Channel, { type, payload, low, high, wants, ranges, transfer, setId }: Sent): boolean {
  switch (type) {
    case PacketType.gpaDirect:
      return channel.sendGpaDirect(ranges, payload, low, high)
    case PacketType.transferPages:
      return channel.sendTransferPages(setId, transfer, payload, low, high)
    case PacketType.completion:
      return channel.sendCompletion(payload, low, high)
    default:
      return channel.sendInBand(payload, low, high, wants)
  }
}

/** The same channel for each of its owner's calls, whose sends are edited. */
function edits(edit: Edit, memory: GuestMemory): (channel: Channel) => Channel {
  const all = new WeakMap<Channel, Channel>()
  const words = new Map<number, DataView>()
  const heard = (word: number): DataView | undefined => words.get(word)
  const none = { low: 0, high: 0, wants: true, ranges: [], transfer: [], setId: 0 }
  return (channel) => {
    const known = all.get(channel)
    if (known !== undefined) return known
    const send = (sent: Sent): boolean => {
      const instead = edit({ ...sent, payload: sent.payload.slice() }, { memory, channel, heard })
      return instead.every((each) => put(channel, each))
    }
    const methods: Partial<Channel> = {
      receive() {
        const packet = channel.receive()
        if (packet === undefined || packet.payloadLength < 4) return packet
        const copy = packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength)
        words.set(packet.view.getUint32(packet.payloadOffset, true), new DataView(copy.buffer))
        return packet
      },
      sendInBand: (payload, low, high, wants) => send({ ...none, type: PacketType.inBand, payload, low, high, wants }),
      sendCompletion: (payload, low, high) =>
        send({ ...none, type: PacketType.completion, payload, low, high, wants: false }),
      sendGpaDirect: (ranges, payload, low, high) =>
        send({ ...none, type: PacketType.gpaDirect, payload, low, high, ranges }),
      sendTransferPages: (setId, transfer, payload, low, high) =>
        send({ ...none, type: PacketType.transferPages, payload, low, high, transfer, setId }),
    }
    const made = Object.assign(Object.create(channel) as Channel, methods)
    all.set(channel, made)
    return made
  }
}

/** The driver, with its sends edited. */
export function wrongDriver(spec: GuestDriverSpec, edit: Edit): GuestDriverSpec {
  return {
    ...spec,
    create(deps) {
      const driver = spec.create(deps)
      const over = edits(edit, deps.memory)
      const handles = new WeakMap<GuestChannel, GuestChannel>()
      const mine = (handle: GuestChannel): GuestChannel => {
        const known = handles.get(handle)
        if (known !== undefined) return known
        const made = Object.create(handle, {
          channel: { get: () => (handle.channel === undefined ? undefined : over(handle.channel)) },
        }) as GuestChannel
        handles.set(handle, made)
        return made
      }
      const methods: Partial<GuestDriver> = {
        offered: (channel) => driver.offered(mine(channel)),
        opened: (channel, status) => driver.opened(mine(channel), status),
        readable: (channel) => driver.readable(mine(channel)),
        writable: (channel) => driver.writable?.(mine(channel)),
        gpadlCreated: (channel, id, status) => driver.gpadlCreated?.(mine(channel), id, status),
        gpadlTorndown: (channel, id) => driver.gpadlTorndown?.(mine(channel), id),
        closed: (channel) => driver.closed?.(mine(channel)),
        modified: (channel, status) => driver.modified?.(mine(channel), status),
        rescinded: (channel) => driver.rescinded(mine(channel)),
      }
      return Object.assign(Object.create(driver) as GuestDriver, methods)
    },
  }
}

/** The device, with its sends edited. */
export function wrongDevice(spec: HostDeviceSpec, edit: Edit): HostDeviceSpec {
  return {
    ...spec,
    create(deps, settings) {
      const offerSubchannels = (count: number): void => deps.offerSubchannels(edit.offers?.(count) ?? count)
      const device = spec.create({ ...deps, offerSubchannels }, settings)
      const over = edits(edit, deps.memory)
      const methods: Partial<HostDevice> = {
        open: (channel) => device.open(over(channel)),
        readable: (channel) => device.readable(over(channel)),
        writable: (channel) => device.writable?.(over(channel)),
        close: (channel) => device.close(over(channel)),
        gpadlGone: (channel, gpadl) => device.gpadlGone?.(over(channel), gpadl),
      }
      return Object.assign(Object.create(device) as HostDevice, methods)
    },
  }
}

const view = ({ payload }: Sent): DataView => new DataView(payload.buffer, payload.byteOffset, payload.length)
export const u8 = (sent: Sent, at: number): number => sent.payload[at] ?? 0
export const u16 = (sent: Sent, at: number): number =>
  sent.payload.length < at + 2 ? 0 : view(sent).getUint16(at, true)
export const u32 = (sent: Sent, at: number): number =>
  sent.payload.length < at + 4 ? 0 : view(sent).getUint32(at, true)

type When = (sent: Sent) => boolean
export type Change = (sent: Sent, at: At) => readonly Sent[]

/** Edits of packets that match; others go as they are. */
export const on =
  (when: When, change: Change): Edit =>
  (sent, at) =>
    when(sent) ? change(sent, at) : [sent]
/** The same of the first that matches only. */
export function first(when: When, change: Change): Edit {
  let done = false
  return (sent, at) => {
    if (done || !when(sent)) return [sent]
    done = true
    return change(sent, at)
  }
}
/** The same of all that match after the first. */
export function later(when: When, change: Change): Edit {
  let seen = false
  return (sent, at) => {
    if (!when(sent)) return [sent]
    if (seen) return change(sent, at)
    seen = true
    return [sent]
  }
}

export const never: Change = () => []
export const twice: Change = (sent) => [sent, sent]
const altered = (sent: Sent, change: (view: DataView) => void): Sent => {
  const payload = sent.payload.slice()
  change(new DataView(payload.buffer))
  return { ...sent, payload }
}
export const set8 =
  (at: number, value: number): Change =>
  (sent) => [altered(sent, (bytes) => bytes.setUint8(at, value))]
export const set16 =
  (at: number, value: number): Change =>
  (sent) => [altered(sent, (bytes) => bytes.setUint16(at, value, true))]
export const set32 =
  (at: number, value: number): Change =>
  (sent) => [altered(sent, (bytes) => bytes.setUint32(at, value, true))]
export const add32 =
  (at: number, value: number): Change =>
  (sent) => [altered(sent, (bytes) => bytes.setUint32(at, bytes.getUint32(at, true) + value, true))]
export const cut =
  (bytes: number): Change =>
  (sent) => [{ ...sent, payload: sent.payload.slice(0, bytes) }]
/** One change after the other. */
export const both =
  (a: Change, b: Change): Change =>
  (sent, at) =>
    a(sent, at).flatMap((each) => b(each, at))
/** The packet, and behind it a changed copy. */
export const also =
  (change: Change): Change =>
  (sent, at) => [sent, ...change(sent, at)]
/** A changed copy, and behind it the packet. */
export const before =
  (change: Change): Change =>
  (sent, at) => [...change(sent, at), sent]
