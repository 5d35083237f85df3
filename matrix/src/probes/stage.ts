import type { HostDevice } from '@vmbus/core'
import type { BlockDevice, MemoryStore } from '@vmbus/disk'
import type { KvpItem, KvpPoolName } from '@vmbus/kvp'
import type { Frame, Port, Switch } from '@vmbus/switch'
import type { Peer } from '@vmbus/switch/peer'
import type { Arbitrary } from 'fast-check'
import type { Outcome } from '@vmbus/report'
import type { Answers, EndName, Ends, OurEnd, OwnDevice } from './ends.ts'

/** How a request of a guest's disk ended. */
export interface DiskResult {
  readonly ok: boolean
  /** As the driver names it: `good`, `check-condition`, … */
  readonly outcome: string
  /** What a read found; empty otherwise. */
  readonly data: Uint8Array
}

/** A disk as the guest has it. A request is begun at once, and its promise is kept as time passes. Offsets and lengths are bytes, whole sectors of 512. */
export interface StageDisk {
  readonly name: string
  readonly size: number
  readonly sectorSize: number
  readonly physicalSectorSize: number
  readonly readOnly: boolean
  readonly canDiscard: boolean
  read(offset: number, bytes: number): Promise<DiskResult>
  write(offset: number, data: Uint8Array): Promise<DiskResult>
  flush(): Promise<DiskResult>
  discard(offset: number, bytes: number): Promise<DiskResult>
}

/** What a frame leaves to be done by the adapter or the system. */
interface StageSend {
  /** Its TCP checksum is to be filled in. */
  readonly checksum?: boolean
  /** It is to be cut into segments of so many bytes of payload. */
  readonly segment?: number
}

/** What an adapter does for the system. */
interface StageOffloads {
  readonly checksum: boolean
  /** Packets that the driver has sent. */
  readonly packets: number
}

/** Segments that the host joins for the guest. */
export interface StageCoalescing {
  /** False when the system refuses it. */
  set(on: boolean): boolean
}

/** Channels of an adapter. */
export interface StageScaling {
  /** Frames received, by channel. */
  readonly received: readonly number[]
  /** Has the host take a channel for each of 128 hashes; false when the system refuses it. */
  setTable(table: readonly number[]): boolean
}

/** What stands for a virtual function: its way into the switch, and who takes what comes for the guest. */
export interface VirtualFunction {
  /** Frames that went this way. */
  readonly sent: number
  send(frame: Frame): boolean
  onFrame(listener: (frame: Frame) => void): void
}

/** How an adapter goes over to a virtual function. */
export interface StageFunctions {
  /** Of the function that the host told of; 0: none. */
  readonly serial: number
  readonly dataPath: 'synthetic' | 'vf'
  /** The driver of a function has found it. */
  attach(serial: number, way: VirtualFunction): void
}

/** What tools of the system do with an interface; undefined where nothing stands for them. */
export interface StageTools {
  /** Makes an interface of a VLAN over this one. */
  readonly addVlan?: ((id: number) => StageNet) | undefined
  readonly offloads?: StageOffloads | undefined
  readonly coalescing?: StageCoalescing | undefined
  readonly scaling?: StageScaling | undefined
  readonly functions?: StageFunctions | undefined
}

/** A network interface as the guest has it. */
export interface StageNet extends StageTools {
  readonly name: string
  readonly exists: boolean
  readonly mac: string
  readonly mtu: number
  readonly carrier: boolean
  readonly isUp: boolean
  /** Address and prefix length, or ''. */
  readonly address: string
  up(): void
  down(): void
  /** False when the system refuses it. */
  setMtu(mtu: number): boolean
  /** IPv4, such as `10.0.0.2/24`. */
  setAddress(address: string): void
  /** An Ethernet frame; false when it was not taken. */
  send(frame: Uint8Array, request?: StageSend): boolean
  /** Hears every frame that arrives, valid during the call; returns the way to stop. */
  onFrame(listener: (frame: Uint8Array) => void): () => void
  /** Whether an echo request is answered within 5 s. */
  ping(address: string, bytes?: number): Promise<boolean>
}

/** What the guest keeps of the pools of key-value exchange. */
export interface StageKeyValues {
  items(pool: KvpPoolName): readonly KvpItem[]
  /** As a program of the guest would; an HRESULT. */
  put(pool: KvpPoolName, item: KvpItem): number
}

/** Memory as the guest accounts for it, in pages of 4 KiB. */
export interface StageMemory {
  readonly total: number
  readonly available: number
  /** Given up to the host. */
  readonly ballooned: number
}

interface StageClock {
  /** FILETIME. */
  guest(): bigint
  /** FILETIME. */
  host(): bigint
  /** Guest less host, 100 ns units. */
  off(): number
}

