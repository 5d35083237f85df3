import type { SystemService } from '@vmbus/core'
import type { GuestMemoryManager, PageRun } from '@vmbus/balloon'
import { integer, list, object, restoreState, stateForm } from '@vmbus/world'

/** The memory of a simulated system, in pages of 4 KiB. */
export interface WindowsMemory {
  readonly total: number
  readonly available: number
  /** Given up to the host. */
  readonly ballooned: number
}

export interface MemoryAccounts extends GuestMemoryManager, SystemService {
  readonly ballooned: number
}

interface Saved {
  readonly free: readonly PageRun[]
  readonly added: readonly PageRun[]
  readonly ballooned: number
}

const runs = list(object<PageRun>({ start: integer(), count: integer() }))
const FORM = stateForm<Saved>('windows-memory', 1, { free: runs, added: runs, ballooned: integer() })

/** What system and programs use once they are up: a quarter; a model, not measured. */
const USED = 4

const sum = (list: readonly PageRun[]): number => list.reduce((total, { count }) => total + count, 0)
const overlaps = (one: PageRun, other: PageRun): boolean =>
  one.start < other.start + other.count && other.start < one.start + one.count

/** Accounts of memory. What is given up comes from the top, where nothing else of a simulated guest lies. */
export function memoryAccounts(pages: number): MemoryAccounts {
  const used = Math.floor(pages / USED)
  let free: readonly PageRun[] = [{ start: used, count: pages - used }]
  let added: readonly PageRun[] = []
  let ballooned = 0
  const join = (run: PageRun): void => {
    const sorted = [...free, run].toSorted((a, b) => a.start - b.start)
    const joined: PageRun[] = []
    for (const each of sorted) {
      const last = joined.at(-1)
      if (last !== undefined && last.start + last.count === each.start)
        joined.splice(-1, 1, { start: last.start, count: last.count + each.count })
      else joined.push(each)
    }
    free = joined
  }
  /** The last place for `count` pages that begins at a multiple of it. */
  const placeIn = ({ start, count: length }: PageRun, count: number): number | undefined => {
    const place = Math.floor((start + length) / count) * count - count
    return place >= start ? place : undefined
  }
  return {
    total: () => pages + sum(added) - ballooned,
    available: () => sum(free),
    committed: () => used,
    take(count) {
      const index = free.findLastIndex((run) => placeIn(run, count) !== undefined)
      const run = free[index]
      const start = run === undefined ? undefined : placeIn(run, count)
      if (run === undefined || start === undefined) return undefined
      const after = { start: start + count, count: run.start + run.count - start - count }
      const parts = [{ start: run.start, count: start - run.start }, after].filter((part) => part.count > 0)
      free = free.toSpliced(index, 1, ...parts)
      ballooned += count
      return { start, count }
    },
    release(run) {
      ballooned -= run.count
      join(run)
    },
    add(run) {
      if (run.start < pages || added.some((each) => overlaps(each, run))) return 0
      added = [...added, { ...run }]
      join({ ...run })
      return run.count
    },
    get ballooned() {
      return ballooned
    },
    save: (): Saved & typeof FORM.head => ({ ...FORM.head, free, added, ballooned }),
    restore(state) {
      ;({ free, added, ballooned } = restoreState(state, FORM))
    },
  }
}
