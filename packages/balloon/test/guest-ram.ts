import type { GuestMemoryManager } from '../src/guest/index.ts'
import type { PageRun } from '../src/protocol.ts'

const Page = { absent: 0, free: 1, used: 2, taken: 3 } as const

/** A guest's memory as one byte a page: the model that both ends' accounts are held against. */
export interface GuestRam extends GuestMemoryManager {
  readonly violations: string[]
  count(state: keyof typeof Page): number
  /** A driver has taken exactly these pages out of use. */
  hasTaken(pages: ReadonlySet<number>): boolean
  use(pages: number): void
  unuse(pages: number): void
  save(): unknown
  restore(state: unknown): void
}

export interface GuestRamOptions {
  readonly pages: number
  /** Every how many pages one is in use from the start: no run is longer. */
  readonly fragmentedBy?: number
  /** Block of hot add, in pages; absent, none. */
  readonly hotAddBlock?: number
  /** Brings in parts of a block, too. */
  readonly hotAddParts?: boolean
}

const LIMIT = 1 << 17

export function guestRam({ pages, fragmentedBy, hotAddBlock, hotAddParts = false }: GuestRamOptions): GuestRam {
  const state = new Uint8Array(LIMIT)
  const counts = [LIMIT, 0, 0, 0]
  const violations: string[] = []
  const mark = (page: number, to: number): void => {
    const from = state[page] ?? Page.absent
    counts[from] = (counts[from] ?? 0) - 1
    counts[to] = (counts[to] ?? 0) + 1
    state[page] = to
  }
  /** Where the search for runs of a length goes on: none begins before, until pages become free. */
  let searched: Record<number, number> = {}
  /** The first page of `run` adjacent free ones. */
  function find(run: number): number {
    for (let page = searched[run] ?? 0, length = 0; page < LIMIT; page++) {
      length = state[page] === Page.free ? length + 1 : 0
      if (length < run) continue
      searched[run] = page - run + 1
      return page - run + 1
    }
    searched[run] = LIMIT
    return -1
  }
  /** Marks every page of a run free; each must have been in state `from`. */
  function free({ start, count }: PageRun, from: number): void {
    searched = {}
    for (let page = start; page < start + count; page++) {
      if (state[page] !== from) violations.push(`page ${page} becomes free from state ${state[page]}`)
      mark(page, Page.free)
    }
  }
  const change = (from: number, to: number, count: number): void => {
    for (let page = 0, left = count; page < LIMIT && left > 0; page++) {
      if (state[page] !== from) continue
      mark(page, to)
      left--
    }
  }

  for (let page = 0; page < pages; page++)
    mark(page, fragmentedBy !== undefined && page % fragmentedBy === 0 ? Page.used : Page.free)

  const count = (kind: keyof typeof Page): number => counts[Page[kind]] ?? 0
  return {
    violations,
    count,
    total: () => count('free') + count('used'),
    available: () => count('free'),
    committed: () => count('used'),
    hasTaken(taken) {
      for (const page of taken) if (state[page] !== Page.taken) return false
      return taken.size === count('taken')
    },
    take(run) {
      const start = find(run)
      if (start < 0) return undefined
      for (let page = start; page < start + run; page++) mark(page, Page.taken)
      return { start, count: run }
    },
    release: (run) => free(run, Page.taken),
    ...(hotAddBlock === undefined
      ? {}
      : {
          add({ start, count: offered }: PageRun, region: PageRun) {
            if (region.start + region.count > LIMIT || state.subarray(start, region.start + region.count).some(Boolean))
              return 0
            const count = hotAddParts ? offered : Math.floor(offered / hotAddBlock) * hotAddBlock
            free({ start, count }, Page.absent)
            return count
          },
        }),
    use: (left) => change(Page.free, Page.used, left),
    unuse(left) {
      searched = {}
      change(Page.used, Page.free, left)
    },
    save: () => ({ state: state.slice(), counts: [...counts] }),
    restore(saved) {
      const from = saved as { state: Uint8Array; counts: number[] }
      searched = {}
      state.set(from.state)
      counts.splice(0, counts.length, ...from.counts)
    },
  }
}
