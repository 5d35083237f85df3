import { countsOf } from '../results/counts.ts'
import type { MatrixResults } from '@vmbus/report'

const number = (count: number): string => count.toString().replaceAll(/\B(?=(\d{3})+$)/g, ',')
const listed = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([name, count]) => `${name} ${number(count)}`).join(', ')

/** Lines of at most 80 columns, the first after `head`, the others indented as far. */
export function wrapped(head: string, text: string, width = 80): string {
  const indent = ' '.repeat(head.length)
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && indent.length + line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.map((line, i) => `${i === 0 ? head : indent}${line}`).join('\n')
}

/** Counts of a run by outcome, evidence, verdict, reason and cause. */
export function countsText(results: MatrixResults): string {
  const counts = countsOf(results)
  return [
    wrapped('outcome   ', listed(counts.outcomes)),
    wrapped('evidence  ', listed(counts.evidence)),
    wrapped('verdict   ', listed(counts.verdicts)),
    ...(counts.notRun.size === 0 ? [] : [wrapped('not run   ', listed(counts.notRun))]),
    ...(counts.causes.size === 0 ? [] : [wrapped('causes    ', listed(counts.causes))]),
    `unexplained differences: ${number(counts.unexplained)}`,
    '',
  ].join('\n')
}

/** What a run found, in three lines: the finding, the counts, and where the page is. */
export function closingLines(results: MatrixResults, page: string | undefined): string {
  const { cells, measured, working, verdicts, unexplained } = countsOf(results)
  const { releases, hosts, features, executions, seed } = results
  const pages = (['agrees', 'differs'] as const).map((verdict) => number(verdicts.get(verdict) ?? 0))
  return [
    `${number(working)} of ${number(measured)} cells work; pages: ${pages[0]} agree, ${pages[1]} differ, ${number(unexplained)} unexplained.`,
    `${number(cells)} cells: ${releases.length} guests × ${hosts.length} hosts × ${features.length} features; ${number(executions.length)} executions, seed ${seed}.`,
    page === undefined ? 'No page was written: --html FILE writes one.' : `Every cell with its story: ${page}`,
    '',
  ].join('\n')
}
