import type { GuestMemory } from '@vmbus/hypervisor'
import type { Clock, Diagnose, Seed, Timers, TraceSink } from '@vmbus/world'
import type { DeviceTrace } from './device-trace.ts'

/** major << 16 | minor. */
export type VmbusVersion = number

/** What an OFFERCHANNEL says (wire/02 §2), decoded. */
export interface Offer {
  readonly interfaceId: string
  readonly instanceId: string
  readonly flags: number
  readonly mmioMegabytes: number
  /** 120 bytes. */
  readonly userDefined: Uint8Array
  readonly subchannelIndex: number
  readonly relid: number
  /** 0xFF when the channel is not monitored. */
  readonly monitorId: number
  readonly monitorAllocated: boolean
  readonly dedicatedInterrupt: boolean
  readonly connectionId: number
}

/** What a device chooses of its offer; the bus adds relid, connection and monitor ids. */
export interface OfferParameters {
  readonly interfaceId: string
  readonly instanceId: string
  readonly flags?: number
  readonly mmioMegabytes?: number
  readonly userDefined?: Uint8Array
  /** Ask for a monitor id, in 100 ns units of latency. */
  readonly monitorLatency?: number
}

/** A span of guest memory: `byteCount` bytes that begin `byteOffset` (< 4096 for GPA-direct) into the first page. */
export interface PageRange {
  readonly byteOffset: number
  readonly byteCount: number
  /** Page frame numbers, ceil((byteOffset + byteCount) / 4096) of them. */
  readonly pfns: readonly number[]
}

/** A guest buffer that the host was granted. Every access is checked against the grant and against guest RAM. */
export interface Gpadl {
  readonly id: number
  readonly byteLength: number
  readonly ranges: readonly PageRange[]
  /** Copies `into.length` bytes from `offset`; false when out of the grant. */
  read(offset: number, into: Uint8Array): boolean
  /** Copies all of `from` to `offset`; false when out of the grant. */
  write(offset: number, from: Uint8Array): boolean
  /** Pushes views of guest memory that cover `offset`…`offset+length`, in order; false when out of the grant. */
  segments(offset: number, length: number, out: Uint8Array[]): boolean
}

/** wire/03 §3. */
export const PacketType = {
  inBand: 6,
  transferPages: 7,
  gpaDirect: 9,
  completion: 11,
} as const

/**
 * A received packet: a private copy, so later writes of the peer change nothing. The object and its buffer are reused
 * by the next `receive`; copy out what must outlive it.
 */
export interface Packet {
  readonly type: number
  readonly flags: number
  /** The transaction id as two u32 words; opaque to whoever did not choose it. */
  readonly transactionLow: number
  readonly transactionHigh: number
  /** Descriptor, type-specific header and payload from byte 0. The buffer is longer than the packet: bound by `payloadLength`. */
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Length of descriptor + type-specific header: where the payload begins. */
  readonly payloadOffset: number
  /** Padded to a multiple of 8: the true length belongs to the protocol above. */
  readonly payloadLength: number
  /** GPA-direct: the ranges, parsed and bounded by the packet; else empty. Reused like the packet. */
  readonly gpaRanges: readonly PageRange[]
  /** Transfer pages: set id and ranges (byteCount, byteOffset into the set's buffer); else 0 and empty. */
  readonly transferSetId: number
  readonly transferRanges: readonly TransferRange[]
}

export interface TransferRange {
  readonly byteCount: number
  readonly byteOffset: number
}

/**
 * An open channel, the same for both ends: `out` is the ring that this end writes, `in` the one it reads.
 * Senders return false when the ring is full and nothing was written; `wantWritable` asks for a `writable` call.
 */
export interface Channel {
  readonly offer: Offer
  readonly subchannelIndex: number
  /** The virtual processor that the guest asked to be interrupted on. */
  readonly targetVp: number
  /** 120 bytes of OPENCHANNEL user data. */
  readonly userData: Uint8Array
  readonly isOpen: boolean

