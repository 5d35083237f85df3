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

/** Total length of the buffers if sectors [sector, …) hold them, else -1. */
function extent(sector: number, buffers: readonly Uint8Array[], sectorSize: number, size: number): number {
  let length = 0
  for (let i = 0; i < buffers.length; i++) length += (buffers[i] as Uint8Array).length
  const fits =
    Number.isSafeInteger(sector) && sector >= 0 && length % sectorSize === 0 && sector * sectorSize + length <= size
  return fits ? length : -1
}

export function blockDevice(image: Image): BlockDevice {
  const listeners = new Set<() => void>()
  const { sectorSize, readOnly } = image
  let closed = false

  const range = (sector: number, count: number): boolean =>
    Number.isSafeInteger(sector) &&
    sector >= 0 &&
    Number.isSafeInteger(count) &&
    count >= 0 &&
    (sector + count) * sectorSize <= image.size()

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
    read(sector, buffers) {
      if (closed) return 'medium-error'
      if (extent(sector, buffers, sectorSize, image.size()) < 0) return 'out-of-range'
      let position = sector * sectorSize
      try {
        for (let i = 0; i < buffers.length; i++) {
          const buffer = buffers[i] as Uint8Array
          image.readAt(position, buffer, 0, buffer.length)
          position += buffer.length
        }
      } catch (error) {
        return statusOf(error)
      }
      return 'ok'
    },
    write(sector, buffers) {
      if (closed) return 'medium-error'
      if (readOnly) return 'read-only'
      if (extent(sector, buffers, sectorSize, image.size()) < 0) return 'out-of-range'
      let position = sector * sectorSize
      try {
        for (let i = 0; i < buffers.length; i++) {
          const buffer = buffers[i] as Uint8Array
          image.writeAt(position, buffer, 0, buffer.length)
          position += buffer.length
        }
      } catch (error) {
        return statusOf(error)
      }
      return 'ok'
    },
    flush() {
      if (closed) return 'medium-error'
      if (readOnly) return 'ok'
      try {
        image.flush()
      } catch (error) {
        return statusOf(error)
      }
      return 'ok'
    },
    discard(sector, count) {
      if (closed) return 'medium-error'
      if (readOnly) return 'read-only'
      if (!range(sector, count)) return 'out-of-range'
      try {
        if (count > 0) image.discardAt(sector * sectorSize, count * sectorSize)
      } catch (error) {
        return statusOf(error)
      }
      return 'ok'
    },
    zero(sector, count) {
      if (closed) return 'medium-error'
      if (readOnly) return 'read-only'
      if (!range(sector, count)) return 'out-of-range'
      try {
        if (count > 0) image.zeroAt(sector * sectorSize, count * sectorSize)
      } catch (error) {
        return statusOf(error)
      }
      return 'ok'
    },
    resize(sectors) {
      if (closed || readOnly) throw new DiskError('VMBUS_DISK_READ_ONLY', 'a read-only or closed disk has a fixed size')
      if (!Number.isSafeInteger(sectors) || sectors < 1)
        throw badOption(`a disk cannot have ${sectors} sectors`, { sectors })
      const before = image.size()
      if (sectors * sectorSize === before) return
      try {
        image.resize(sectors * sectorSize)
      } finally {
        if (image.size() !== before) for (const listener of listeners) listener()
      }
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
    restore(state) {
      const apply = image.accept(state)
      const before = image.size()
      apply()
      if (image.size() !== before) for (const listener of listeners) listener()
    },
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
