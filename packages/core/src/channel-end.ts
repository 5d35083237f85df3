import type { GuestMemory } from '@vmbus/hypervisor'
import type { Diagnose, TraceSink } from '@vmbus/world'
import type { Channel, Gpadl, Offer, PageRange } from './types.ts'

/** A channel as its bus holds it. */
export interface ChannelEnd extends Channel {
  targetVp: number
  /** True once after the room that `wantWritable` asked for came to be. */
  takeWritable(): boolean
  /** Nothing is read or written any more. */
  close(): void
  save(): unknown
}

export interface ChannelEndOptions {
  readonly memory: GuestMemory
  readonly offer: Offer
  readonly role: 'host' | 'guest'
  /** The pages of both rings. */
  readonly pfns: readonly number[]
  readonly downstreamOffset: number
  readonly targetVp: number
  readonly userData: Uint8Array
  readonly signal: () => void
  readonly gpadl: (id: number) => Gpadl | undefined
  readonly saved?: unknown
  readonly trace?: TraceSink | undefined
  readonly diagnose?: Diagnose | undefined
}

/** Until the rings are in place: an end that carries nothing. */
export function openEnd(options: ChannelEndOptions): ChannelEnd {
  let isOpen = true
  return {
    offer: options.offer,
    subchannelIndex: options.offer.subchannelIndex,
    targetVp: options.targetVp,
    userData: options.userData,
    get isOpen() {
      return isOpen
    },
    sendInBand: () => false,
    sendCompletion: () => false,
    sendGpaDirect: () => false,
    sendTransferPages: () => false,
    cork: () => {},
    uncork: () => {},
    receive: () => undefined,
    readable: false,
    writableBytes: 0,
    wantWritable: () => {},
    mask: () => {},
    gpadl: (id) => options.gpadl(id),
    fail: () => {},
    inspect: () => ({ isOpen }),
    takeWritable: () => false,
    close: () => {
      isOpen = false
    },
    save: () => null,
  }
}

export function createGrant(_memory: GuestMemory, id: number, ranges: readonly PageRange[]): Gpadl {
  return { id, byteLength: 0, ranges, read: () => false, write: () => false, segments: () => false }
}