export interface StageFiles {
  /** What the host has to copy, by the name that a copy gives as its source. */
  provide(source: string, contents: Uint8Array): void
  /** A file of the guest; undefined when there is none. */
  read(path: string): Uint8Array | undefined
  /** A folder of the guest that is there, and how its paths are joined. */
  readonly folder: string
  readonly separator: '/' | '\\'
}

interface StageBackup {
  /** File systems of the guest, or its writers, stand still. */
  readonly frozen: boolean
  /** What is done while they do; true when the snapshot was taken, `later` when the host end is told of it by `snapshotDone`. */
  onSnapshot(take: () => boolean | 'later'): void
}

/** A device as the guest's tools list it. */
export interface ListedDevice {
  readonly interfaceId: string
  readonly instanceId: string
}

/** The switch that the adapter is plugged into, and a station on it. */
export interface Lan {
  readonly switch: Switch
  readonly peer: Peer
  /** Of the peer. */
  readonly port: Port
  readonly virtualFunction: VirtualFunction
  /** Of the peer. */
  readonly mac: string
  readonly address: string
}

/** The image behind the guest's disk: a dynamic VHDX. */
export interface Medium {
  readonly disk: BlockDevice
  /** The image file. */
  readonly store: MemoryStore
  /** Bytes that the image file takes, its holes left out. */
  readonly allocated: number
}

/** Names of a Fibre Channel port and its node: `c003ff0000000001`. */
export interface StagePort {
  readonly port: string
  readonly node: string
}

export type PropertyEnd = { readonly held: true } | { readonly held: false; readonly reason: string }

/**
 * Where a probe is played: a simulated guest or a real kernel on a host, through one interface. Nothing but stages knows
 * families of guests.
 */
export interface Stage {
  readonly family: 'linux' | 'freebsd' | 'windows'
  readonly kind: 'simulated' | 'real'
  /** Values of the guest and the host by field; a field that the probe did not declare throws. */
  readonly guest: Readonly<Record<string, unknown>>
  readonly host: Readonly<Record<string, unknown>>
  /** Comes up to a connected bus with its drivers loaded; else how it ended. */
  connect(): Promise<Outcome | 'connected'>

  /** The host offers it. */
  offers(end: EndName): boolean
  /** The guest has opened its channel. */
  drives(end: EndName): boolean
  /** The host end. Throws where the host does not offer it. */
  device<E extends OurEnd>(end: E): Ends[E]
  device<D extends HostDevice>(own: OwnDevice<D>): D
  /** The event of a host end that answers a request; undefined when none came within 300 s. */
  answer<N extends keyof Answers>(event: N, id: number): Promise<Answers[N] | undefined>

  /** The instance GUID under which the host offers an end. */
  instanceOf(end: EndName): string
  /** How often an event of a host end was told, such as `balloon:hot-add`. */
  heard(event: string): number
  /** Processors on which the guest has brought the bus up. */
  processors(): number
  /** Processors that a machine of this kind can have. */
  readonly mostProcessors: number
  /** Pages of 4 KiB that the guest was powered on with. */
  readonly bootPages: number
  /** Moves the guest, as it is at this moment, to a host of the next version over the same storage; of the same where there is none. */
  migrate(): void

  /** Time passes. */
  run(seconds: number): Promise<void>
  /** Time passes until something holds; false when it does not within `seconds`, default 60. */
  until(what: () => boolean, seconds?: number): Promise<boolean>

  /** Disks that the guest has found. */
  readonly disks: readonly StageDisk[]
  /** The first disk. Throws where the guest has none. */
  disk(): StageDisk
  /** The first interface, there or not. */
  net(): StageNet
  keyValues(): StageKeyValues
  memory(): StageMemory
  clock(): StageClock
  files(): StageFiles
  backup(): StageBackup
  /** What lsvmbus prints, or what else shows a system's devices. */
  listed(): readonly ListedDevice[]
  /** The guest has powered off within `seconds`. */
  poweredOff(seconds?: number): Promise<boolean>

  readonly lan: Lan
  medium(end: 'storvsc' | 'fc'): Medium
  /** The names that the host gives the Fibre Channel adapter. */
  readonly fabric: StagePort
  /** Fibre Channel ports as the guest shows them; undefined where nothing stands for what its system shows. */
  ports(): readonly StagePort[] | undefined

  /**
   * Draws values by the seed and the name, and lets each be checked one after the other in this one life of the guest;
   * `false` or a text says that it failed. What failed is shrunk, in the same life.
   */
  property<T>(
    name: string,
    arbitrary: Arbitrary<T>,
    check: (value: T) => Promise<boolean | string>,
  ): Promise<PropertyEnd>
}
