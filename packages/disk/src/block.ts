import type { StateHead } from '@vmbus/world'

/**
 * The answer to a request. The device above maps it to sense data or an SRB status.
 *
 * - `out-of-range` past the last sector, or buffers that are not whole sectors; nothing was done
 * - `read-only` a write to a read-only device; nothing was done
 * - `medium-error` the store failed; sectors of the request hold their old or their new contents
 * - `no-space` the store is full; likewise
 */
export type BlockStatus = 'ok' | 'out-of-range' | 'read-only' | 'medium-error' | 'no-space'

/** Every status, in a fixed order. */
export const BLOCK_STATUSES: readonly BlockStatus[] = ['ok', 'out-of-range', 'read-only', 'medium-error', 'no-space']

/** State of a device that is not on its medium, as plain data: numbers, strings, bigints, arrays, Uint8Arrays. */
export type DiskState = StateHead

/** What a differencing image tells, and is told, for a merge into its parent. */
export interface Layer {
  /** Where the sectors from `sector` on are, and of how many that is true (at least one). */
  extent(sector: number): { readonly where: 'parent' | 'own' | 'zeros'; readonly count: number }
  /** Takes a parent with either of two linkages from now on. Durable when it returns; throws StoreError. */
  expect(linkage: Uint8Array, other: Uint8Array): void
}

/**
 * A disk. Calls are synchronous and never throw for what a guest can cause. What a flush covered survives a power cut.
 */
export interface BlockDevice {
  /** Logical sector: the unit of addresses, 512 or 4096 bytes. */
  readonly sectorSize: number
  /** Physical sector: 4096 with logical 512 is "512e". */
  readonly physicalSectorSize: number
  /** Logical sectors now; a resize changes it. */
  readonly sectors: number
  readonly readOnly: boolean
  /** 16 bytes that stay the same for the life of the disk: the VHD's unique id, the VHDX's virtual disk id. */
  readonly identity: Uint8Array
  /** discard() gives space back. */
  readonly supportsDiscard: boolean
  /** Sectors that one discard must cover, aligned to a multiple of their number, to give space back. */
  readonly discardGranularity: number
  /** 16 bytes that name the present contents, by which a differencing image knows its parent; undefined where there is none. */
  readonly linkage: Uint8Array | undefined

  /** Fills `buffers`, in order, from consecutive sectors. Their total length is a multiple of the sector size. */
  read(sector: number, buffers: readonly Uint8Array[]): BlockStatus
  write(sector: number, buffers: readonly Uint8Array[]): BlockStatus
  /** Everything that returned `ok` before survives a power cut once this returns `ok`. */
  flush(): BlockStatus
  /** The contents no longer matter. Each sector then reads as before or as zeros, and always the same until written. */
  discard(sector: number, count: number): BlockStatus
  /** The sectors read as zeros; gives space back where it can. */
  zero(sector: number, count: number): BlockStatus
  /** Grows (by zeros) or shrinks. Durable when it returns. Throws DiskError or StoreError; `sectors` says what holds then. */
  resize(sectors: number): void
  /** Of a differencing image that can be merged: which sectors it has itself. */
  readonly layer?: Layer | undefined
  /**
   * Gives the contents another `linkage` before they change under images made from them; `announce` hears it while
   * the old one still holds. Durable when it returns; throws StoreError. Absent where contents have no such name.
   */
  readonly renewLinkage?: ((announce: (next: Uint8Array) => void) => void) | undefined
  /** Calls after every change of `sectors`, until the returned function is called. */
  onResize(listener: () => void): () => void
  /** Flushes, marks the image as cleanly closed and gives up its lock. Later calls answer `medium-error`. */
  close(): void
  /** Everything that is not on the medium, and the medium too where it is memory. Changes nothing. */
  save(): DiskState
  /** Throws StateError (VMBUS_STATE_INVALID) for a state of something else, before anything changes. */
  restore(state: DiskState): void
  /** Throws as `restore` would, and changes nothing. Absent where only `restore` can tell. */
  checkState?(state: DiskState): void
  inspect(): Readonly<Record<string, unknown>>
}
