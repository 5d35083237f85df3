import type { PageRun } from './protocol.ts'

/**
 * A set of pages as sorted runs that neither touch nor overlap. Its size is bounded by the pages of the guest, however
 * a guest cuts its answers.
 */
export interface PageSet {
  readonly pages: number
  readonly runs: readonly PageRun[]
  /** Adds what is not in the set yet and returns how many pages that was. */
  add(run: PageRun): number
  /** Removes what is in the set and returns how many pages that was. */
  remove(run: PageRun): number
  /** The parts of `run` that are in the set, and those that are not. */
  within(run: PageRun): PageRun[]
  without(run: PageRun): PageRun[]
  /** Takes up to `count` pages out, from the end, as runs of at most `longest` pages. */
  take(count: number, longest: number): PageRun[]
  clear(): void
}

/** Index of the first run that ends after `page`. */
function firstAfter(runs: readonly PageRun[], page: number): number {
  let low = 0
  let high = runs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const run = runs[middle]
    if (run !== undefined && run.start + run.count <= page) low = middle + 1
    else high = middle
  }
  return low
}

export function pageSet(initial: readonly PageRun[] = []): PageSet {
  let runs: PageRun[] = []
  let pages = 0

  const add = ({ start, count }: PageRun): number => {
    if (count === 0) return 0
    // One page earlier, so that a run that ends right before this one is joined with it.
    const first = firstAfter(runs, start - 1)
    let last = first
    let from = start
    let to = start + count
    let known = 0
    for (let run = runs[last]; run !== undefined && run.start <= to; run = runs[++last]) {
      from = Math.min(from, run.start)
      to = Math.max(to, run.start + run.count)
      known += run.count
    }
    runs.splice(first, last - first, { start: from, count: to - from })
    const added = to - from - known
    pages += added
    return added
  }

  const remove = ({ start, count }: PageRun): number => {
    const end = start + count
    const first = firstAfter(runs, start)
    let last = first
    let removed = 0
    const kept: PageRun[] = []
    for (let run = runs[last]; run !== undefined && run.start < end; run = runs[++last]) {
      const runEnd = run.start + run.count
      if (run.start < start) kept.push({ start: run.start, count: start - run.start })
      if (runEnd > end) kept.push({ start: end, count: runEnd - end })
      removed += Math.min(runEnd, end) - Math.max(run.start, start)
    }
    if (removed > 0) runs.splice(first, last - first, ...kept)
    pages -= removed
    return removed
  }

  const within = ({ start, count }: PageRun): PageRun[] => {
    const end = start + count
    const parts: PageRun[] = []
    if (count === 0) return parts
    for (let at = firstAfter(runs, start), run = runs[at]; run !== undefined && run.start < end; run = runs[++at]) {
      const from = Math.max(run.start, start)
      parts.push({ start: from, count: Math.min(run.start + run.count, end) - from })
    }
    return parts
  }

  const without = (run: PageRun): PageRun[] => {
    const parts: PageRun[] = []
    let from = run.start
    for (const known of [...within(run), { start: run.start + run.count, count: 0 }]) {
      if (known.start > from) parts.push({ start: from, count: known.start - from })
      from = known.start + known.count
    }
    return parts
  }

  for (const run of initial) add(run)

  return {
    get pages() {
      return pages
    },
    get runs() {
      return runs
    },
    add,
    remove,
    within,
    without,
    take(count, longest) {
      const taken: PageRun[] = []
      for (let left = count; left > 0;) {
        const run = runs.at(-1)
        if (run === undefined) break
        const part = Math.min(left, run.count, longest)
        taken.push({ start: run.start + run.count - part, count: part })
        remove({ start: run.start + run.count - part, count: part })
        left -= part
      }
      return taken
    },
    clear() {
      runs = []
      pages = 0
    },
  }
}
