import type { MatrixResults } from '@vmbus/report'
import { isDisagreement } from '../cells/real.ts'
import { cellsOf } from '../results/read.ts'
import { NOT_REAL_TEXT } from '../run/not-real.ts'
import { wrapped } from './summary.ts'

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** What real kernels found beside the simulated guests; empty where none was asked for. */
export function realText(results: MatrixResults): string {
  const { kernels, executions } = results
  if (kernels === undefined) return ''
  const real = executions.filter(({ kernel }) => kernel !== undefined)
  const ran = real.filter(({ outcome }) => outcome !== 'not-run').length
  const cells = [...cellsOf(results)].flatMap((cell) => {
    const story = results.stories[cell.index]
    return story !== undefined && isDisagreement(story) ? [{ ...cell, story }] : []
  })
  const whyNot = new Map<string, number>()
  for (const { notReal } of real)
    if (notReal !== undefined) whyNot.set(NOT_REAL_TEXT[notReal], (whyNot.get(NOT_REAL_TEXT[notReal]) ?? 0) + 1)
  return [
    ...Object.values(kernels).map((name) => wrapped('kernel    ', name)),
    wrapped(
      '          ',
      `${plural(ran, 'execution')} on real kernels; ${plural(cells.length, 'cell')} where they disagree`,
    ),
    ...[...whyNot].map(([why, count]) => wrapped('          ', `${count} not run: ${why}`)),
    ...cells.map(({ release, host, feature, story }) =>
      wrapped('  ', `${release.key} on ${host.id}, ${feature.id}: ${story.reason}`),
    ),
    '',
  ].join('\n')
}
