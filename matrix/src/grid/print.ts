import pc from 'picocolors'
import type { Outcome } from '../results/vocabulary.ts'
import type { Cell } from './cell.ts'
import type { Grid } from './grid.ts'

const MARKS: Readonly<Record<Outcome, readonly [mark: string, colour: (text: string) => string]>> = {
  works: ['✓', pc.green],
  partial: ['◐', pc.yellow],
  fails: ['✗', pc.red],
  'not-offered': ['–', pc.dim],
  'no-driver': ['–', pc.dim],
  'not-applicable': ['–', pc.dim],
  'not-run': ['·', pc.dim],
  'guest-hung': ['H', pc.red],
  'guest-corrupt': ['C', pc.red],
  error: ['!', pc.red],
}

/** A cell whose guest is only inferred is dimmed: the same mark, less certain. */
function markOf({ outcome, evidence }: Cell): string {
  const [mark, colour] = MARKS[outcome]
  return evidence === 'simulated-inferred' ? pc.dim(colour(mark)) : colour(mark)
}

/** Host ids stand upright over their columns. */
function heading(ids: readonly string[], indent: number): string[] {
  const height = Math.max(...ids.map((id) => id.length))
  return Array.from({ length: height }, (_, line) => {
    const letters = ids.map((id) => id.padStart(height)[line] ?? ' ')
    return `${' '.repeat(indent)}${letters.join(' ')}`
  })
}

/** One line for each reason why rows were not run, with the rows. */
function notRun(rows: Grid['rows']): string[] {
  const byReason = new Map<string, string[]>()
  for (const { row } of rows) {
    if (row.reason === undefined) continue
    const names = byReason.get(row.reason) ?? []
    byReason.set(row.reason, [...names, `${row.family} ${row.release}`])
  }
  return [...byReason].map(([reason, names]) =>
    pc.dim(`· ${names[0]}${names.length > 1 ? ` … ${names.at(-1)}` : ''} (${names.length}): ${reason}`),
  )
}

/** The grid, its legend and a count of each outcome. */
export function printGrid({ hosts, rows, seed }: Grid): string {
  const labels = rows.map(({ row }) => `${row.family} ${row.release}`)
  const kernels = rows.map(({ row }) => (/^\d/.test(row.kernel) ? row.kernel.split(' ')[0] : '') ?? '')
  const [left, middle] = [labels, kernels].map((texts) => Math.max(...texts.map((text) => text.length)) + 2) as [
    number,
    number,
  ]
  const lines = rows.map(
    ({ cells }, i) =>
      `${(labels[i] ?? '').padEnd(left)}${pc.dim((kernels[i] ?? '').padEnd(middle))}${cells.map(markOf).join(' ')}`,
  )
  const counts = new Map<Outcome, number>()
  for (const { cells } of rows) for (const { outcome } of cells) counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  const summary = [...counts]
    .map(([outcome, count]) => `${MARKS[outcome][1](MARKS[outcome][0])} ${outcome} ${count}`)
    .join('   ')
  return [
    pc.bold('Heartbeat, time synchronisation and shutdown: each release on each Hyper-V host, simulated'),
    '',
    ...heading(
      hosts.map((host) => host.id),
      left + middle,
    ),
    ...lines,
    '',
    ...notRun(rows),
    `${summary}   (dim: inferred; seed ${seed})`,
    '',
  ].join('\n')
}
