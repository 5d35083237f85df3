import type { GuestMemoryManager } from '@vmbus/balloon'

/** Pages that a manager has from the start. */
const PAGES = 16_384

/** A guest's memory whose every page is either the system's or in the balloon: it says when one is given twice. */
export function guestPages(grows: boolean): GuestMemoryManager {
  let total = PAGES
  let next = 0
  const free: { start: number; count: number }[] = [{ start: 0, count: PAGES }]
  const available = (): number => free.reduce((sum, { count }) => sum + count, 0)
  return {
    total: () => total,
    available,
    committed: () => 1000,
    take(count) {
      // From the end of the first run that has so many, so that what comes back fits behind what is left.
      const run = free.find((each) => each.count >= count)
      if (run === undefined) return undefined
      run.count -= count
      if (run.count === 0) free.splice(free.indexOf(run), 1)
      return { start: run.start + run.count, count }
    },
    release(run) {
      if (run.count === 0) throw new Error('no page came back')
      for (const { start, count } of free)
        if (run.start < start + count && start < run.start + run.count) throw new Error('a page came back twice')
      if (available() + run.count > total) throw new Error('more pages than there are')
      free.push({ ...run })
    },
    ...(grows && {
      add(run) {
        if (run.start < PAGES + next || total > 4 * PAGES) return 0
        next = run.start + run.count - PAGES
        total += run.count
        free.push({ ...run })
        return run.count
      },
    }),
  }
}
