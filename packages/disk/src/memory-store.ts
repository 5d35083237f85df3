import { restoreState, stateForm } from '@vmbus/world'
import { StoreError } from './errors.ts'
import { checkFor } from './options.ts'
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
  const store = create(new Map(), options.contents?.length ?? options.size ?? 0, options.limit ?? Infinity)
  if (options.contents !== undefined) store.write(0, options.contents)
  return store
}

function create(chunks: Map<number, Chunk>, initialSize: number, limit: number): MemoryStore {
  let size = initialSize

  const writable = (index: number): Uint8Array => {
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

  const punch = (offset: number, length: number): void => {
    const end = Math.min(offset + length, size)
    for (let at = offset; at < end;) {
      const index = Math.floor(at / CHUNK)
      const from = at - index * CHUNK
      const to = Math.min(CHUNK, end - index * CHUNK)
      if (chunks.has(index)) {
        if (from === 0 && (to === CHUNK || index * CHUNK + to === size)) chunks.delete(index)
        else writable(index).fill(0, from, to)
      }
      at = index * CHUNK + to
    }
  }

  const store: MemoryStore = {
    get size() {
      return size
    },
    readOnly: false,
    lock: storeLock(),
    read(offset, into, start = 0, length = into.length - start) {
      for (let done = 0; done < length;) {
        const at = offset + done
        const index = Math.floor(at / CHUNK)
        const from = at - index * CHUNK
        const count = Math.min(CHUNK - from, length - done)
        const chunk = chunks.get(index)
        if (chunk === undefined) into.fill(0, start + done, start + done + count)
        else
          into.set(from === 0 && count === CHUNK ? chunk.bytes : chunk.bytes.subarray(from, from + count), start + done)
        done += count
      }
    },
    write(offset, from, start = 0, length = from.length - start) {
      for (let done = 0; done < length;) {
        const at = offset + done
        const index = Math.floor(at / CHUNK)
        const to = at - index * CHUNK
        const count = Math.min(CHUNK - to, length - done)
        const whole = start + done === 0 && count === from.length
        writable(index).set(whole ? from : from.subarray(start + done, start + done + count), to)
        done += count
      }
      if (offset + length > size) size = offset + length
    },
    truncate(next) {
      if (next < size) {
        punch(next, size - next)
        const last = Math.ceil(next / CHUNK)
        for (const index of chunks.keys()) if (index >= last) chunks.delete(index)
      }
      size = next
    },
    flush() {},
    punch,
    close() {},
    fork() {
      const copy = new Map<number, Chunk>()
      for (const [index, chunk] of chunks) {
        chunk.shared = true
        copy.set(index, { bytes: chunk.bytes, shared: true })
      }
      return create(copy, size, limit)
    },
    save() {
      const saved = [...chunks].sort(([a], [b]) => a - b)
      return {
        version: 1,
        size,
        chunks: saved.map(([index, chunk]) => ({ offset: index * CHUNK, bytes: chunk.bytes.slice() })),
      }
    },
    restore(state) {
      const saved = restoreState({ kind: 'store', v: 1, state }, form).state
      chunks.clear()
      size = saved.size
      for (const { offset, bytes } of saved.chunks) chunks.set(offset / CHUNK, { bytes, shared: false })
    },
    bytes() {
      const all = new Uint8Array(size)
      store.read(0, all)
      return all
    },
    inspect: () => ({
      kind: 'memory',
      size,
      readOnly: false,
      allocated: chunks.size * CHUNK,
      lock: store.lock.describe(),
    }),
  }
  return store
}
