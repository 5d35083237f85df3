import type { BlockDevice, QueuedDisk } from '@vmbus/disk'
import type { GuestBuffer } from './guest-buffer.ts'
import type { CommandResult } from './command-result.ts'

/** A disk that answers at once, or one whose completions come later. */
export type Backend = BlockDevice | QueuedDisk

export const isQueued = (backend: Backend): backend is QueuedDisk => 'submit' in backend

/** The block device behind a backend. */
export const blockDeviceOf = (backend: Backend): BlockDevice => (isQueued(backend) ? backend.disk : backend)

/** A command at hand: a private copy of its CDB, and the guest's pages. */
export interface Command {
  readonly cdb: DataView
  readonly buffer: GuestBuffer
}

/** A logical unit: what answers the commands at one address. */
export interface LogicalUnit {
  readonly type: 'disk' | 'dvd'
  /** Where a plan's steps go. */
  readonly backend: Backend | undefined
  execute(command: Command): CommandResult
  /** Keeps the sense data of a command for REQUEST SENSE; undefined after one that went well. */
  keepSense(sense: { readonly key: number; readonly asc: number } | undefined): void
  /** The unit was taken away. */
  removed(): void
  save(): unknown
  /** What `save` gave; its shape was looked at. */
  restore(state: unknown): void
  inspect(): Record<string, unknown>
}
