import type { Clock, Diagnose, Seed, Timers } from '@vmbus/world'
import type { BudgetState } from './budget.ts'
import type { Accepts, Frame } from './frame.ts'
import type { LinkDirectionState, LinkOptions } from './link-direction.ts'
import type { Transit } from './schedule.ts'
import type { PortStatistics } from './statistics.ts'
import type { TableRow } from './table.ts'
import type { VlanOptions } from './vlan.ts'

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

/** What may change while a port is connected; all of it is part of the saved state. */
export interface PortConfig {
  /** Default: access to VLAN 0, without tags. */
  readonly vlan?: VlanOptions | undefined
  /** Largest packet after the Ethernet header and tag, 68 … 65535. Default 1500. */
  readonly mtu?: number | undefined
  readonly link?: LinkOptions | undefined
  /** `source`: what this port sends and receives is copied to every `destination` port. Default `none`. */
  readonly mirror?: 'none' | 'source' | 'destination' | undefined
  /** Whether the port may send from addresses other than its own. Default true. */
  readonly spoofing?: boolean | undefined
}

export interface PortOptions extends PortConfig {
  /** Unique in the switch. */
  readonly name: string
  /** The owner's address: known without learning, and no other port can take it over. */
  readonly mac?: string | undefined
  /** What the owner can take beside the frame's bytes. Default: nothing. */
  readonly accepts?: Accepts | undefined
  /** Takes a frame. Its bytes are not the owner's: they may change after the call. */
  receive(frame: Frame): void
  /** Frames of a burst follow: what they lead to may wait until the returned function is called, before `Port.burst` returns. */
  gather?(): () => void
  /** The link went up or down. */
  linkChanged?(up: boolean): void
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

/** A network adapter in a slot of the switch: made anew whenever its machine is restored, or it is removed and added. */
export interface Adapter {
  /** Of its port. */
  readonly name: string
  readonly mac: string
  readonly config: PortConfig
  readonly accepts: Accepts
  /** Whose it is: its machine, compared by identity, and its name within. */
  readonly machine: object
  readonly instanceId: string
  /** What it was made of, compared by identity: a machine that starts again brings the same. */
  readonly origin: object
  /** A guest has it open. */
  isOpen(): boolean
  receive(frame: Frame): void
  /** As of a port: what is called is the end of this adapter's own part of a burst. */
  gather(): () => void
  linkChanged(up: boolean): void
}

/** A port and the adapter behind it. Adapters come and go; the cable stays. */
export interface Slot {
  readonly port: Port
  readonly mac: string
  /** The port is the adapter's. Its settings are applied once for each origin. */
  take(adapter: Adapter): void
  /** The adapter was withdrawn: the port is for the next one. */
  release(adapter: Adapter): void
}

/** A port's part of the saved state. */
export interface PortState {
  readonly index: number
  readonly name: string
  readonly config: PortConfig
  readonly up: boolean
  readonly inbound: LinkDirectionState
  readonly outbound: LinkDirectionState
  readonly statistics: PortStatistics
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
