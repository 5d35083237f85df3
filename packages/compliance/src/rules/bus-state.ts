import type { TraceEvent } from '@vmbus/world'
import type { GuestRuleId, HostRuleId } from './tables.ts'

export type BusRuleId = GuestRuleId | HostRuleId

/** What a watch tells: a rule that could have been broken now, and one that was. */
export interface Judge {
  exercised(rule: BusRuleId): void
  broken(rule: BusRuleId, how: string): void
}

export interface BusWatch {
  see(event: TraceEvent): void
  /** Nothing is under way any more: what was never answered is broken now. */
  settled(): void
  readonly connected: boolean
  /** The guest has said UNLOAD since its last contact. */
  readonly unloaded: boolean
  /** The host was told UNLOAD and has answered. */
  readonly left: boolean
  /** Relids whose channel the host has accepted and the guest has not closed. */
  isOpen(relid: number): boolean
  /** Offer flags of a relid. */
  flagsOf(relid: number): number
}

/** A channel that was offered. */
export interface Channel {
  readonly subchannelIndex: number
  readonly instanceId: string
  readonly flags: number
  phase: 'offered' | 'opening' | 'open' | 'closed'
  openId: number
  ring: number
  rescinded: boolean
}

/** A GPADL from its header to its TORNDOWN. */
export interface Grant {
  /** Bytes of its list that the guest has not sent yet. */
  left: number
  /** `created` or `refused` after the host said so; `leaving` after the guest asked for its end. */
  phase: 'sending' | 'asked' | 'created' | 'refused' | 'leaving'
}
