import type { PageRun } from '../protocol.ts'
import type { HotAddRegion, State } from './state.ts'

/**
 * The region in which a run may be added: what the last one left, when the run goes on where the guest's memory ends in
 * it; else whole blocks of the guest's alignment from the run's start, behind the last region. Undefined when the run
 * fits neither, as Linux brings memory in by whole blocks and in order (drivers/hv/hv_balloon.c, hot_add_req).
 */
export function regionFor(
  run: PageRun,
  { region, bootPages, caps: { alignmentPages } }: Pick<State, 'region' | 'bootPages' | 'caps'>,
): HotAddRegion | undefined {
  if (region !== null && region.covered < region.count && run.start === region.start + region.covered)
    return run.start + run.count <= region.start + region.count ? region : undefined
  if (run.start % alignmentPages !== 0 || run.start < bootPages) return undefined
  if (region !== null && run.start !== region.start + region.count) return undefined
  return { start: run.start, count: Math.ceil(run.count / alignmentPages) * alignmentPages, covered: 0 }
}
