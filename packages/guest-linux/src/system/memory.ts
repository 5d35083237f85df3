import type { SystemService } from '@vmbus/core'
import type { GuestMemoryManager } from '@vmbus/balloon'
import type { PageRun } from '@vmbus/balloon/protocol'

/** The memory of a simulated system, in pages of 4 KiB. */
export interface LinuxMemory {
  /** MemTotal: what the kernel manages, added memory included. */
  readonly total: number
  /** MemAvailable. */
  readonly free: number
  /** Given up to the host. */
  readonly ballooned: number
}

export interface MemoryAccounts extends SystemService, GuestMemoryManager {
  readonly ballooned: number
}

export interface MemoryOptions {
  /** RAM in pages. */
  readonly pages: number
  /** MemTotal falls by what is given up: adjust_managed_page_count in drivers/hv/hv_balloon.c, from 5.11. */
  readonly totalFalls: boolean
  /** Memory can be added while the system runs: CONFIG_MEMORY_HOTPLUG, which 32-bit kernels do not have. */
  readonly hotAdd: boolean
}

const MIB = 256

/** Kernel text, its tables and a `struct page` of 64 bytes for each page, which MemTotal leaves out; a model, not measured. */
const reservedOf = (pages: number): number => Math.min(pages >> 2, 12 * MIB + (pages >> 6))

/** What kernel and programs use once the system is up; a model, not measured. */
const usedOf = (total: number): number => Math.min(total >> 2, 8 * MIB)

interface Saved {
  readonly free: readonly PageRun[]
  readonly added: readonly PageRun[]
  readonly ballooned: number
}

const copies = (runs: readonly PageRun[]): PageRun[] => runs.map((run) => ({ ...run }))

/** Accounts of memory. What is given up comes from the top of it, where nothing else of a simulated guest lies. */
export function memoryAccounts({ pages, totalFalls, hotAdd }: MemoryOptions): MemoryAccounts {
  const managed = pages - reservedOf(pages)
  const used = usedOf(managed)
  /** Ascending, never adjacent. */
  let free: PageRun[] = [{ start: pages - managed + used, count: managed - used }]
  let added: PageRun[] = []
  let ballooned = 0

  const release = (run: PageRun): void => {
    const at = free.findIndex(({ start }) => start > run.start)
    const place = at < 0 ? free.length : at
    const [before, after] = [free[place - 1], free[place]]
    const joinsBefore = before !== undefined && before.start + before.count === run.start
    const joinsAfter = after !== undefined && run.start + run.count === after.start
    const start = joinsBefore ? before.start : run.start
    const end = joinsAfter ? after.start + after.count : run.start + run.count
    free.splice(joinsBefore ? place - 1 : place, Number(joinsBefore) + Number(joinsAfter), {
      start,
      count: end - start,
    })
  }

  /** The highest `count` free pages of a run that lie on a multiple of `count`. */
  const take = (count: number): PageRun | undefined => {
    for (let index = free.length - 1; index >= 0; index--) {
      const run = free[index]
      if (run === undefined) continue
      const start = Math.floor((run.start + run.count) / count) * count - count
      if (start < run.start) continue
      const parts = [
        { start: run.start, count: start - run.start },
        { start: start + count, count: run.start + run.count - start - count },
      ]
      free.splice(index, 1, ...parts.filter((part) => part.count > 0))
      ballooned += count
      return { start, count }
    }
    return undefined
  }

  const sum = (runs: readonly PageRun[]): number => runs.reduce((total, run) => total + run.count, 0)
  const isHere = (run: PageRun): boolean =>
    run.start < pages || added.some(({ start, count }) => run.start < start + count && start < run.start + run.count)

  return {
    total: () => managed + sum(added) - (totalFalls ? ballooned : 0),
    available: () => sum(free),
    committed: () => used,
    take,
    release(run) {
      ballooned -= run.count
      release(run)
    },
    get ballooned() {
      return ballooned
    },
    ...(hotAdd
      ? {
          add(run: PageRun) {
            if (isHere(run)) return 0
            added.push({ ...run })
            release(run)
            return run.count
          },
        }
      : {}),
    save: (): Saved => ({ free: copies(free), added: copies(added), ballooned }),
    restore(state) {
      const saved = state as Saved
      free = copies(saved.free)
      added = copies(saved.added)
      ballooned = saved.ballooned
    },
  }
}
