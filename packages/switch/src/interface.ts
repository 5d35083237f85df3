import type { Clock, Diagnose, Seed, Timers } from '@vmbus/world'
import type { BudgetState } from './budget.ts'
import type { Frame } from './frame.ts'
import type { PortConfig, PortOptions, PortState } from './port.ts'
import type { Adapter, Slot } from './slot.ts'
import type { Transit } from './schedule.ts'
import type { PortStatistics } from './statistics.ts'
import type { TableRow } from './table.ts'

export interface SwitchOptions {
  readonly clock: Clock
  readonly timers: Timers
  /** Draws loss, duplication and jitter of links. */
  readonly seed: Seed
  readonly diagnose?: Diagnose | undefined
  /** 100 ns units after which a silent address is forgotten. Default 300 s (IEEE 802.1Q-2018, table 8-6). */
  readonly ageing?: number | undefined
  /** Most addresses learned: in all (default 4096) and from one port (default 1024). */
  readonly addresses?: { readonly total?: number | undefined; readonly perPort?: number | undefined } | undefined
  /** Most bytes under way in delays and queues; frames beyond are dropped. Default 64 MiB. */
  readonly transitLimit?: number | undefined
}

/** A frame as it passes a port; `inbound` is from the port's owner into the switch. Bytes are valid during the call. */
export interface CapturedFrame {
  readonly port: string
  readonly direction: 'inbound' | 'outbound'
  /** Reference time, 100 ns units. */
  readonly time: number
  /** As on a wire: tag and checksums in place, but a large segment is one frame. */
  readonly bytes: Uint8Array
}

export interface Port {
  readonly name: string
  readonly linkUp: boolean
  /** Hands a frame to the switch. False when it was dropped at once. The bytes may be reused after the call. */
  send(frame: Frame): boolean
  /** Sends what `work` sends as one burst: receivers that gather frames pass them on together, once it is over. */
  burst(work: () => void): void
  configure(change: PortConfig): void
  /** Unplugs or plugs the cable; the owner is told, and what was learned from the port is forgotten. */
  setLink(up: boolean): void
  statistics(): PortStatistics
  /** Takes the port away. Further calls do nothing. */
  disconnect(): void
}

/** A switch's whole state as a plain value. */
export interface SwitchState {
  readonly kind: string
  readonly v: number
  readonly ports: readonly PortState[]
  readonly addresses: readonly TableRow[]
  readonly order: number
  readonly transits: readonly Transit[]
  readonly budget: BudgetState
}

export interface Switch {
  connect(options: PortOptions): Port
  /**
   * The slot of an adapter: the one that has its name, or a new one. The adapter gets its frames from now on, unless there is
   * one that it replaces: then once `take` says so. Undefined if the adapter there is another's.
   */
  attach(adapter: Adapter): Slot | undefined
  /** Delivers what is due; to be called when the switch's timer fires. */
  timer(name: string): void
  /** Sees every frame that passes a port until the returned function is called. */
  capture(sink: (frame: CapturedFrame) => void): () => void
  save(): SwitchState
  /** Throws as `restore` would, and changes nothing. */
  checkState(saved: unknown): void
  /**
   * Takes a saved state. The ports that were connected then must be connected again by name first.
   *
   * @throws StateError `VMBUS_STATE_INVALID`, with nothing touched
   */
  restore(saved: unknown): void
  inspect(): {
    readonly ports: readonly (PortState & { readonly mac: number | undefined })[]
    readonly addresses: readonly TableRow[]
    readonly bytesUnderWay: number
  }
}
