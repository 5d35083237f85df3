import { HResult } from '@vmbus/ic'
import {
  KEY_BYTES,
  KvpPool,
  VALUE_BYTES,
  poolRecord,
  readUtf8,
  utf8z,
  type KvpItem,
  type KvpPoolName,
} from '../protocol.ts'
import { withItem, type PoolStore } from './pools.ts'

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

/** Records of a pool file; an incomplete one at the end is ignored, as the daemons do. All values are text. */
export function readPoolFile(bytes: Uint8Array): KvpItem[] {
  const items: KvpItem[] = []
  for (let at = 0; at + poolRecord.size <= bytes.length; at += poolRecord.size)
    items.push({
      key: readUtf8(bytes, at, KEY_BYTES),
      value: readUtf8(bytes, at + poolRecord.offsets.value, VALUE_BYTES),
    })
  return items
}

/** One record, or undefined when key or value is longer in UTF-8 than its room. */
export function poolFileRecord(item: KvpItem): Uint8Array | undefined {
  const key = utf8z(item.key)
  const value = utf8z(item.value)
  return key.length > KEY_BYTES || value.length > VALUE_BYTES ? undefined : poolRecord.toBytes({ key, value })
}

/** Pools as the files `.kvp_pool_0` to `.kvp_pool_4`, which programs in the guest read and write. */
export function filePools(files: PoolFiles, options: FilePoolsOptions = {}): PoolStore {
  const { directory = '/var/lib/hyperv', rewrite = 'rename' } = options
  const pathOf = (pool: KvpPoolName): string => `${directory}/.kvp_pool_${KvpPool[pool]}`

  const items = (pool: KvpPoolName): KvpItem[] => readPoolFile(files.read(pathOf(pool)) ?? new Uint8Array(0))

  const write = (pool: KvpPoolName, changed: readonly KvpItem[]): number => {
    const path = pathOf(pool)
    const target = rewrite === 'rename' ? `${path}.new` : path
    const records: Uint8Array[] = []
    for (const item of changed) {
      const record = poolFileRecord(item)
      if (record === undefined) return HResult.invalidArgument
      records.push(record)
    }
    const written = files.create(target) && records.every((record) => files.append(target, record))
    if (rewrite === 'in-place') return written ? HResult.ok : HResult.fail
    return written && files.sync(target) && files.rename(target, path) ? HResult.ok : HResult.diskFull
  }

  return {
    items,
    put(pool, item) {
      const changed = withItem(items(pool), item)
      return changed === undefined ? HResult.diskFull : write(pool, changed)
    },
    remove(pool, key) {
      const before = items(pool)
      const left = before.filter((item) => item.key !== key)
      return left.length === before.length ? HResult.noMoreItems : write(pool, left)
    },
  }
}