  sendInBand(payload: Uint8Array, transactionLow: number, transactionHigh: number, wantCompletion: boolean): boolean
  sendCompletion(payload: Uint8Array, transactionLow: number, transactionHigh: number): boolean
  sendGpaDirect(
    ranges: readonly PageRange[],
    payload: Uint8Array,
    transactionLow: number,
    transactionHigh: number,
  ): boolean
  sendTransferPages(
    setId: number,
    ranges: readonly TransferRange[],
    payload: Uint8Array,
    transactionLow: number,
    transactionHigh: number,
  ): boolean
  /**
   * Between `cork` and `uncork` packets become visible to the peer, and one signal is sent if due, at `uncork`
   * (several sends, one publication).
   */
  cork(): void
  uncork(): void

  /** The next packet, or undefined when the ring is empty. The returned object is always the same one. */
  receive(): Packet | undefined
  /** True when there is something to receive. */
  readonly readable: boolean
  /** Bytes that a packet (descriptor + headers + payload + 8 byte trailer) may take now. */
  readonly writableBytes: number
  /** Sets pending_send_size so that the peer signals when `bytes` fit; `writable` is then called once they do. */
  wantWritable(bytes: number): void
  /** Interrupt mask of the ring that this end reads: true means "do not signal me". */
  mask(masked: boolean): void

  /** A buffer that the guest granted on this channel (host end), or granted by this end (guest end). */
  gpadl(id: number): Gpadl | undefined
  /**
   * Gives up on a peer that broke the protocol: no more is read or written; recorded with the reason, and with the
   * `branch` of the protocol above that refused.
   */
  fail(code: string, message: string, branch?: string): void
  inspect(): Record<string, unknown>
}

/** What a host device lives on. Timers are its own scope; nothing here outlives the device. */
export interface HostDeviceDeps {
  readonly clock: Clock
  readonly timers: Timers
  readonly seed: Seed
  readonly diagnose: Diagnose
  readonly memory: GuestMemory
  /** For what packets name and do not carry (`transfer` events); the bus traces messages and packets itself. */
  readonly trace?: TraceSink
  /** The VMBus version of the current connection, 0 while there is none. */
  version(): VmbusVersion
  /** Offers subchannels 1…count that are not offered yet. */
  offerSubchannels(count: number): void
  /** Withdraws the device (subchannels first), as hot remove does. */
  rescind(): void
  /** Something that the host's owner may wait for: `devices.on(kind, …)`; names belong to the device. */
  event(name: string, detail?: unknown): void
}

/** A device as the host sees it (VSP): a state machine that lives from offer to removal, over reopenings. */
export interface HostDevice {
  /** The guest opened one of its channels; 0 accepts, anything else is the status of OPENCHANNEL_RESULT. */
  open(channel: Channel): number
  /** The guest signalled, or packets wait: receive until empty (or stop, and be called again on the next signal). */
  readable(channel: Channel): void
  /** Room that `wantWritable` asked for is there. */
  writable?(channel: Channel): void
  /** The guest closed the channel, was unloaded or reset: forget the channel. */
  close(channel: Channel): void
  /**
   * The device is being withdrawn, once; the guest hears of it when this returns. End what waits for anything but the
   * guest, and begin nothing more. Open channels are read and answered on until `close` comes for each.
   */
  rescinded?(): void
  /** A GPADL on one of its channels goes away; every later access through it fails. */
  gpadlGone?(channel: Channel, gpadl: number): void
  timer?(name: string): void
  /** One plain versioned value; with `restore` into a new device over the same backends it changes no later byte. */
  save(): unknown
  /**
   * Throws `StateError` of @vmbus/world for what `save` of a device with these options and settings cannot have given:
   * another kind, version or shape, a protocol version that the settings do not have. The bus asks every device before it
   * touches anything, so that a restore happens whole or not at all. The answer depends on `saved`, options and settings
   * alone: the one that is asked may be the device that is about to be replaced, with channels open.
   */
  checkState?(saved: unknown): void
  /** After `checkState`. `channels`: those that were open, primary first, already restored. */
  restore(state: unknown, channels: readonly Channel[]): void
  inspect(): Record<string, unknown>
}

