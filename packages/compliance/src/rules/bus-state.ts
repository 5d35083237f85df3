import type { TraceEvent } from '@vmbus/world'

/** What a watch tells: a rule that could have been broken now, and one that was. */
export interface Judge {
  exercised(rule: string): void
  broken(rule: string, how: string): void
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
  /** Interfaces of channels that the host has accepted. */
  readonly opened: ReadonlySet<string>
  /** Relids whose channel the host has accepted and the guest has not closed. */
  isOpen(relid: number): boolean
  channelOf(relid: number): Channel | undefined
  /** Subchannels of a device that are offered. */
  subchannelsOf(instanceId: string): number
  /** Bytes of a GPADL's first range, undefined unless it was created. */
  grantBytes(gpadl: number): number | undefined
}

/** A channel that was offered. */
export interface Channel {
  readonly subchannelIndex: number
  readonly interfaceId: string
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
  /** Of its first range. */
  readonly bytes: number
  /** `created` or `refused` after the host said so; `leaving` after the guest asked for its end. */
  phase: 'sending' | 'asked' | 'created' | 'refused' | 'leaving'
}
