import { oneOf, restoreState, stateForm, type StateHead } from '@vmbus/world'
import type { BlockDevice } from './block.ts'
import { blockDevice, type Image } from './device.ts'
import { DiskError, badOption } from './errors.ts'
import { derivedIdentity } from './identity.ts'
import { memoryStore } from './memory-store.ts'
import { checkFor } from './options.ts'
import { checkSectorSizes, parseSize } from './size.ts'
import { multiple, savedStore } from './state.ts'
import { writeZeros, type ByteStore, type StoreState } from './store.ts'

export interface RawOptions {
  /** Default 512. */
  readonly sectorSize?: number
  /** Default: the logical sector size. */
  readonly physicalSectorSize?: number
  readonly readOnly?: boolean
  /** 16 bytes that tell this disk from others. A raw image holds none: the default is the same for images of the same size. */
  readonly identity?: Uint8Array
  /** 16 bytes by which a differencing image knows this one again; a raw image holds none, and the default is none. */
  readonly linkage?: Uint8Array
}

interface RawFields {
  readonly size: number
  readonly sectorSize: number
  readonly store: StoreState | undefined
}

/** A disk whose store holds the sectors and nothing else. */
export function rawDisk(store: ByteStore, options: RawOptions = {}): BlockDevice {
  checkFor('rawDisk', options)
  const sectorSize = options.sectorSize ?? 512
  const physicalSectorSize = options.physicalSectorSize ?? sectorSize
  checkSectorSizes(sectorSize, physicalSectorSize)
  const readOnly = options.readOnly ?? store.readOnly
  if (!readOnly && store.readOnly) throw new DiskError('VMBUS_DISK_READ_ONLY', 'the store is read-only')
  if (store.size === 0 || store.size % sectorSize !== 0)
    throw badOption(`${store.size} bytes are not a number of sectors of ${sectorSize}`)
  const identity = options.identity?.slice() ?? derivedIdentity(new Uint8Array(0), 'raw', store.size)
  const release = store.lock.acquire(readOnly ? 'read' : 'write')

  const form = stateForm<RawFields>('raw', 1, {
    size: multiple(sectorSize, 1),
    sectorSize: oneOf(sectorSize),
    store: savedStore(store),
  })
  const image: Image = {
    format: 'raw',
    sectorSize,
    physicalSectorSize,
    readOnly,
    identity,
    supportsDiscard: store.punch !== undefined,
    discardGranularity: Math.max(4096, sectorSize),
    linkage: () => options.linkage,
    size: () => store.size,
    readAt: (position, buffer, start, length) => store.read(position, buffer, start, length),
    writeAt: (position, buffer, start, length) => store.write(position, buffer, start, length),
    flush: () => store.flush(),
    discardAt: (position, length) => store.punch?.(position, length),
    zeroAt: (position, length) => writeZeros(store, position, length),
    resize(bytes) {
      const old = store.size
      store.truncate(bytes)
      try {
        store.flush()
      } catch (error) {
        if (bytes > old) store.truncate(old)
        throw error
      }
    },
    close() {
      if (!readOnly) store.flush()
      release()
    },
    save: (): RawFields & StateHead => ({ ...form.head, size: store.size, sectorSize, store: store.save?.() }),
    accept(saved) {
      const { size, store: contents } = restoreState(saved, form)
      if ((contents?.size ?? store.size) !== size)
        throw new DiskError('VMBUS_DISK_STATE', `the store has ${store.size} bytes, the saved disk had ${size}`)
      return () => {
        if (contents !== undefined) store.restore?.(contents)
      }
    },
    inspect: () => ({ store: store.inspect() }),
  }
  return blockDevice(image)
}

/** A disk in memory, all zeros and sparse: `memoryDisk('64M')`. */
export function memoryDisk(size: number | string, options: RawOptions & { readonly limit?: number } = {}): BlockDevice {
  checkFor('memoryDisk', options)
  const { limit, ...raw } = options
  const bytes = parseSize(size, options.sectorSize ?? 512)
  return rawDisk(memoryStore({ size: bytes, ...(limit === undefined ? {} : { limit }) }), raw)
}
