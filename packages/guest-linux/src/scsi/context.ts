import type { GuestDriverDeps } from '@vmbus/core'
import type { StorvscGuest } from '@vmbus/storvsc'
import type { StorageState } from './state.ts'
import type { ScsiHosts } from './hosts.ts'

/** What a kernel's SCSI midlayer and disk driver do in their own way. */
export interface ScsiOptions {
  /** Units are taken for SPC-3, so their pages of vital product data are asked for. */
  readonly vpd: boolean
  /** Pages of vital product data are asked for in their own length, which is asked for first. */
  readonly sizedPages: boolean
  /** Where the slab allocator puts a buffer in its page: by the number of such buffers before it, and its bytes. */
  readonly slab: (before: number, bytes: number) => number
}

/** What the parts of the storage stack share. `state` is all that is saved, beside the driver's own. */
export interface StorageContext {
  readonly deps: GuestDriverDeps
  readonly options: ScsiOptions
  readonly hosts: ScsiHosts
  readonly driver: StorvscGuest
  state: StorageState
}
