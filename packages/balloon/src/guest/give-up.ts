import { CHUNK_PAGES, MAX_RANGES, type PageRun } from '../protocol.ts'

export interface GiveUp {
  /** Takes adjacent pages out of use. */
  take(count: number): PageRun | undefined
  respond(runs: readonly PageRun[], more: 0 | 1): void
}

/**
 * Takes `want` pages out of use, as far as there are so many: large chunks while there are any, then single pages. Each
 * response is filled before it is sent; `apart`, every chunk is a range of its own, and those of one size have responses of
 * their own (Linux drivers/hv/hv_balloon.c, balloon_up).
 */
export function giveUp(want: number, apart: boolean, { take, respond }: GiveUp): void {
  let runs: PageRun[] = []
  const sendSoFar = (): void => {
    respond(runs, 1)
    runs = []
  }
  let chunk = CHUNK_PAGES
  for (let left = want; left > 0;) {
    const run = left < chunk ? undefined : take(chunk)
    if (run === undefined) {
      if (chunk === 1) break
      chunk = 1
      if (apart && runs.length > 0) sendSoFar()
      continue
    }
    left -= run.count
    const last = runs.at(-1)
    if (!apart && last !== undefined && last.start + last.count === run.start)
      runs[runs.length - 1] = { start: last.start, count: last.count + run.count }
    else runs.push(run)
    if (runs.length === MAX_RANGES && !(apart && left === 0)) sendSoFar()
  }
  respond(runs, 0)
}
