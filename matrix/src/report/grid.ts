import pc from 'picocolors'
import { cellsOf, type ReadCell } from '../results/read.ts'
import { type MatrixResults, OUTCOMES, type ResultRelease, type StoredStory } from '@vmbus/report'
import { DIFFERS, MARKS } from './marks.ts'

/** Columns of a terminal that has no more. */
const WIDTH = 80
const LEGEND_WIDTH = 20
const GAP = 2

interface Row {
  readonly label: string
  readonly stories: readonly (StoredStory | undefined)[]
}

interface Grid {
  readonly heads: readonly string[]
  readonly rows: readonly Row[]
}

/**
 * The cells of a run as a grid of marks: the features of one guest by host, the guests of one feature by host, or the guests
 * of one host by feature. Of more than that, the shares that work, by feature and host.
 */
export function gridText(results: MatrixResults): string {
  const { releases, hosts, features } = results
  if (releases.length === 1 || features.length === 1)
    return marksText(
      gridOf(
        results,
        hosts.map(({ id }) => id),
        ({ host }) => host.id,
      ),
      2,
    )
  if (hosts.length === 1)
    return marksText(
      gridOf(
        results,
        features.map(({ id }) => id),
        ({ feature }) => feature.id,
      ),
      1,
    )
  return sharesText(results)
}

/** Rows are guests, or features where there is one guest alone; guests that are alike stand in one row. */
function gridOf(results: MatrixResults, heads: readonly string[], headOf: (cell: ReadCell) => string): Grid {
  const isOneGuest = results.releases.length === 1
  const rows = new Map<string, { release: ResultRelease; stories: (StoredStory | undefined)[] }>()
  for (const cell of cellsOf(results)) {
    const name = isOneGuest ? cell.feature.id : cell.release.key
    const row = rows.get(name) ?? { release: cell.release, stories: [] }
    row.stories[heads.indexOf(headOf(cell))] = results.stories[cell.index]
    rows.set(name, row)
  }
  if (isOneGuest) return { heads, rows: [...rows].map(([label, { stories }]) => ({ label, stories })) }
  return { heads, rows: joined([...rows.values()]) }
}

const isSame = (one: readonly (StoredStory | undefined)[], other: readonly (StoredStory | undefined)[]): boolean =>
  one.every((story, i) => markText(story) === markText(other[i]))

/** `rhel`, `7.0`, ` + lis 4.3`. */
function partsOf({ key }: ResultRelease): readonly [family: string, release: string, rest: string] {
  const [, family = key, release = '', rest = ''] = /^(\D+) (\d[\w.]*)(.*)$/.exec(key) ?? []
  return [family, release, rest]
}

function joined(rows: readonly { readonly release: ResultRelease; readonly stories: Row['stories'] }[]): Row[] {
  const groups: { first: ResultRelease; last: ResultRelease; stories: Row['stories'] }[] = []
  for (const { release, stories } of rows) {
    const group = groups.at(-1)
    if (group !== undefined && isNeighbour(group.last, release) && isSame(group.stories, stories)) group.last = release
    else groups.push({ first: release, last: release, stories })
  }
  return groups.map(({ first, last, stories }) => {
    const [family, from, rest] = partsOf(first)
    const label = first === last ? first.key : `${family} ${from}–${partsOf(last)[1]}${rest}`
    return { label, stories }
  })
}

/** Of one family, major version and way to get drivers. */
function isNeighbour(one: ResultRelease, other: ResultRelease): boolean {
  const [[family, release, rest], [otherFamily, otherRelease, otherRest]] = [partsOf(one), partsOf(other)]
  return family === otherFamily && rest === otherRest && release.split('.')[0] === otherRelease.split('.')[0]
}

const markText = (story: StoredStory | undefined): string =>
  story === undefined ? ' ' : `${MARKS[story.outcome].mark}${story.verdict === 'differs' ? DIFFERS : ' '}`

/** What is inferred is dimmed: the same mark, less certain. */
function coloured(story: StoredStory | undefined, width: number): string {
  if (story === undefined) return ' '.repeat(width)
  const { mark, colour } = MARKS[story.outcome]
  const shown = colour(story.verdict === 'differs' && width === 1 ? pc.inverse(mark) : markText(story).slice(0, width))
  return story.evidence === 'simulated-inferred' ? pc.dim(shown) : shown
}

