import { expect, test } from 'vitest'
import { reportHtml, type MatrixResults } from '@vmbus/report'
import { pack, unpack } from '../src/packed.ts'
import { exampleResults } from './example-results.ts'
import { smallResults } from './small-results.ts'

/** As the page has them, which reads them from its text. */
function unpackedAgain(results: MatrixResults) {
  const packed = structuredClone(pack(results))
  return unpack(packed.results, () => packed.details)
}

test('what the results say comes into the page as data and cannot leave it', () => {
  const evil = '</script><script>alert(1)</script><!-- $& $1'
  const html = reportHtml(smallResults({ releases: [{ key: evil, family: evil, kernel: evil, drivers: evil }] }))
  expect(html.split('<script id="results"')).toHaveLength(2)
  expect(html).not.toContain('<script>alert')
  const [, data = ''] = /<script id="results" type="application\/json">(.*?)<\/script>/s.exec(html) ?? []
  expect(JSON.parse(data)).toMatchObject({ releases: [{ kernel: evil }] })
})

test('one file: nothing is fetched, and the same results give the same file', () => {
  const html = reportHtml(smallResults())
  expect(html).not.toMatch(/\b(src|href)="(?!#)/)
  expect(html).toContain("default-src 'none'")
  expect(reportHtml(smallResults())).toBe(html)
})

test('packed results are the same when they are unpacked, but for the names of executions', () => {
  const results = exampleResults(3, 12)
  const places = new Map(results.executions.map(({ id }, at) => [id, String(at)]))
  expect(unpackedAgain(results)).toEqual({
    ...results,
    executions: results.executions.map((one, at) => ({
      ...one,
      id: String(at),
      transcript: one.transcript.slice(0, 12),
    })),
    stories: results.stories.map((story) =>
      story.execution === undefined ? story : { ...story, execution: places.get(story.execution) },
    ),
  })
})

test('exchanges come back with times, sizes, counts and what is left out', () => {
  const exchange = [
    { from: 'guest', says: 'REQUEST_OFFERS', time: 10, bytes: 8 },
    { from: 'host', says: 'UNMAP', ring: 'storvsc', time: 10, bytes: 64, count: 3, untold: 1200 },
    { from: 'host', says: 'UNMAP', ring: 'storvsc', time: 35, count: 2 },
    { from: 'host', says: 'the disk is gone', ends: true },
  ] as const
  const executions = smallResults().executions.map((one) => ({ ...one, exchange }))
  const results = smallResults({ executions })
  expect(pack(results).details.said).toHaveLength(3)
  expect(unpackedAgain(results).executions[0]?.exchange).toEqual(exchange)
})

test('releases with the same cells share a row, which keeps a whole run small', () => {
  const { cells } = smallResults()
  expect(pack(smallResults()).results.rows).toEqual([cells[0]])
})
