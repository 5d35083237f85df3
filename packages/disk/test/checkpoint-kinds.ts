import {
  checkpoints,
  createVhdx,
  memoryDisk,
  memoryStore,
  openVhdx,
  rawDisk,
  type BlockDevice,
  type ByteStore,
  type CheckpointDisk,
  type MemoryStore,
} from '@vmbus/disk'

/** Stores of the image below and of a child, as a medium holds them: the child's is there or not. */
export interface Medium<Store extends ByteStore = ByteStore> {
  readonly below: Store
  child: Store | undefined
}

/** What images a disk with checkpoints is made of. */
export interface Kind {
  readonly name: string
  make(store: ByteStore, size: number): void
  open(store: ByteStore, readOnly: boolean): BlockDevice
}

export const KINDS: readonly Kind[] = [
  {
    name: 'raw below a VHDX',
    make: (store, size) => store.truncate(size),
    open: (store, readOnly) => rawDisk(store, { readOnly }),
  },
  {
    name: 'VHDX below a VHDX',
    make: (store, size) => createVhdx(store, { size, blockSize: 1 << 20 }).close(),
    open: (store, readOnly) => openVhdx(store, { readOnly }),
  },
]

/** Opens what a medium holds, a child too if one is there. */
export function openMedium(kind: Kind, medium: Medium, newStore: () => ByteStore): CheckpointDisk {
  let open: BlockDevice | undefined
  return checkpoints({
    below(access) {
      open?.close()
      return (open = kind.open(medium.below, access === 'read'))
    },
    create(parent) {
      const store = newStore()
      createVhdx(store, { parent, identity: parent.identity, blockSize: 1 << 20 }).close()
      medium.child = store
      return openVhdx(store, { parent })
    },
    attach: (parent) => (medium.child === undefined ? undefined : openVhdx(medium.child, { parent })),
    remove(child) {
      medium.child = undefined
      child.close()
    },
  })
}

/** A new disk of a kind, or of memory alone, and what opens it again after `close`. */
export function created(kind: Kind | 'memory', size: number): { disk: CheckpointDisk; reopen: () => CheckpointDisk } {
  if (kind === 'memory') {
    const disk = checkpoints(memoryDisk(size))
    return { disk, reopen: () => disk }
  }
  const medium: Medium<MemoryStore> = { below: memoryStore(), child: undefined }
  kind.make(medium.below, size)
  const open = (): CheckpointDisk => openMedium(kind, medium, memoryStore)
  return { disk: open(), reopen: open }
}
