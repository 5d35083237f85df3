import { HResult } from '@vmbus/ic'
import { checkOptions, object, oneOf, optional, text } from '@vmbus/world'
import {
  KEY_BYTES,
  KvpPool,
  MAX_ITEMS,
  MAX_KEY_UNITS,
  MAX_VALUE_UNITS,
  VALUE_BYTES,
  isUtf8,
  poolRecord,
  readUtf8,
  utf8z,
  type KvpItem,
  type KvpPoolName,
} from '../protocol/index.ts'
import type { PoolItem, PoolStore } from './pools.ts'

/** The files of an operating system, as far as pools need them. False: the file system is full or refused. */
export interface PoolFiles {
  /** The whole file, undefined when there is none. */
  read(path: string): Uint8Array | undefined
  /** Makes an empty file, or empties the one that is there. */
  create(path: string): boolean
  append(path: string, bytes: Uint8Array): boolean
  /** What was written survives a crash when this returns. */
  sync(path: string): boolean
  /** Atomic: `to` is the old file or the new one. */
  rename(from: string, to: string): boolean
}

export interface FilePoolsOptions {
  /** Linux: /var/lib/hyperv (the default). FreeBSD: /var/db/hyperv/pool. */
  readonly directory?: string
  /**
   * How a pool is rewritten. `rename`, the default, is whole at any moment. `in-place` is what the daemons of Linux and
   * FreeBSD do (tools/hv/hv_kvp_daemon.c, kvp_update_file): the file is emptied first, so a crash leaves less than either.
   */
  readonly rewrite?: 'rename' | 'in-place'
}

const filePoolsOptions = object<FilePoolsOptions>({
  directory: optional(text),
  rewrite: optional(oneOf('rename', 'in-place')),
})

/** The records of a pool file; an incomplete one at the end is ignored, as the daemons do. */
function recordsOf(bytes: Uint8Array): Uint8Array[] {
  const count = Math.floor(bytes.length / poolRecord.size)
  return Array.from({ length: count }, (_, i) => bytes.slice(i * poolRecord.size, (i + 1) * poolRecord.size))
}

const keyOf = (record: Uint8Array): string => readUtf8(record, 0, KEY_BYTES)

/**
 * A kernel that cannot turn key or value into UTF-16 answers E_FAIL (Linux drivers/hv/hv_kvp.c, kvp_respond_to_host). It
 * reads no further than its answer has room: one character less than a request (utf8s_to_utf16s).
 */
const isText = (record: Uint8Array): boolean =>
  isUtf8(record, 0, KEY_BYTES, MAX_KEY_UNITS - 1) &&
  isUtf8(record, poolRecord.offsets.value, VALUE_BYTES, MAX_VALUE_UNITS - 1)

/** The items of a pool file. All values are text; what is not UTF-8 becomes U+FFFD in an item that is `malformed`. */
export const readPoolFile = (bytes: Uint8Array): PoolItem[] =>
  recordsOf(bytes).map((record) => ({
    key: keyOf(record),
    value: readUtf8(record, poolRecord.offsets.value, VALUE_BYTES),
    ...(!isText(record) && { malformed: true }),
  }))

/** One record, or undefined when key or value is longer in UTF-8 than its room. */
export function poolFileRecord(item: KvpItem): Uint8Array | undefined {
  const key = utf8z(item.key)
  const value = utf8z(item.value)
  return key.length > KEY_BYTES || value.length > VALUE_BYTES ? undefined : poolRecord.toBytes({ key, value })
}

/** Pools as the files `.kvp_pool_0` to `.kvp_pool_4`, which programs in the guest read and write. Throws OptionsError. */
export function filePools(files: PoolFiles, options: FilePoolsOptions = {}): PoolStore {
  const { directory = '/var/lib/hyperv', rewrite = 'rename' } = checkOptions('filePools', filePoolsOptions, options)
  const pathOf = (pool: KvpPoolName): string => `${directory}/.kvp_pool_${KvpPool[pool]}`

  const records = (pool: KvpPoolName): Uint8Array[] => recordsOf(files.read(pathOf(pool)) ?? new Uint8Array(0))

  const write = (pool: KvpPoolName, changed: readonly Uint8Array[]): number => {
    const path = pathOf(pool)
    const target = rewrite === 'rename' ? `${path}.new` : path
    const written = files.create(target) && changed.every((record) => files.append(target, record))
    if (rewrite === 'in-place') return written ? HResult.ok : HResult.fail
    return written && files.sync(target) && files.rename(target, path) ? HResult.ok : HResult.diskFull
  }

  // Records that do not change are written as they were: other programs put theirs in, not all of them UTF-8.
  return {
    items: (pool) => readPoolFile(files.read(pathOf(pool)) ?? new Uint8Array(0)),
    put(pool, item) {
      const record = poolFileRecord(item)
      if (record === undefined) return HResult.invalidArgument
      const before = records(pool)
      const place = before.findIndex((each) => keyOf(each) === keyOf(record))
      if (place < 0 && before.length >= MAX_ITEMS) return HResult.diskFull
      return write(pool, place < 0 ? [...before, record] : before.with(place, record))
    },
    remove(pool, key) {
      const before = records(pool)
      const left = before.filter((record) => keyOf(record) !== key)
      return left.length === before.length ? HResult.noMoreItems : write(pool, left)
    },
  }
}
