import { instance, integer, nullable, oneOf, restoreState, stateForm } from '@vmbus/world'
import type { BlockDevice, BlockStatus, DiskState, Layer } from './block.ts'
import { copyDown } from './copy-down.ts'
import { differencing } from './differencing.ts'
import { DiskError, StoreError, badOption } from './errors.ts'
import { forwarding } from './forwarding.ts'
import { checkFor } from './options.ts'
import { demand } from './parent-read.ts'

/** The images that a disk with checkpoints is made of: one below, and at times a differencing one over it. */
export interface CheckpointImages {
  /** Opens the image below to write, or only to read while it is a checkpoint; what was open of it before is closed. */
  below(access: 'read' | 'write'): BlockDevice
  /** Makes an empty differencing image over the parent, durable when it returns. */
  create(parent: BlockDevice): BlockDevice
  /** Opens the differencing image that is there already. */
  attach?(parent: BlockDevice): BlockDevice | undefined
  /** Takes a differencing image away for good that was merged; durable when it returns. */
  remove?(child: BlockDevice): void
}

export type CheckpointPhase = 'none' | 'taken' | 'merging'

/** A disk of which a consistent copy can be made while it is in use, as a backup between freeze and thaw needs it. */
export interface CheckpointDisk extends BlockDevice {
  readonly phase: CheckpointPhase
  /**
   * Makes all that was written until now a checkpoint, durably; what is written from now on goes to a differencing image.
   * Returns the checkpoint, read-only and readable until it is merged. The disk is as before if it throws.
   */
  checkpoint(): BlockDevice
  /**
   * Merges what was written since into the image below, about so many bytes of it: true when that was all, and the
   * disk is one image again. It may be in use between the calls, and a call that throws may be repeated.
   */
  merge(bytes?: number): boolean
}

interface CheckpointFields {
  readonly phase: CheckpointPhase
  readonly merged: number
  readonly below: DiskState
  readonly child: DiskState | null
}

/** Of another disk, which looks at the rest itself. */
const otherState = instance<DiskState>()
const form = stateForm<CheckpointFields>('checkpoints', 1, {
  phase: oneOf('none', 'taken', 'merging'),
  merged: integer(),
  below: otherState,
  child: nullable(otherState),
})

/** What was saved, once the images that are open have looked at their part. */
function accepted(state: DiskState, below: BlockDevice, child: BlockDevice | undefined): CheckpointFields {
  const saved = restoreState(state, form)
  if ((saved.child === null) !== (saved.phase === 'none'))
    throw new DiskError('VMBUS_DISK_STATE', `a disk has a child in the phases "taken" and "merging" and not in "none"`)
  below.checkState?.(saved.below)
  if (saved.child !== null) child?.checkState?.(saved.child)
  return saved
}

/** Any disk as its own image below, with children in memory. */
const inMemory = (disk: BlockDevice): CheckpointImages => ({ below: () => disk, create: differencing })

/** What the calls of a disk share. */
interface Checkpoints {
  readonly images: CheckpointImages
  /** The image below, whichever access it is open with: what a child reads through. */
  readonly parent: BlockDevice
  readonly listeners: Set<() => void>
  below: BlockDevice
  child: BlockDevice | undefined
  phase: CheckpointPhase
  /** Sectors that the image below has of the child. */
  merged: number
  /** Tells a checkpoint from the one before, which can no longer be read. */
  serial: number
}

const top = ({ child, below }: Checkpoints): BlockDevice => child ?? below

function layerOf({ layer }: BlockDevice): Layer {
  if (layer === undefined) throw badOption('this differencing image cannot be merged')
  return layer
}

/** After a change of the child's sectors: those that were merged already are merged again. */
function changed(disk: Checkpoints, status: BlockStatus, sector: number, count: number): BlockStatus {
  const { child, below, merged } = disk
  if (child === undefined || disk.phase !== 'merging' || sector >= merged) return status
  if (status === 'out-of-range' || status === 'read-only') return status
  try {
    copyDown(child, layerOf(child), below, sector, Math.min(sector + count, merged))
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    // The child has the data, which is enough for the guest; the merge copies it from here on again.
    disk.merged = sector
  }
  return status
}

function notifyResized(disk: Checkpoints, before: number): void {
  if (top(disk).sectors !== before) for (const listener of disk.listeners) listener()
}

function checkpoint(disk: Checkpoints): BlockDevice {
  const { images } = disk
  if (disk.child !== undefined) throw new DiskError('VMBUS_DISK_STATE', 'this disk has a checkpoint already')
  demand(disk.below.flush())
  try {
    disk.below = images.below('read')
    const made = images.create(disk.parent)
    layerOf(made)
    disk.child = made
  } catch (error) {
    disk.below = images.below('write')
    throw error
  }
  disk.phase = 'taken'
  const mine = ++disk.serial
  return forwarding(() => disk.below, {
    sectors: disk.below.sectors,
    readOnly: true,
    layer: undefined,
    renewLinkage: undefined,
    read: (sector, buffers) =>
      mine === disk.serial && disk.phase === 'taken' ? disk.below.read(sector, buffers) : 'medium-error',
    write: () => 'read-only',
    discard: () => 'read-only',
    zero: () => 'read-only',
    flush: () => 'ok',
    resize() {
      throw new DiskError('VMBUS_DISK_READ_ONLY', 'a checkpoint has a fixed size')
    },
    close() {},
  })
}

