import type { PageRun } from '../protocol.ts'
import type { AddedRegion, GuestMemoryManager } from './state.ts'

const endOf = ({ start, count }: PageRun): number => start + count

const upTo = (pages: number, blockPages: number): number => Math.ceil(pages / blockPages) * blockPages

/**
 * The region in which a hot add may bring `run` in. One that is there already grows by whole blocks if the run leaves it;
 * else it is the one that the host names, or whole blocks around the run. The run may begin inside a block, and behind a
 * gap, which stays out of use (Linux drivers/hv/hv_balloon.c, hot_add_req, pfn_covered and struct hv_hotadd_gap). Undefined
 * for a region that is not whole blocks or meets another, and a run that does not lie behind what is in use.
 */
export function addedRegion(
  run: PageRun,
  named: PageRun | undefined,
  blockPages: number,
  known: readonly AddedRegion[],
): AddedRegion | undefined {
  const same = known.find((region) => run.start >= region.start && run.start < endOf(region))
  const start = Math.floor(run.start / blockPages) * blockPages
  const candidate = same ?? { ...(named ?? { start, count: 0 }), covered: 0, gaps: 0 }
  if (candidate.start % blockPages !== 0 || candidate.count % blockPages !== 0) return undefined
  if (run.start < candidate.start + candidate.covered) return undefined
  // A region that the host names for the first time holds the run.
  if (same === undefined && named !== undefined && endOf(run) > endOf(named)) return undefined
  const region = { ...candidate, count: Math.max(candidate.count, upTo(endOf(run) - candidate.start, blockPages)) }
  const meets = known.some((each) => each !== same && each.start < endOf(region) && region.start < endOf(each))
  return meets ? undefined : region
}

/** How many pages of a run are in use now. */
export const bringIn = (run: PageRun, { start, count }: PageRun, memory: GuestMemoryManager): number =>
  memory.add === undefined || run.count === 0 ? 0 : Math.min(run.count, memory.add(run, { start, count }))

/** The regions, with `pages` more of one in use, from page `from` on; what lies before them is a gap. */
export const covering = (
  regions: readonly AddedRegion[],
  region: AddedRegion,
  from: number,
  pages: number,
): AddedRegion[] => [
  ...regions.filter(({ start }) => start !== region.start),
  {
    ...region,
    covered: from + pages - region.start,
    gaps: region.gaps + from - (region.start + region.covered),
  },
]

export const coveredPages = (regions: readonly AddedRegion[]): number =>
  regions.reduce((sum, { covered, gaps }) => sum + covered - gaps, 0)
