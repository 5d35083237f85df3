import type { BlockDevice, BlockStatus, DiskState, Layer } from './block.ts'
import { DiskError, StoreError, badOption } from './errors.ts'

/**
 * What a format implements: byte positions, always inside the disk, at most one buffer per call, not yet checked
 * for the store's errors. `blockDevice` adds the rest.
 */
export interface Image {
  readonly format: string
  readonly sectorSize: number
  readonly physicalSectorSize: number
  readonly readOnly: boolean
  readonly identity: Uint8Array
  readonly supportsDiscard: boolean
  /** Bytes. */
  readonly discardGranularity: number
  linkage(): Uint8Array | undefined
  readonly layer?: Layer | undefined
  readonly renewLinkage?: BlockDevice['renewLinkage']
  /** Bytes. */
  size(): number
  readAt(position: number, buffer: Uint8Array, start: number, length: number): void
  writeAt(position: number, buffer: Uint8Array, start: number, length: number): void
  flush(): void
  /** Sector-aligned. */
  discardAt(position: number, length: number): void
  /** Sector-aligned. */
  zeroAt(position: number, length: number): void
  resize(bytes: number): void
  close(): void
  save(): DiskState
  /** Looks at a saved state and throws StateError, or returns what takes it on. */
  accept(saved: unknown): () => void
  inspect(): Readonly<Record<string, unknown>>
}

/** The status for what a store threw; anything else is a defect and goes on. */
function statusOf(error: unknown): BlockStatus {
  if (!(error instanceof StoreError)) throw error
  return error.code === 'VMBUS_STORE_NO_SPACE' ? 'no-space' : 'medium-error'
}

const isRange = (image: Image, sector: number, count: number): boolean =>
  Number.isSafeInteger(sector) &&
  sector >= 0 &&
  Number.isSafeInteger(count) &&
  count >= 0 &&
  (sector + count) * image.sectorSize <= image.size()

/** Reads into the buffers, or writes what is in them: this is the path of every sector, and allocates nothing. */
function transfer(image: Image, write: boolean, sector: number, buffers: readonly Uint8Array[]): BlockStatus {
  let length = 0
  for (let i = 0; i < buffers.length; i++) length += (buffers[i] as Uint8Array).length
  if (!isRange(image, sector, length / image.sectorSize)) return 'out-of-range'
  let position = sector * image.sectorSize
  try {
    for (let i = 0; i < buffers.length; i++) {
      const buffer = buffers[i] as Uint8Array
      if (write) image.writeAt(position, buffer, 0, buffer.length)
      else image.readAt(position, buffer, 0, buffer.length)
      position += buffer.length
    }
  } catch (error) {
    return statusOf(error)
  }
  return 'ok'
}

function clear(image: Image, how: 'discardAt' | 'zeroAt', sector: number, count: number): BlockStatus {
  if (!isRange(image, sector, count)) return 'out-of-range'
  try {
    if (count > 0) image[how](sector * image.sectorSize, count * image.sectorSize)
  } catch (error) {
    return statusOf(error)
  }
  return 'ok'
}

function flush(image: Image): BlockStatus {
  try {
    image.flush()
  } catch (error) {
    return statusOf(error)
  }
  return 'ok'
}

export function blockDevice(image: Image): BlockDevice {
  const listeners = new Set<() => void>()
  const { sectorSize, readOnly } = image
  let closed = false

  /** Does what may change the size. */
  const resizing = (change: () => void): void => {
    const before = image.size()
    try {
      change()
    } finally {
      if (image.size() !== before) for (const listener of listeners) listener()
    }
  }

  return {
    sectorSize,
    physicalSectorSize: image.physicalSectorSize,
    get sectors() {
      return image.size() / sectorSize
    },
    readOnly,
    identity: image.identity,
    supportsDiscard: image.supportsDiscard && !readOnly,
    discardGranularity: image.discardGranularity / sectorSize,
    get linkage() {
      return image.linkage()
    },
    layer: image.layer,
    renewLinkage: readOnly ? undefined : image.renewLinkage,
    read: (sector, buffers) => (closed ? 'medium-error' : transfer(image, false, sector, buffers)),
    write(sector, buffers) {
      if (closed) return 'medium-error'
      return readOnly ? 'read-only' : transfer(image, true, sector, buffers)
    },
    flush() {
      if (closed) return 'medium-error'
      return readOnly ? 'ok' : flush(image)
    },
    discard(sector, count) {
      if (closed) return 'medium-error'
      return readOnly ? 'read-only' : clear(image, 'discardAt', sector, count)
    },
    zero(sector, count) {
      if (closed) return 'medium-error'
      return readOnly ? 'read-only' : clear(image, 'zeroAt', sector, count)
    },
    resize(sectors) {
      if (closed || readOnly) throw new DiskError('VMBUS_DISK_READ_ONLY', 'a read-only or closed disk has a fixed size')
      if (!Number.isSafeInteger(sectors) || sectors < 1)
        throw badOption(`a disk cannot have ${sectors} sectors`, { sectors })
      if (sectors * sectorSize !== image.size()) resizing(() => image.resize(sectors * sectorSize))
    },
    onResize(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    close() {
      if (closed) return
      image.close()
      closed = true
    },
    save: () => image.save(),
    restore: (state) => resizing(image.accept(state)),
    checkState: (state) => void image.accept(state),
    inspect: () => ({
      format: image.format,
      sectorSize,
      sectors: image.size() / sectorSize,
      readOnly,
      closed,
      ...image.inspect(),
    }),
  }
}
