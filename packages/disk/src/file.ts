export { createDisk, formatOf, openDisk, type CreateDiskOptions, type OpenDiskOptions } from './file-disk.ts'
export { openCheckpoints, type FileCheckpointDisk } from './file-checkpoints.ts'
export { fileStore, type FileStoreOptions } from './file-store.ts'
export { fallocatePunch, type PunchHoles } from './file-punch.ts'
