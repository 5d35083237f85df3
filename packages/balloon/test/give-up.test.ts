import { describe, expect, test } from 'vitest'
import { giveUp } from '../src/guest/give-up.ts'
import type { PageRun } from '../src/protocol.ts'

/** Responses as `ranges:pages` and whether more follow, of a memory that has so many large chunks and single pages. */
function responses(want: number, apart: boolean, chunks: number, pages: number): string[] {
  const told: string[] = []
  let [chunksLeft, pagesLeft, next] = [chunks, pages, 0]
  giveUp(want, apart, {
    take(count) {
      if (count === 512 ? chunksLeft-- <= 0 : pagesLeft-- <= 0) return undefined
      // Singles lie apart, chunks side by side.
      const run = { start: count === 512 ? next : next + 1, count }
      next = run.start + count
      return run
    },
    respond(runs: readonly PageRun[], more) {
      told.push(`${runs.length}:${runs.reduce((sum, { count }) => sum + count, 0)}${more === 1 ? ' more' : ''}`)
    },
  })
  return told
}

describe('giving up', () => {
  test.each([
    ['one response holds all there is', false, 1054, 9, 99, ['31:1054']],
    ['chunks side by side are one range', false, 1024, 9, 0, ['1:1024']],
    ['nothing is an answer, too', false, 5, 0, 0, ['0:0']],
    ['less than was asked for is an answer', false, 1054, 1, 3, ['4:515']],
    ['singles take the place of chunks that are not there', false, 1024, 1, 512, ['510:1021 more', '3:3']],
    // Linux drivers/hv/hv_balloon.c, balloon_up: as debian-12-686-pae on ws2012r2 answers in the fixtures.
    ['Linux: the sizes apart, each chunk a range', true, 1054, 9, 99, ['2:1024 more', '30:30']],
    ['Linux: no chunk is asked for when less is wanted', true, 1, 9, 99, ['1:1']],
    ['Linux: chunks alone end it', true, 1024, 9, 99, ['2:1024']],
    ['Linux: a full page that is the last ends it', true, 510, 0, 600, ['510:510']],
    ['Linux: a full page that is not goes on', true, 511, 0, 600, ['510:510 more', '1:1']],
    ['Linux: it found less after it had promised more', true, 1054, 2, 0, ['2:1024 more', '0:0']],
    ['Linux: nothing', true, 0, 9, 9, ['0:0']],
  ] as const)('%s', (_what, apart, want, chunks, pages, expected) => {
    expect(responses(want, apart, chunks, pages)).toEqual(expected)
  })
})
