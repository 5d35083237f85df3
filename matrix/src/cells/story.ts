import type { Support } from '@vmbus/catalog'
import type { MatrixFeature, MatrixRelease } from '../registry/registry.ts'
import type { Story } from '@vmbus/report'
import { causeOf, type CauseRule } from './causes/cause.ts'
import { combine, type Combined, type Part } from './combine.ts'
import { evidenceOf } from './evidence.ts'
import { NOT_RUN_TEXT, needsDriver, withoutProbe } from './not-run.ts'
import { marksOf, publishedOf, verdictOf } from './verdict.ts'

/** All that a cell is made of. */
export interface Cell {
  readonly release: MatrixRelease
  readonly host: string
  readonly feature: MatrixFeature['id']
  readonly support: Support | undefined
  /** One for each probe of the feature. */
  readonly parts: readonly Part[]
}

type Measured = Omit<Story, 'verdict' | 'published' | 'cause'> & Pick<Combined, 'isCoverage'>

/** What is said of a cell: a pure function of what ran, what it read and what is published. */
export const storyOf = (cell: Cell, causes: readonly CauseRule[]): Story => told(measuredOf(cell), cell, causes)

/**
 * The same of many cells: those of the very same parts were measured alike, and those of them of which no page speaks have one
 * story. So have three of four cells of a whole run.
 */
export function storyTeller(causes: readonly CauseRule[]): (cell: Cell) => Story {
  const numbers = new Map<Part, number>()
  const known = new Map<string, { readonly measured: Measured | undefined; unpublished?: Story }>()
  const numberOf = (part: Part): number => {
    const number = numbers.get(part) ?? numbers.size
    numbers.set(part, number)
    return number
  }
  return (cell) => {
    if (cell.parts.every(({ execution }) => execution === undefined)) return storyOf(cell, causes)
    const key = cell.parts.map(numberOf).join()
    const same = known.get(key) ?? { measured: ranOf(cell.parts) }
    known.set(key, same)
    // What did not run is told by its release.
    if (same.measured === undefined) return storyOf(cell, causes)
    if ((cell.support?.pages.length ?? 0) > 0) return told(same.measured, cell, causes)
    return (same.unpublished ??= told(same.measured, cell, causes))
  }
}

function told({ isCoverage, ...measured }: Measured, cell: Cell, causes: readonly CauseRule[]): Story {
  const marks = marksOf(cell.support, cell.release)
  const verdict = verdictOf({ ...measured, isCoverage }, marks)
  const story: Story = { ...measured, verdict, published: publishedOf(cell.support) }
  const [published] = marks
  if (verdict !== 'differs' || published === undefined) return story
  const { release, host, feature } = cell
  const cause = causeOf({ release, host, feature, published, story }, causes)
  return cause === undefined ? story : { ...story, cause: cause.id }
}

function measuredOf({ release, feature, parts }: Cell): Measured {
  const did = ranOf(parts)
  if (did !== undefined) return did
  if (feature === 'pae-kernel' && release.x86_32?.value === 'none') return without32Bits(release.x86_32)
  if (release.drivers === 'none' && needsDriver(feature)) return driverless(release)
  return notRun(feature, combine(parts), parts)
}

/** Undefined when nothing ran. */
function ranOf(parts: readonly Part[]): Measured | undefined {
  const combined = combine(parts)
  return combined.outcome === 'not-run' ? undefined : ran(combined, parts)
}

/** What is only of 32-bit kernels does not apply to a release without one: that is documented, and needs no run. */
const without32Bits = ({ source }: NonNullable<MatrixRelease['x86_32']>): Measured => ({
  outcome: 'not-applicable',
  evidence: 'documented',
  reason: `it has no 32-bit x86 kernel (${source})`,
  reads: [],
  isCoverage: false,
})

function ran({ outcome, reason, part, isCoverage }: Combined, parts: readonly Part[]): Measured {
  const execution = part?.execution
  const decidedBy = execution?.decidedBy
  const all = [...new Map(parts.flatMap(({ execution: did, reads }) => (did === undefined ? [] : reads)).map(keyed))]
  const reads = all.map(([, read]) => read)
  const isReal = parts.every((each) => each.execution === undefined || each.isReal === true)
  const decides = ({ of, field }: Story['reads'][number]): boolean => of === decidedBy?.of && field === decidedBy.field
  return {
    outcome,
    evidence: isReal ? 'real' : evidenceOf(reads),
    reason,
    isCoverage,
    ...(execution !== undefined && { execution: execution.id }),
    reads: [...reads.filter(decides), ...reads.filter((read) => !decides(read))],
    ...(decidedBy !== undefined && { decidedBy }),
  }
}

const keyed = (read: Story['reads'][number]): [string, Story['reads'][number]] => [`${read.of} ${read.field}`, read]

/** A release without any drivers was not run, and there is nothing to run: the catalog says since when there are some. */
const driverless = ({ reason, key }: MatrixRelease): Measured => ({
  outcome: 'no-driver',
  evidence: 'documented',
  reason: reason?.value ?? `${key} has no drivers for Hyper-V`,
  reads: [],
  isCoverage: false,
})

/** A probe that ran and has nothing to measure with says so itself. */
function notRun(feature: MatrixFeature['id'], { part, reason }: Combined, parts: readonly Part[]): Measured {
  const own = { why: part?.execution?.notRun ?? withoutProbe(feature), ...(part !== undefined && { detail: reason }) }
  const told = part === undefined ? parts.find((each) => each.notRun !== undefined)?.notRun : undefined
  const { why, detail } = told ?? own
  return {
    outcome: 'not-run',
    evidence: 'documented',
    reason: detail ?? NOT_RUN_TEXT[why],
    notRun: why,
    reads: [],
    isCoverage: false,
  }
}
