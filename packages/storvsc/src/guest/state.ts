import type { PageRange } from '@vmbus/core'
import type { RequestResult } from './result.ts'

export const PHASES = [
  'idle',
  'opening',
  'begin',
  'version',
  'properties',
  'fchba',
  'end',
  'subchannels',
  'ready',
  'failed',
  'gone',
] as const

export type DriverPhase = (typeof PHASES)[number]

export type Direction = 'read' | 'write' | 'none'

/** A request until it ends, as plain data. */
export interface RequestRecord {
  readonly id: number
  /** Sent by the driver itself, to look at a unit. */
  readonly own: boolean
  readonly path: number
  readonly target: number
  readonly lun: number
  readonly cdb: Uint8Array
  readonly direction: Direction
  readonly buffer: PageRange | null
  /** Pages that the driver allocated for it. */
  readonly pages: readonly number[]
  readonly tagged: boolean
  /** The virtual processor that asks, by which a channel is chosen; null spreads evenly. */
  readonly vp: number | null
  tries: number
  /** The channel that it went over. */
  channel: number
}

/** A logical unit that the driver has found. */
export interface Disk {
  readonly path: number
  readonly target: number
  readonly lun: number
  /** Peripheral device type: 0 a disk, 5 a DVD drive (SPC-4 table 49). */
  readonly deviceType: number
  readonly vendor: string
  readonly product: string
  readonly revision: string
  /** NAA name from page 0x83, hexadecimal; empty without one. */
  readonly wwn: string
  /** 0 for a unit that has no capacity now. */
  readonly sectors: number
  readonly sectorSize: number
  readonly physicalSectorSize: number
  /** Space can be given back. */
  readonly unmap: boolean
  readonly readOnly: boolean
}

/** Where a unit is. */
export type UnitAt = Pick<Disk, 'path' | 'target' | 'lun'>

export type Task =
  | { readonly kind: 'target'; readonly path: number; readonly target: number }
  | { readonly kind: 'lun'; readonly path: number; readonly target: number; readonly lun: number }

export const STAGES = ['report', 'inquiry', 'identify', 'mode', 'capacity'] as const

export type Stage = (typeof STAGES)[number]

/** The search for units: one command at a time, into one page. */
export interface ScanState {
  tasks: Task[]
  task: Task | null
  stage: Stage
  /** What is known of the unit at hand. */
  found: Disk | null
  /** The command's id. */
  request: number
  pfn: number
}

export interface GuestState {
  phase: DriverPhase
  /** Index into the versions that are tried. */
  attempt: number
  version: number
  maxSubchannels: number
  maxTransferBytes: number
  /** World wide names of a Fibre Channel adapter, hexadecimal. */
  portName: string
  nodeName: string
  /** A set-up packet that the ring had no room for. */
  unsent: boolean
  deadline: number
  nextId: number
  rotor: number
  queue: RequestRecord[]
  /** Ended without the host; reported to the owner from a timer. */
  ended: { readonly request: RequestRecord; readonly result: RequestResult }[]
  disks: Disk[]
  scan: ScanState | null
  resetting: boolean
  /** Packets came while the owner was calling; a timer reads them. */
  unread: boolean
}

export const initialGuestState = (): GuestState => ({
  phase: 'idle',
  attempt: 0,
  version: 0,
  maxSubchannels: 0,
  maxTransferBytes: 0,
  portName: '',
  nodeName: '',
  unsent: false,
  deadline: Infinity,
  nextId: 1,
  rotor: 0,
  queue: [],
  ended: [],
  disks: [],
  scan: null,
  resetting: false,
  unread: false,
})