/** Heads stand upright over their columns. */
function heading(heads: readonly string[], indent: number, width: number): string[] {
  const height = Math.max(...heads.map((head) => head.length))
  return Array.from({ length: height }, (_, line) => {
    const letters = heads.map((head) => (head.padStart(height)[line] ?? ' ').padEnd(width))
    return `${' '.repeat(indent)}${letters.join('')}`
  })
}

function legendOf(rows: readonly Row[], width: number): readonly string[] {
  const stories = rows.flatMap((row) => row.stories)
  const used = OUTCOMES.filter((outcome) => stories.some((story) => story?.outcome === outcome))
  const isDiffering = stories.some((story) => story?.verdict === 'differs')
  return [
    ...used.map((outcome) => `${MARKS[outcome].mark} ${MARKS[outcome].means}`),
    ...(isDiffering ? [`${width === 1 ? pc.inverse(' ') : DIFFERS} the page differs`] : []),
    ...(pc.isColorSupported ? [pc.dim('dim: inferred')] : []),
  ]
}

/** A label that is too long loses its end to an ellipsis. */
const fitted = (label: string, width: number): string =>
  label.length <= width ? label.padEnd(width) : `${label.slice(0, width - 1)}…`

function marksText({ heads, rows }: Grid, cellWidth: number): string {
  const most = WIDTH - heads.length * cellWidth - 2 * GAP - LEGEND_WIDTH
  const width = Math.min(most, Math.max(...rows.map(({ label }) => label.length))) + GAP
  const legend = legendOf(rows, cellWidth)
  const lines = rows.map(({ label, stories }) => {
    const marks = heads.map((_, i) => coloured(stories[i], cellWidth)).join('')
    return `${fitted(label, width - GAP)}${' '.repeat(GAP)}${marks}`
  })
  const empty = ' '.repeat(width + heads.length * cellWidth)
  const body = Array.from({ length: Math.max(lines.length, legend.length) }, (_, i) =>
    `${lines[i] ?? empty}${' '.repeat(GAP)}${legend[i] ?? ''}`.trimEnd(),
  )
  return `${[...heading(heads, width, cellWidth).map((line) => line.trimEnd()), ...body].join('\n')}\n`
}

/** Of each feature and host, how many of the measured guests it works on: in percent, `✓` for all, `·` where nothing was measured. */
function sharesText(results: MatrixResults): string {
  const { features, hosts, stories } = results
  const sums = new Map<string, { measured: number; working: number }>()
  for (const { feature, host, index } of cellsOf(results)) {
    const story = stories[index]
    if (story === undefined || story.evidence === 'documented' || isLeftOut(story)) continue
    const key = `${feature.id} ${host.id}`
    const { measured, working } = sums.get(key) ?? { measured: 0, working: 0 }
    const works = story.outcome === 'works' || story.outcome === 'partial'
    sums.set(key, { measured: measured + 1, working: working + (works ? 1 : 0) })
  }
  const width = Math.min(WIDTH - hosts.length * SHARE_WIDTH, Math.max(...features.map(({ id }) => id.length)))
  const lines = features.map(({ id }) => {
    const shares = hosts.map((host) => shareText(sums.get(`${id} ${host.id}`)).padStart(SHARE_WIDTH))
    return `${fitted(id, width)}${shares.join('')}`
  })
  const heads = heading(
    hosts.map(({ id }) => id),
    width + SHARE_WIDTH - 1,
    SHARE_WIDTH,
  )
  const legend = 'percent of the measured guests on which it works, whole or in part;\n✓ all, · none measured'
  return `${[...heads.map((line) => line.trimEnd()), ...lines, '', legend].join('\n')}\n`
}

const SHARE_WIDTH = 3
const isLeftOut = ({ outcome }: StoredStory): boolean =>
  outcome === 'not-run' || outcome === 'error' || outcome === 'not-applicable'

function shareText(sum: { readonly measured: number; readonly working: number } | undefined): string {
  if (sum === undefined) return '·'
  return sum.measured === sum.working ? '✓' : `${Math.floor((sum.working * 100) / sum.measured)}`
}
