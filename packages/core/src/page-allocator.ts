import type { GuestMemory } from '@vmbus/hypervisor'
import { integer, restoreState, stateForm } from '@vmbus/world'
import { CoreError } from './errors.ts'
import { frames, stateError } from './saved.ts'
import type { PageAllocator } from './types.ts'

export interface SavablePageAllocator extends PageAllocator {
  readonly available: number
  save(): unknown
  /** Throws StateError (VMBUS_STATE_INVALID), and has changed nothing, for what an allocator of these pages did not save. */
  restore(state: unknown): void
}

interface Saved {
  readonly next: number
  readonly free: readonly number[]
}

const FORM = stateForm<Saved>('pages', 1, { next: integer(), free: frames })

export interface PageAllocatorOptions {
  /** RAM is zero where nothing was handed out yet, as it is at power-on: such pages are left as they are. Default false. */
  readonly zeroed?: boolean
}

/**
 * Hands out the pages `from` … `to`-1 of guest RAM, zeroed, lowest first while nothing was freed. A page that is freed
 * twice, or was never handed out, is VMBUS_GUEST_MEMORY: two owners of a page are a corruption that is found late.
 */
export function pageAllocator(
  memory: GuestMemory,
  from: number,
  to: number,
  { zeroed = false }: PageAllocatorOptions = {},
): SavablePageAllocator {
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to * 4096 <= memory.size)) {
    throw new CoreError('VMBUS_GUEST_MEMORY', {
      field: 'pages',
      value: `${from}…${to}`,
      allowed: `pages of 0…${memory.size / 4096}`,
    })
  }
  let next = from
  let free: number[] = []
  // A byte for each page, as a Set of some thousand freed pages takes longer than what is done with them.
  const isFree = new Uint8Array(to - from)
  /** Pages in a row at once, up or down: one by one, what is done for each costs as much as its zeros. */
  function clear(pfns: readonly number[]): void {
    for (let at = 0; at < pfns.length;) {
      const first = pfns[at] ?? 0
      const step = pfns[at + 1] === first - 1 ? -1 : 1
      let last = first
      while (pfns[++at] === last + step) last += step
      const [low, bytes] = [Math.min(first, last) * 4096, (Math.abs(last - first) + 1) * 4096]
      memory.bytes.fill(0, low, low + bytes)
      memory.wrote(low, bytes)
    }
  }
  function take(count: number): number[] {
    const freed = free.splice(Math.max(0, free.length - count)).reverse()
    for (const pfn of freed) isFree[pfn - from] = 0
    const fresh = Array.from({ length: count - freed.length }, (_, index) => next + index)
    next += fresh.length
    clear(zeroed ? freed : [...freed, ...fresh])
    return [...freed, ...fresh]
  }
  const available = (): number => free.length + (to - next)
  return {
    get available() {
      return available()
    },
    allocate(count) {
      if (!(Number.isInteger(count) && count >= 0) || count > available()) {
        throw new CoreError('VMBUS_GUEST_MEMORY', {
          field: 'count',
          value: count,
          allowed: `at most ${available()} pages`,
        })
      }
      return take(count)
    },
    free(pfns) {
      for (const pfn of pfns) {
        if (!(Number.isInteger(pfn) && pfn >= from && pfn < next) || isFree[pfn - from] === 1) {
          throw new CoreError('VMBUS_GUEST_MEMORY', { field: 'pfn', value: pfn, allowed: 'a page in use' })
        }
        isFree[pfn - from] = 1
        free.push(pfn)
      }
    },
    save: () => ({ ...FORM.head, next, free: [...free] }),
    restore(state) {
      const saved = restoreState(state, FORM)
      if (saved.next < from || saved.next > to) throw stateError('pages.next', saved.next, `${from} to ${to}`)
      const seen = new Set<number>()
      const wrong = saved.free.find((pfn) => pfn < from || pfn >= saved.next || seen.size === seen.add(pfn).size)
      if (wrong !== undefined) throw stateError('pages.free', wrong, 'pages that were handed out, each once')
      next = saved.next
      free = [...saved.free]
      isFree.fill(0)
      for (const pfn of free) isFree[pfn - from] = 1
    },
  }
}
