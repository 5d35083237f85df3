import { restoreState, stateForm } from '@vmbus/world'
import { StoreError } from './errors.ts'
import { checkFor } from './options.ts'
import { eachBlock, inBlocks, type BlockTransfer } from './parts.ts'
import { storeState } from './state.ts'
import { storeLock, type ByteStore, type StoreState } from './store.ts'

export interface MemoryStoreOptions {
  /** Bytes at the start, all zeros. */
  readonly size?: number
  /** Contents at the start; copied. */
  readonly contents?: Uint8Array
  /** Bytes of memory that it may hold; a write that needs more fails with VMBUS_STORE_NO_SPACE. */
  readonly limit?: number
}

export interface MemoryStore extends ByteStore {
  /** An independent store with the same contents. Costs one pointer per 64 KiB: pieces are copied when written. */
  fork(): MemoryStore
  punch(offset: number, length: number): void
  save(): StoreState
  restore(state: StoreState): void
  /** The contents as one array. */
  bytes(): Uint8Array
}

const CHUNK = 65536

const form = stateForm<{ state: StoreState }>('store', 1, { state: storeState })

interface Chunk {
  bytes: Uint8Array
  /** Another fork reads the same bytes: copy before writing. */
  shared: boolean
}

/** A sparse store in memory: pieces of 64 KiB, none for what was never written or was punched. */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  checkFor('memoryStore', options)
  const store = create({
    chunks: new Map(),
    size: options.contents?.length ?? options.size ?? 0,
    limit: options.limit ?? Infinity,
  })
  if (options.contents !== undefined) store.write(0, options.contents)
  return store
}

/** What the calls of a store share. */
interface Contents {
  readonly chunks: Map<number, Chunk>
  readonly limit: number
  size: number
}

function writable({ chunks, limit }: Contents, index: number): Uint8Array {
  const chunk = chunks.get(index)
  if (chunk === undefined) {
    if ((chunks.size + 1) * CHUNK > limit)
      throw new StoreError('VMBUS_STORE_NO_SPACE', `memory store is limited to ${limit} bytes`)
    const bytes = new Uint8Array(CHUNK)
    chunks.set(index, { bytes, shared: false })
    return bytes
  }
  if (chunk.shared) {
    chunk.bytes = chunk.bytes.slice()
    chunk.shared = false
  }
  return chunk.bytes
}

function readChunk(
  { chunks }: Contents,
  index: number,
  from: number,
  into: Uint8Array,
  start: number,
  count: number,
): void {
  const chunk = chunks.get(index)
  if (chunk === undefined) into.fill(0, start, start + count)
  else into.set(from === 0 && count === CHUNK ? chunk.bytes : chunk.bytes.subarray(from, from + count), start)
}

function writeChunk(
  contents: Contents,
  index: number,
  to: number,
  from: Uint8Array,
  start: number,
  count: number,
): void {
  const whole = start === 0 && count === from.length
  writable(contents, index).set(whole ? from : from.subarray(start, start + count), to)
}

function punch(contents: Contents, offset: number, length: number): void {
  const { chunks, size } = contents
  eachBlock(offset, Math.min(offset + length, size) - offset, CHUNK, size, (index, at, count, whole) => {
    if (!chunks.has(index)) return
    if (whole) chunks.delete(index)
    else writable(contents, index).fill(0, at, at + count)
  })
}

function truncate(contents: Contents, next: number): void {
  const { chunks, size } = contents
  if (next < size) {
    punch(contents, next, size - next)
    const last = Math.ceil(next / CHUNK)
    for (const index of chunks.keys()) if (index >= last) chunks.delete(index)
  }
  contents.size = next
}

function fork({ chunks, limit, size }: Contents): MemoryStore {
  const copy = new Map<number, Chunk>()
  for (const [index, chunk] of chunks) {
    chunk.shared = true
    copy.set(index, { bytes: chunk.bytes, shared: true })
  }
  return create({ chunks: copy, limit, size })
}

function create(contents: Contents): MemoryStore {
  const { chunks } = contents
  const lock = storeLock()
  const read: BlockTransfer = (index, at, into, start, count) => readChunk(contents, index, at, into, start, count)
  const write: BlockTransfer = (index, at, from, start, count) => writeChunk(contents, index, at, from, start, count)
  return {
    get size() {
      return contents.size
    },
    readOnly: false,
    lock,
    read: (offset, into, start = 0, length = into.length - start) => inBlocks(CHUNK, read, offset, into, start, length),
    write(offset, from, start = 0, length = from.length - start) {
      inBlocks(CHUNK, write, offset, from, start, length)
      contents.size = Math.max(contents.size, offset + length)
    },
    truncate: (next) => truncate(contents, next),
    flush() {},
    punch: (offset, length) => punch(contents, offset, length),
    close() {},
    fork: () => fork(contents),
    save() {
      const saved = [...chunks].sort(([a], [b]) => a - b)
      return {
        version: 1,
        size: contents.size,
        chunks: saved.map(([index, chunk]) => ({ offset: index * CHUNK, bytes: chunk.bytes.slice() })),
      }
    },
    restore(state) {
      const saved = restoreState({ kind: 'store', v: 1, state }, form).state
      chunks.clear()
      contents.size = saved.size
      for (const { offset, bytes } of saved.chunks) chunks.set(offset / CHUNK, { bytes, shared: false })
    },
    bytes() {
      const all = new Uint8Array(contents.size)
      inBlocks(CHUNK, read, 0, all, 0, all.length)
      return all
    },
    inspect: () => ({
      kind: 'memory',
      size: contents.size,
      readOnly: false,
      allocated: chunks.size * CHUNK,
      lock: lock.describe(),
    }),
  }
}
