import type {
  Cause,
  Evidence,
  Outcome,
  Published,
  ReadField,
  ResultFeature,
  ResultHost,
  ResultRelease,
  Story,
  Verdict,
} from '@vmbus/report'
import type { CellProof } from '../cells/proofs.ts'

const OUTCOME_TEXT: Readonly<Record<Outcome, string>> = {
  works: 'works',
  partial: 'works in part',
  fails: 'fails',
  'not-offered': 'does not work, since the host lacks it',
  'no-driver': 'does not work, since the guest lacks it',
  'not-applicable': 'does not apply',
  'not-run': 'was not measured',
  'guest-hung': 'hangs the guest',
  'guest-corrupt': 'damages data of the guest',
  error: 'ended with an error of ours',
}
const EVIDENCE_TEXT: Readonly<Record<Evidence, string>> = {
  real: 'a real kernel did it',
  'simulated-sourced': 'simulated, of values that were read in sources',
  'simulated-inferred': 'simulated, of values some of which are concluded from others or lie between two trees',
  'simulated-grid': 'simulated, of values some of which only the page tells',
  documented: 'nothing ran',
}
const VERDICT_TEXT: Readonly<Record<Verdict, string>> = {
  agrees: 'That agrees.',
  differs: 'That differs.',
  'grid-conflict': 'The pages contradict each other.',
  'not-covered': '',
  'not-measured': 'Whether that is so was not measured.',
  'not-independent': 'What was measured rests on the page itself, so it proves nothing about it.',
}

export interface Place {
  readonly release: ResultRelease
  readonly host: ResultHost
  readonly feature: ResultFeature
}

/** All that is known of a cell, in one paragraph. */
export function paragraph(
  { release, host, feature }: Place,
  story: Story,
  causes: readonly Cause[],
  proofs: readonly CellProof[] = [],
): string {
  const cause = causes.find(({ id }) => id === story.cause)
  const sentences = [
    `${feature.name}, ${release.key} (kernel ${release.kernel}) on ${host.name}: ${OUTCOME_TEXT[story.outcome]}${reasonText(story)}.`,
    decidingText(story),
    proofsText(proofs),
    `Evidence: ${EVIDENCE_TEXT[story.evidence]}.`,
    ...publishedText(story.published),
    VERDICT_TEXT[story.verdict],
    cause === undefined ? '' : `${cause.kind === 'our-bug' ? 'Ours to mend: ' : ''}${cause.text} (${cause.source})`,
    story.verdict === 'differs' && cause === undefined ? 'Nothing known explains it.' : '',
  ]
  return sentences.filter((sentence) => sentence !== '').join(' ')
}

const reasonText = ({ reason }: Story): string => (reason === '' ? '' : `: ${reason.replace(/\.$/, '')}`)

const fieldText = ({ of, field, value, basis, source, bracket }: ReadField): string =>
  `the ${of}'s ${field} is ${value} (${basis}: ${source}${bracket === undefined ? '' : `, after ${bracket[0]} and up to ${bracket[1]}`})`

/** The field that decided, or all that was read where none did or nothing is known of it. */
function decidingText({ decidedBy, reads }: Story): string {
  if (reads.length === 0) return ''
  const decided = reads.find(({ of, field }) => of === decidedBy?.of && field === decidedBy.field)
  if (decided !== undefined) return `It is decided by one value: ${fieldText(decided)}.`
  return `What was read: ${reads.map(fieldText).join('; ')}.`
}

/** Neighbours that come out otherwise, each with the value that it has and this one has not. */
function proofsText(proofs: readonly CellProof[]): string {
  if (proofs.length === 0) return ''
  const texts = proofs.map(({ of, release, host, story, here, there }) => {
    const who = of === 'host' ? `the same guest on ${host.name}` : `${release.key} on the same host`
    const other = here === undefined ? '' : ` and not ${here.value}`
    const value =
      there === undefined || here?.value === there.value ? '' : `, whose ${there.field} is ${there.value}${other},`
    return `${who}${value} ${OUTCOME_TEXT[story.outcome]}`
  })
  return `Beside it: ${texts.join('; ')}.`
}

function publishedText(published: readonly Published[]): string[] {
  if (published.length === 0) return ['No page speaks of it.']
  return published.map(({ value, date, page, column, notes }) => {
    const said = value === 'not-listed' ? 'does not speak of this host' : `says ${value}`
    const noted = notes.filter((note) => note !== '').map((note) => ` Its note: ${note.replace(/\.$/, '')}.`)
    return `The page of ${date} (${page.split('/').at(-1) ?? page}, column ${column}) ${said}.${noted.join('')}`
  })
}
