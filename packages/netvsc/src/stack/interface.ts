import type { Frame } from '@vmbus/switch'
import type { QueueStatistics } from '../guest/types.ts'
import type { RssChange } from '../guest/options.ts'
import type { IpConfig } from './ip-config.ts'

/** Under the names that `ethtool -k` of Linux has. */
export const FEATURES = [
  'rx-checksumming',
  'tx-checksum-ipv4',
  'tx-checksum-ipv6',
  'tx-tcp-segmentation',
  'tx-tcp6-segmentation',
  'large-receive-offload',
  'tx-vlan-offload',
  'rx-vlan-offload',
] as const
export type Feature = (typeof FEATURES)[number]
export type Features = Readonly<Record<Feature, boolean>>

/** What the sender of a frame leaves to the interface: to its adapter where that can, and is done in software where not. */
export interface SendRequest {
  /** The TCP or UDP checksum is to be filled in. */
  readonly checksum?: boolean | undefined
  /** A TCP segment of any length is to be cut into segments of so many payload bytes. Checksums included. */
  readonly segment?: number | undefined
}

/** A virtual function of the adapter, as its own driver has it. It stands for a vPCI device. */
export interface VfFunction {
  /** By which the host names it. */
  readonly serial: number
  /** Sends a frame on the function's own way; false when it could not. */
  send(frame: Frame): boolean
}

/** Where a function's driver hands over what it receives. */
export interface VfLink {
  receive(frame: Frame): void
  /** The function's driver has gone: traffic goes back to the synthetic path. */
  detach(): void
}

/** How an interface is moved between the synthetic path and a virtual function. */
export interface VfState {
  /** Of the function that the host told of, 0 without one. */
  readonly serial: number
  readonly dataPath: 'synthetic' | 'vf'
}

/** An interface that is there: of an adapter, or a VLAN's over one. */
export interface LiveInterface {
  readonly name: string
  /** Of its VMBus device, without braces; undefined for a VLAN's, which has none. */
  readonly instanceId: string | undefined
  readonly mac: string
  /** Largest packet after the Ethernet header and tag. */
  readonly mtu: number
  readonly isUp: boolean
  /** The cable is in. */
  readonly carrier: boolean
  readonly config: IpConfig
  /** The address that the MAC gives, while it is up. */
  readonly linkLocal: string | undefined
  /** VLAN id; undefined for an adapter's own interface. */
  readonly vlan: number | undefined
  up(): void
  down(): void
  setMtu(mtu: number): void
  /** Takes the place of every address and route that it has. Throws SwitchError for what no station has. */
  configure(config: IpConfig): void
  /** False when the interface is down, or has no room, or the frame is not what the request says. */
  send(bytes: Uint8Array, request?: SendRequest): boolean
  ping(address: string, bytes: number): number
  isAnswered(sequence: number): boolean
  /** The interface goes: a VLAN is deleted, an adapter loses its driver. */
  remove(): void
  /** The adapter below, shared by all VLANs over it. */
  readonly adapter: AdapterControl
}

/** What an adapter's interface has beside its addresses. */
export interface AdapterControl {
  /** NVSP word that was agreed on. */
  readonly nvsp: number
  readonly features: Features
  setFeature(feature: Feature, on: boolean): void
  /** The driver joins the TCP segments that it receives. */
  readonly joins: boolean
  setJoins(on: boolean): void
  /** Most channels that driver and host could have, and how many are open. */
  readonly channels: { readonly most: number; readonly open: number }
  setChannels(count: number): void
  /** What passed each channel, the primary first. */
  readonly queues: readonly QueueStatistics[]
  /** Undefined with one channel. */
  readonly rss: { readonly key: Uint8Array; readonly table: readonly number[] } | undefined
  setRss(change: RssChange): void
  addVlan(id: number): LiveInterface
  readonly vf: VfState
  attachVf(vf: VfFunction): VfLink
}

/** The interfaces of a system by name, and who listens to what they receive. */
export interface InterfaceTable {
  /** By name, in the order in which they came. */
  readonly all: ReadonlyMap<string, LiveInterface>
  find(name: string): LiveInterface | undefined
  /** Under its name from before, or the first that is free; returns the name. */
  register(live: LiveInterface, name?: string): string
  remove(name: string): void
  listen(name: string, listener: (bytes: Uint8Array) => void): () => void
  received(name: string, bytes: Uint8Array): void
  save(): null
  restore(saved: unknown): void
}

/** What differs between operating systems. */
export interface InterfaceSystem {
  /** Names the saved state. */
  readonly kind: string
  /** Its events call the interface so: `interface`, or `adapter`. */
  readonly label: string
  readonly table: InterfaceTable
  /** The interface is up as soon as it is there. */
  readonly startsUp: boolean
  /** Packet filter while the interface is up. */
  readonly filter: number
  /** Packets that wait for room in a ring. */
  readonly mostWaiting: number
  /** Routers may cut echo requests. */
  readonly echoMayFragment: boolean
  /** There are VLANs over an interface. */
  readonly vlans: boolean
  /** The driver takes and gives tags beside the frame. Without it a tag is sent in the frame, and what stands beside one is not looked at. */
  readonly tagsBeside: boolean
  /** More than one channel. */
  readonly scales: boolean
  /** The driver itself joins TCP segments, to packets of so many bytes at most on adapters of one channel and of several. */
  readonly joinsUpTo?: { readonly oneChannel: number; readonly several: number } | undefined
  /** Largest packets from and to, by NVSP word. */
  mtuRange(nvsp: number): readonly [least: number, most: number]
  readonly vf: 'none' | 'messages' | 'transparent'
  /** The error for what the system refuses. */
  refuse(what: string): Error
}