/** A device that can be offered: what `netvsc({...})` returns. `settings` come from the host's profile. */
export interface HostDeviceSpec<Settings = unknown, D extends HostDevice = HostDevice> {
  readonly kind: string
  readonly offer: OfferParameters
  /** How transcripts tell of it; without, its packets are bytes. */
  readonly trace?: DeviceTrace
  create(deps: HostDeviceDeps, settings?: Settings): D
}

/** Pages of guest RAM that a simulated guest's drivers use. Contents of allocated pages are zero. */
export interface PageAllocator {
  /** `count` page frame numbers, not necessarily adjacent. Throws VMBUS_GUEST_MEMORY when RAM is used up. */
  allocate(count: number): number[]
  free(pfns: readonly number[]): void
}

/** One offered channel in the guest. All answers come later, through the driver's callbacks. */
export interface GuestChannel {
  readonly offer: Offer
  readonly state: 'offered' | 'opening' | 'open' | 'closing' | 'rescinded'
  /** The open channel, undefined before `opened` with status 0 and after close or rescind. */
  readonly channel: Channel | undefined
  /** Allocates rings, grants them and opens: then `opened(channel, status)`. Pages include the control page. */
  open(options: {
    outPages: number
    inPages: number
    userData?: Uint8Array
    targetVp?: number
    maxPacket?: number
  }): void
  /** Closes and tears down the ring GPADL: then `closed(channel)`. */
  close(): void
  /** Grants a buffer: returns its id; then, never before that, `gpadlCreated(channel, id, status)`. */
  createGpadl(ranges: readonly PageRange[]): number
  /** Withdraws it: then `gpadlTorndown(channel, id)`; its pages may be reused only then. */
  teardownGpadl(id: number): void
  /** MODIFYCHANNEL (versions ≥ 4.1): then `modified(channel, status)` from 5.3, nothing before. */
  retarget(vp: number): void
}

export interface GuestDriverDeps {
  readonly clock: Clock
  readonly timers: Timers
  readonly seed: Seed
  readonly diagnose: Diagnose
  readonly memory: GuestMemory
  readonly pages: PageAllocator
  readonly vps: number
  version(): VmbusVersion
  /** Partition reference time as the guest reads it (MSR or TSC page), 100 ns. */
  referenceTime(): number
  event(name: string, detail?: unknown): void
}

/** A driver instance for one device (VSC): the primary channel and its subchannels. */
export interface GuestDriver {
  offered(channel: GuestChannel): void
  opened(channel: GuestChannel, status: number): void
  readable(channel: GuestChannel): void
  writable?(channel: GuestChannel): void
  gpadlCreated?(channel: GuestChannel, gpadl: number, status: number): void
  gpadlTorndown?(channel: GuestChannel, gpadl: number): void
  closed?(channel: GuestChannel): void
  modified?(channel: GuestChannel, status: number): void
  /** The host took the channel back: end every request now; the bus releases the relid when this returns. */
  rescinded(channel: GuestChannel): void
  timer?(name: string): void
  save(): unknown
  /** As `HostDevice.checkState`; the bus asks a driver that was made for the restore, and that is dropped if any refuses. */
  checkState?(saved: unknown): void
  restore(state: unknown, channels: readonly GuestChannel[]): void
  inspect(): Record<string, unknown>
}

/** A driver that a guest can load: what `netvsc.driver({...})` returns. */
export interface GuestDriverSpec<G extends GuestDriver = GuestDriver> {
  readonly kind: string
  readonly interfaceIds: readonly string[]
  create(deps: GuestDriverDeps): G
}
