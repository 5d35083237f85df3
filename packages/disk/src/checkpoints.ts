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

/**
 * One checkpoint at a time, of any disk or of images on a medium. While it is merged, all writes still go to the child, and
 * those to sectors that were merged already to the image below as well: until the child is taken away, it and its
 * parent hold everything, so that a power cut costs no more than beginning again.
 */
export function checkpoints(base: BlockDevice | CheckpointImages): CheckpointDisk {
  const images = 'sectorSize' in base ? inMemory(base) : base
  const listeners = new Set<() => void>()
  let below = images.below('read')
  const parent = forwarding(() => below, {})
  let child = images.attach?.(parent)
  let phase: CheckpointPhase = child === undefined ? 'none' : 'taken'
  /** Sectors that the image below has of the child. */
  let merged = 0
  let serial = 0
  if (child === undefined) below = images.below('write')
  const { identity } = below

  const target = (): BlockDevice => child ?? below
  const layerOf = (image: BlockDevice): Layer => {
    if (image.layer === undefined) throw badOption('this differencing image cannot be merged')
    return image.layer
  }

  /** After a change of the child's sectors: those that were merged already are merged again. */
  const changed = (status: BlockStatus, sector: number, count: number): BlockStatus => {
    if (child === undefined || phase !== 'merging' || sector >= merged) return status
    if (status === 'out-of-range' || status === 'read-only') return status
    try {
      copyDown(child, layerOf(child), below, sector, Math.min(sector + count, merged))
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      // The child has it, and that is enough for the guest; the merge comes by here again.
      merged = sector
    }
    return status
  }

  const resized = (before: number): void => {
    if (target().sectors !== before) for (const listener of listeners) listener()
  }

  const checkpoint = (): BlockDevice => {
    if (child !== undefined) throw new DiskError('VMBUS_DISK_STATE', 'this disk has a checkpoint already')
    demand(below.flush())
    try {
      below = images.below('read')
      const made = images.create(parent)
      layerOf(made)
      child = made
    } catch (error) {
      below = images.below('write')
      throw error
    }
    phase = 'taken'
    const mine = ++serial
    const size = below.sectors
    return forwarding(() => below, {
      sectors: size,
      readOnly: true,
      layer: undefined,
      renewLinkage: undefined,
      read: (sector, buffers) => (mine === serial && phase === 'taken' ? below.read(sector, buffers) : 'medium-error'),
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

  const begin = (from: BlockDevice): void => {
    try {
      below = images.below('write')
      const { linkage } = below
      if (linkage !== undefined) below.renewLinkage?.((next) => layerOf(from).expect(linkage, next))
    } catch (error) {
      below = images.below('read')
      throw error
    }
    phase = 'merging'
    merged = 0
  }

  const merge = (bytes = Infinity): boolean => {
    checkFor('merge', { bytes })
    if (child === undefined) throw new DiskError('VMBUS_DISK_STATE', 'this disk has no checkpoint')
    if (phase === 'taken') begin(child)
    if (below.sectors < child.sectors) below.resize(child.sectors)
    merged = copyDown(child, layerOf(child), below, merged, child.sectors, bytes)
    if (merged < child.sectors) return false
    if (below.sectors > child.sectors) below.resize(child.sectors)
    demand(below.flush())
    images.remove?.(child)
    child = undefined
    phase = 'none'
    // A copy of the child would hide what is written from now on: it fits the image below no more.
    below.renewLinkage?.(() => {})
    return true
  }

  const device = forwarding(target, {
    identity,
    layer: undefined,
    renewLinkage: undefined,
    write(sector, buffers) {
      const status = target().write(sector, buffers)
      if (phase !== 'merging') return status
      const bytes = buffers.reduce((sum, { length }) => sum + length, 0)
      return changed(status, sector, bytes / target().sectorSize)
    },
    discard: (sector, count) => changed(target().discard(sector, count), sector, count),
    zero: (sector, count) => changed(target().zero(sector, count), sector, count),
    resize(sectors) {
      const before = target().sectors
      try {
        target().resize(sectors)
      } finally {
        merged = Math.min(merged, target().sectors)
        resized(before)
      }
    },
    onResize(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    close() {
      child?.close()
      below.close()
    },
    save: (): CheckpointFields & DiskState => ({
      ...form.head,
      phase,
      merged,
      below: below.save(),
      child: child?.save() ?? null,
    }),
    restore(state) {
      const saved = accepted(state, below, child)
      const before = target().sectors
      if (saved.child === null) {
        child?.close()
        child = undefined
      }
      below = images.below(saved.phase === 'taken' ? 'read' : 'write')
      below.restore(saved.below)
      if (saved.child !== null) {
        child ??= images.attach?.(parent) ?? images.create(parent)
        child.restore(saved.child)
      }
      ;({ phase, merged } = saved)
      serial++
      resized(before)
    },
    checkState: (state) => void accepted(state, below, child),
    inspect: () => ({ ...target().inspect(), checkpoint: phase, ...(phase === 'merging' ? { merged } : {}) }),
  })
  return Object.defineProperties(Object.assign(device, { checkpoint, merge }), {
    phase: { get: () => phase, enumerable: true },
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
