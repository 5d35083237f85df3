export { BLOCK_STATUSES, type BlockDevice, type BlockStatus, type DiskState, type Layer } from './block.ts'
export { DiskError, StoreError, type DiskErrorCode, type DiskErrorDetail } from './errors.ts'
export { storeLock, type ByteStore, type StoreInfo, type StoreLock, type StoreState } from './store.ts'
export { memoryStore, type MemoryStore, type MemoryStoreOptions } from './memory-store.ts'
export { memoryDisk, rawDisk, type RawOptions } from './raw.ts'
export type { NewIdentity } from './identity.ts'
export type { ParentReference, ParentSource } from './parent.ts'
export type { ParentPaths } from './vhd/locator.ts'
export type { VhdType } from './vhd/footer.ts'
export { openVhd, type OpenVhdOptions } from './vhd/open.ts'
export { createVhd, type CreateVhdOptions } from './vhd/create.ts'
export { openVhdx, type OpenVhdxOptions } from './vhdx/open.ts'
export { createVhdx, type CreateVhdxOptions } from './vhdx/create.ts'
export { detectFormat, openImage, type ImageFormat, type OpenImageOptions } from './image.ts'
export { differencing, type Differencing } from './differencing.ts'
export {
  checkpointAll,
  checkpoints,
  type CheckpointDisk,
  type CheckpointImages,
  type CheckpointPhase,
} from './checkpoints.ts'
export { faultInjectingDisk, type BlockOperation, type Fault, type FaultInjectingDisk } from './fault-injecting.ts'
export {
  queued,
  type BlockRequest,
  type CompletionTable,
  type QueuedDisk,
  type QueuedOptions,
  type QueuedState,
} from './queued.ts'
export { powerCutStore, type PowerCutStore } from './power-cut-store.ts'
