import type { GuestMemory } from '@vmbus/hypervisor'
import type { Diagnose, TraceSink } from '@vmbus/world'
import type { Channel, Gpadl, Offer } from './types.ts'

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
  /** Largest packet that this end takes, 0 for no limit below the ring's. */
  readonly maxPacket?: number
  readonly signal: () => void
  readonly gpadl: (id: number) => Gpadl | undefined
  readonly saved?: unknown
  readonly trace?: TraceSink | undefined
  readonly diagnose?: Diagnose | undefined
}

export { plainEnd as openEnd, plainGrant as createGrant } from './plain-end.ts'
