import type { RequestOutcome } from '@vmbus/storvsc'

/** Where a logical unit is. */
export interface UnitAt {
  readonly path: number
  readonly target: number
  readonly lun: number
}

/** A logical unit that was found: `struct scsi_device`, and what the disk driver knows of it. */
export interface Unit extends UnitAt {
  /** Peripheral device type: 0 a disk. */
  readonly type: number
  readonly vendor: string
  readonly model: string
  /** Its INQUIRY data says that it queues commands. */
  readonly tagged: boolean
  /** `sda`; empty until the disk driver has it. */
  readonly name: string
  /** The disk driver has looked at it: its owner can use it. */
  readonly ready: boolean
  /** In its own blocks, of `blockSize` bytes; 0 without a capacity. */
  readonly blocks: number
  readonly blockSize: number
  readonly physicalBlockSize: number
  readonly unmap: boolean
  readonly writeCache: boolean
  readonly readOnly: boolean
}

/** What follows from a page of vital product data. */
export type AfterPage =
  | { readonly kind: 'nothing' }
  /** These were the first bytes: the page is asked for in its own length. */
  | { readonly kind: 'sized'; readonly after: AfterPage }
  /** The list of pages: one of them is asked for if it is there, in so many bytes, or 0 for its own length. */
  | { readonly kind: 'listed'; readonly page: number; readonly bytes: number }
  /** The list of pages: those that the kernel keeps are asked for. */
  | { readonly kind: 'kept' }

/** One command of the midlayer or of the disk driver, or what they do between two. */
export type Step =
  | { readonly do: 'inquiry'; readonly at: UnitAt; readonly bytes: number }
  | {
      readonly do: 'page'
      readonly at: UnitAt
      readonly page: number
      readonly bytes: number
      /** The buffer is on the kernel's stack. */
      readonly onStack: boolean
      readonly after: AfterPage
    }
  | { readonly do: 'report'; readonly at: UnitAt }
  | { readonly do: 'test'; readonly at: UnitAt }
  | { readonly do: 'capacity'; readonly at: UnitAt; readonly long: boolean }
  | { readonly do: 'mode'; readonly at: UnitAt; readonly page: number; readonly bytes: number }
  | { readonly do: 'partitions'; readonly at: UnitAt; readonly sector: number }
  /** A target is looked at: at its first unit, or at what else it has when that one is known. */
  | { readonly do: 'target'; readonly at: UnitAt }
  /** The disk driver takes every disk that it does not have yet. */
  | { readonly do: 'attach' }
  | { readonly do: 'usable'; readonly at: UnitAt }
  /** A unit that is gone is taken down, and what it has cached is asked for, in so many tries. */
  | { readonly do: 'remove'; readonly at: UnitAt }
  | { readonly do: 'flush'; readonly at: UnitAt; readonly tries: number }
  | { readonly do: 'removed'; readonly at: UnitAt }

/** The command of a step on its way. */
interface Command {
  readonly step: Step
  readonly request: number
  readonly pfns: readonly number[]
  readonly offset: number
  readonly bytes: number
}

export type IoKind = 'read' | 'write' | 'flush' | 'discard'

/** One request of a disk's owner, which may be several on the wire. */
export interface Io {
  readonly kind: IoKind
  readonly pfns: readonly number[]
  readonly bytes: number
  /** Requests on the wire that have not ended. */
  left: number
  /** Of the first that did not end well. */
  outcome: RequestOutcome
}

/** How a request ended. */
export interface IoResult {
  readonly outcome: RequestOutcome
  /** What a read found, when all of it went well. */
  readonly data?: Uint8Array
}

export interface StorageState {
  v: 1
  instanceId: string
  /** Number of the SCSI host, `hostN`; -1 before it is there. */
  host: number
  controller: 'scsi' | 'ide' | 'fc'
  steps: Step[]
  command: Command | null
  /** The bus was looked at once. */
  scanned: boolean
  units: Unit[]
  /** Buffers that the slab allocator gave. */
  slabs: number
  nextIo: number
  io: Record<number, Io>
  /** The owner's request that one on the wire is part of. */
  parts: Record<number, number>
  results: Record<number, IoResult>
}

export const initialState = (): StorageState => ({
  v: 1,
  instanceId: '',
  host: -1,
  controller: 'scsi',
  steps: [],
  command: null,
  scanned: false,
  units: [],
  slabs: 0,
  nextIo: 1,
  io: {},
  parts: {},
  results: {},
})

export const sameUnit = (a: UnitAt, b: UnitAt): boolean => a.path === b.path && a.target === b.target && a.lun === b.lun

export const unitOf = (state: StorageState, at: UnitAt): Unit | undefined =>
  state.units.find((unit) => sameUnit(unit, at))

export function changeUnit(state: StorageState, at: UnitAt, change: Partial<Unit>): void {
  state.units = state.units.map((unit) => (sameUnit(unit, at) ? { ...unit, ...change } : unit))
}
