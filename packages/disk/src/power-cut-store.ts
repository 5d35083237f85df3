import type { Seed } from '@vmbus/world'
import { memoryStore, type MemoryStore } from './memory-store.ts'
import type { ByteStore } from './store.ts'

/** What a medium may do apart: a sector of 512 bytes is old or new, never a mixture. */
const TEAR = 512

type Pending =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'punch'; readonly offset: number; readonly length: number }
  | { readonly kind: 'grow'; readonly size: number }
  | { readonly kind: 'shrink'; readonly size: number }

export interface PowerCutStore extends ByteStore {
  /** Writes, punches and size changes since the last flush. */
  readonly unflushed: number
  /** What a power cut now leaves: a new store. Each number is another cut; the store itself goes on. */
  cut(number: number): MemoryStore
  /** Called before every operation that changes the store or flushes it: the places where a cut makes a difference. */
  beforeOperation: (() => void) | undefined
}

/**
 * A store that remembers what is not flushed. At a cut, the seed decides for each unflushed operation whether it is
 * lost, kept or torn (any of its sectors of 512 bytes kept), and in which order the medium did them.
 */
export function powerCutStore(seed: Seed, initial: MemoryStore = memoryStore()): PowerCutStore {
  const now = initial.fork()
  let stable = initial.fork()
  let pending: Pending[] = []

  const apply = (image: MemoryStore, operation: Pending, keep: (sector: number) => boolean): void => {
    if (operation.kind === 'grow') return image.truncate(Math.max(image.size, operation.size))
    if (operation.kind === 'shrink') return image.truncate(Math.min(image.size, operation.size))
    const length = operation.kind === 'write' ? operation.bytes.length : operation.length
    for (let done = 0, sector = 0; done < length; sector++) {
      const count = Math.min(length - done, TEAR - ((operation.offset + done) % TEAR))
      if (keep(sector)) {
        if (operation.kind === 'write') image.write(operation.offset + done, operation.bytes, done, count)
        else image.punch(operation.offset + done, count)
      }
      done += count
    }
  }

  const store: PowerCutStore = {
    get size() {
      return now.size
    },
    readOnly: false,
    lock: now.lock,
    beforeOperation: undefined,
    get unflushed() {
      return pending.length
    },
    read: (offset, into, start, length) => now.read(offset, into, start, length),
    write(offset, from, start = 0, length = from.length - start) {
      store.beforeOperation?.()
      pending.push({ kind: 'write', offset, bytes: from.slice(start, start + length) })
      now.write(offset, from, start, length)
    },
    truncate(size) {
      store.beforeOperation?.()
      if (size !== now.size) pending.push(size > now.size ? { kind: 'grow', size } : { kind: 'shrink', size })
      now.truncate(size)
    },
    punch(offset, length) {
      store.beforeOperation?.()
      pending.push({ kind: 'punch', offset, length })
      now.punch(offset, length)
    },
    flush() {
      store.beforeOperation?.()
      if (pending.length > 0) stable = now.fork()
      pending = []
    },
    close() {},
    cut(number) {
      const image = stable.fork()
      const keepsOrder = seed.below(2, 'cut', number, 'order') === 0
      // How much of the unflushed reaches the medium differs from cut to cut: now and then nothing, now and then all.
      const share = seed.below(9, 'cut', number, 'share')
      const order = pending.map((operation, i) => ({
        operation,
        i,
        lot: keepsOrder ? i : seed.u32('cut', number, 'lot', i),
      }))
      order.sort((a, b) => a.lot - b.lot || a.i - b.i)
      for (const { operation, i } of order) {
        const fate = seed.below(8, 'cut', number, 'fate', i)
        if (fate >= share) {
          // Half of the rest is lost whole, half is torn.
          if (fate % 2 === 0 || share === 0) continue
          apply(image, operation, (sector) => seed.below(2, 'cut', number, 'tear', i, sector) === 0)
        } else apply(image, operation, () => true)
      }
      return image
    },
    inspect: () => ({ ...now.inspect(), kind: 'power-cut' }),
  }
  return store
}
