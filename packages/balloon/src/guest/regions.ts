import type { PageRun } from '../protocol.ts'
import type { AddedRegion, GuestMemoryManager } from './state.ts'

const endOf = ({ start, count }: PageRun): number => start + count

/**
 * The region in which a hot add may bring `run` in. A host that names none means whole blocks around the run (Linux
 * drivers/hv/hv_balloon.c, hot_add_req). Undefined unless the region is whole blocks that hold the run, and is either new
 * or one whose memory so far ends where the run begins.
 */
export function addedRegion(
  run: PageRun,
  named: PageRun | undefined,
  blockPages: number,
  known: readonly AddedRegion[],
): AddedRegion | undefined {
  const same = known.find((region) => run.start >= region.start && run.start < endOf(region))
  if (same !== undefined) {
    const isSame = named === undefined || (named.start === same.start && named.count === same.count)
    return isSame && run.start === same.start + same.covered && endOf(run) <= endOf(same) ? same : undefined
  }
  const start = Math.floor(run.start / blockPages) * blockPages
  const region = named ?? { start, count: Math.ceil((endOf(run) - start) / blockPages) * blockPages }
  if (region.start % blockPages !== 0 || region.count % blockPages !== 0) return undefined
  // Pages before the run would never be asked for: what follows goes on where the memory ends.
  if (run.start !== region.start || endOf(run) > endOf(region)) return undefined
  if (known.some((each) => each.start < endOf(region) && region.start < endOf(each))) return undefined
  return { ...region, covered: 0 }
}

/** How many pages of a run are in use now. */
export const bringIn = (run: PageRun, { start, count }: PageRun, memory: GuestMemoryManager): number =>
  memory.add === undefined || run.count === 0 ? 0 : Math.min(run.count, memory.add(run, { start, count }))

/** The regions, with `pages` more of one in use. */
export const covering = (regions: readonly AddedRegion[], region: AddedRegion, pages: number): AddedRegion[] => [
  ...regions.filter(({ start }) => start !== region.start),
  { ...region, covered: region.covered + pages },
]

export const coveredPages = (regions: readonly AddedRegion[]): number =>
  regions.reduce((sum, { covered }) => sum + covered, 0)