function beginMerge(disk: Checkpoints, child: BlockDevice): void {
  const { images } = disk
  try {
    disk.below = images.below('write')
    const { linkage } = disk.below
    if (linkage !== undefined) disk.below.renewLinkage?.((next) => layerOf(child).expect(linkage, next))
  } catch (error) {
    disk.below = images.below('read')
    throw error
  }
  disk.phase = 'merging'
  disk.merged = 0
}

function merge(disk: Checkpoints, bytes: number): boolean {
  checkFor('merge', { bytes })
  const { child } = disk
  if (child === undefined) throw new DiskError('VMBUS_DISK_STATE', 'this disk has no checkpoint')
  if (disk.phase === 'taken') beginMerge(disk, child)
  const { below } = disk
  if (below.sectors < child.sectors) below.resize(child.sectors)
  disk.merged = copyDown(child, layerOf(child), below, disk.merged, child.sectors, bytes)
  if (disk.merged < child.sectors) return false
  if (below.sectors > child.sectors) below.resize(child.sectors)
  demand(below.flush())
  disk.images.remove?.(child)
  disk.child = undefined
  disk.phase = 'none'
  // A child that was copied away must not be read over what is written from now on: with another linkage it no longer fits.
  below.renewLinkage?.(() => {})
  return true
}

function resize(disk: Checkpoints, sectors: number): void {
  const before = top(disk).sectors
  try {
    top(disk).resize(sectors)
  } finally {
    disk.merged = Math.min(disk.merged, top(disk).sectors)
    notifyResized(disk, before)
  }
}

function restore(disk: Checkpoints, state: DiskState): void {
  const { images, parent } = disk
  const saved = accepted(state, disk.below, disk.child)
  const before = top(disk).sectors
  if (saved.child === null) {
    disk.child?.close()
    disk.child = undefined
  }
  disk.below = images.below(saved.phase === 'taken' ? 'read' : 'write')
  disk.below.restore(saved.below)
  if (saved.child !== null) {
    disk.child ??= images.attach?.(parent) ?? images.create(parent)
    disk.child.restore(saved.child)
  }
  disk.phase = saved.phase
  disk.merged = saved.merged
  disk.serial++
  notifyResized(disk, before)
}

function open(images: CheckpointImages): Checkpoints {
  const below = images.below('read')
  const parent = forwarding(() => disk.below, {})
  const disk: Checkpoints = {
    images,
    parent,
    listeners: new Set(),
    below,
    child: undefined,
    phase: 'none',
    merged: 0,
    serial: 0,
  }
  disk.child = images.attach?.(parent)
  if (disk.child === undefined) disk.below = images.below('write')
  else disk.phase = 'taken'
  return disk
}

/**
 * One checkpoint at a time, of any disk or of images on a medium. While it is merged, all writes still go to the child, and
 * those to sectors that were merged already to the image below as well: until the child is taken away, it and its
 * parent hold everything, so that a power cut costs no more than beginning again.
 */
export function checkpoints(base: BlockDevice | CheckpointImages): CheckpointDisk {
  const disk = open('sectorSize' in base ? inMemory(base) : base)
  const { listeners } = disk
  const device = forwarding(() => top(disk), {
    identity: disk.below.identity,
    layer: undefined,
    renewLinkage: undefined,
    write(sector, buffers) {
      const status = top(disk).write(sector, buffers)
      if (disk.phase !== 'merging') return status
      const bytes = buffers.reduce((sum, { length }) => sum + length, 0)
      return changed(disk, status, sector, bytes / top(disk).sectorSize)
    },
    discard: (sector, count) => changed(disk, top(disk).discard(sector, count), sector, count),
    zero: (sector, count) => changed(disk, top(disk).zero(sector, count), sector, count),
    resize: (sectors) => resize(disk, sectors),
    onResize(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    close() {
      disk.child?.close()
      disk.below.close()
    },
    save: (): CheckpointFields & DiskState => ({
      ...form.head,
      phase: disk.phase,
      merged: disk.merged,
      below: disk.below.save(),
      child: disk.child?.save() ?? null,
    }),
    restore: (state) => restore(disk, state),
    checkState: (state) => void accepted(state, disk.below, disk.child),
    inspect: () => ({
      ...top(disk).inspect(),
      checkpoint: disk.phase,
      ...(disk.phase === 'merging' ? { merged: disk.merged } : {}),
    }),
  })
  const calls = {
    checkpoint: () => checkpoint(disk),
    merge: (bytes = Infinity) => merge(disk, bytes),
  }
  return Object.defineProperties(Object.assign(device, calls), {
    phase: { get: () => disk.phase, enumerable: true },
  }) as CheckpointDisk
}

/** A checkpoint of every disk or of none: at one moment, for who lets no request through meanwhile. */
export function checkpointAll(disks: readonly CheckpointDisk[]): BlockDevice[] {
  const made: BlockDevice[] = []
  try {
    for (const disk of disks) made.push(disk.checkpoint())
    return made
  } catch (error) {
    // What was made is empty. A disk that cannot go back goes on with it and loses nothing.
    for (const disk of disks.slice(0, made.length)) dropEmpty(disk)
    throw error
  }
}

function dropEmpty(disk: CheckpointDisk): void {
  try {
    disk.merge()
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof DiskError)) throw error
  }
}
