import type { GuestMemory } from '@vmbus/hypervisor'
import type { Diagnose, TraceSink } from '@vmbus/world'
import type { RingFault } from '../ring/index.ts'
import type { Channel, Gpadl, Offer } from '../types.ts'
import type { PacketFault } from './packet.ts'

export interface ChannelOptions {
  readonly memory: GuestMemory
  readonly offer: Offer
  /** The host end reads the first ring of the GPADL, the guest end writes it. A guest end prepares the control pages. */
  readonly role: 'host' | 'guest'
  /** The pages of both rings, all in guest RAM: `downstreamOffset` of the guest→host ring, then the other's. */
  readonly pfns: readonly number[]
  readonly downstreamOffset: number
  readonly targetVp: number
  /** 120 bytes of OPENCHANNEL user data. */
  readonly userData: Uint8Array
  /** Tells the peer to look at the channel. Called exactly when the rules of signalling ask for it. */
  readonly signal: () => void
  readonly gpadl: (id: number) => Gpadl | undefined
  /** What `save` of an end of the same channel gave. */
  readonly saved?: unknown
  /**
   * A callback is due without a signal of the peer: the room that `wantWritable` asked for is there already, or unmasking
   * found packets. Whoever owns the channel then acts as if the peer had signalled, though not from within the call.
   */
  readonly due?: () => void
  /** Longest packet (descriptor and payload, without trailer) that is taken, a multiple of 8. Default 0: any that fits. */
  readonly maxPacket?: number
  /**
   * What a longer packet does. `fail` closes the channel. `truncate` is the defect of Linux 5.12 and later: it is cut,
   * and the read index moves by what is left of it, so that the stream is lost (wire/03 §6).
   */
  readonly oversize?: 'fail' | 'truncate'
  /** Packets of types and flags that nobody uses: `fail` as OpenVMM, or `ignore` as guests that look at no type. */
  readonly unknown?: 'fail' | 'ignore'
  /** Where the end sets the feature bit: host `out`, guest `both` (Linux) unless told otherwise; `out` is FreeBSD. */
  readonly featureBits?: 'none' | 'out' | 'both'
  /** Looks for room itself, whatever the peer promises of pending_send_size. */
  readonly polls?: boolean
  /** A pending_send_size that stays (Linux hvsock: 4120). */
  readonly permanentPending?: number
  readonly trace?: TraceSink | undefined
  readonly diagnose?: Diagnose | undefined
}

/** Why a channel failed by itself: `branch` in the detail of its diagnostic. */
export type ChannelFault = RingFault | PacketFault | 'read-index' | 'packet-limit' | 'send-too-large'

/** Callbacks that are due, as bits of `interrupted`. */
export const Due = { readable: 1, writable: 2 } as const

/** A channel as its bus holds it. */
export interface ChannelEnd extends Channel {
  targetVp: number
  /** The peer signalled, or may have: which callbacks are due, bits of `Due`. Takes the writable one. */
  interrupted(): number
  /** True once after the room that `wantWritable` asked for came to be. */
  takeWritable(): boolean
  /**
   * True while room is waited for that the peer will not signal, because it does not know pending_send_size: look at
   * `takeWritable` from time to time.
   */
  readonly mustPoll: boolean
  /** Why `fail` was called, if it was. */
  readonly failure: string | undefined
  /** Nothing is read or written any more. */
  close(): void
  /** One plain versioned value; what is in guest memory is not part of it. */
  save(): unknown
}
