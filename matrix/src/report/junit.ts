import { cellsOf } from '../results/read.ts'
import { replayCommand, type MatrixResults, type ResultFeature, type StoredStory } from '@vmbus/report'

/** What of a cell makes a run fail, for a machine that reads it. */
export type IsFailure = (story: StoredStory) => boolean

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] ?? character)

interface Case {
  readonly feature: ResultFeature
  readonly cells: { readonly host: string; readonly story: StoredStory }[]
}

/** A suite for each guest, a case for each of its features: all hosts in one, since 240,000 cases help nobody. */
export function junitText(results: MatrixResults, isFailure: IsFailure): string {
  const suites = new Map<string, Map<string, Case>>()
  for (const { release, host, feature, index } of cellsOf(results)) {
    const story = results.stories[index]
    if (story === undefined) continue
    const suite = suites.get(release.key) ?? new Map<string, Case>()
    suites.set(release.key, suite)
    const testCase = suite.get(feature.id) ?? { feature, cells: [] }
    suite.set(feature.id, testCase)
    testCase.cells.push({ host: host.id, story })
  }
  const body = [...suites].map(([release, cases]) => suiteText(release, [...cases.values()], results, isFailure))
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="vmbus matrix">\n${body.join('')}</testsuites>\n`
}

function suiteText(release: string, cases: readonly Case[], run: MatrixResults, isFailure: IsFailure): string {
  const texts = cases.map(({ feature, cells }) => {
    const failed = cells.filter(({ story }) => isFailure(story))
    const isSkipped = failed.length === 0 && cells.every(({ story }) => story.outcome === 'not-run')
    return {
      text: caseText({ release, feature: feature.id, run }, cells, failed, isSkipped),
      failed: failed.length > 0,
      isSkipped,
    }
  })
  const count = (of: (one: (typeof texts)[number]) => boolean): number => texts.filter(of).length
  const head = `tests="${texts.length}" failures="${count((one) => one.failed)}" skipped="${count((one) => one.isSkipped)}"`
  return `  <testsuite name="${escaped(release)}" ${head}>\n${texts.map(({ text }) => text).join('')}  </testsuite>\n`
}

function caseText(
  { release, feature, run }: { readonly release: string; readonly feature: string; readonly run: MatrixResults },
  cells: Case['cells'],
  failed: Case['cells'],
  isSkipped: boolean,
): string {
  const open = `    <testcase classname="${escaped(release)}" name="${escaped(feature)}"`
  if (isSkipped) return `${open}><skipped message="${escaped(cells[0]?.story.reason ?? '')}"/></testcase>\n`
  if (failed.length === 0) return `${open}/>\n`
  const lines = failed.flatMap(({ host, story }) => [
    `${host}: ${story.outcome}, ${story.verdict}. ${story.reason}`.trimEnd(),
    `  ${replayCommand({ release, host, feature, evidence: story.evidence }, run)}`,
  ])
  const message = `on ${failed.map(({ host }) => host).join(', ')}`
  return `${open}><failure message="${escaped(message)}">${escaped(lines.join('\n'))}</failure></testcase>\n`
}
