import { replayCommand } from '../../src/replay.ts'
import type { Published, StoredStory } from '../../src/results/results.ts'
import type { Evidence, Outcome } from '../../src/results/vocabulary.ts'
import type { Model, Place } from './model.ts'
import { count } from './names.ts'

export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  works: 'works',
  partial: 'works in part',
  fails: 'fails',
  'not-offered': 'the host lacks it',
  'no-driver': 'the guest lacks it',
  'not-applicable': 'not applicable',
  'not-run': 'not run',
  'guest-hung': 'the guest hangs',
  'guest-corrupt': 'data come out wrong',
  error: 'an error of ours',
}

export const EVIDENCE_WORDS: Readonly<Record<Evidence, string>> = {
  real: 'real kernel',
  'simulated-sourced': 'simulated, sourced',
  'simulated-inferred': 'simulated, inferred',
  'simulated-grid': 'simulated, from the page',
  documented: 'documented',
}

/** The newest value that a page gives; undefined where none speaks of this host. */
export function pageValue(published: readonly Published[]): Published['value'] | undefined {
  return published
    .filter(({ value }) => value !== 'not-listed')
    .reduce<Published | undefined>((newest, one) => (newest && newest.date >= one.date ? newest : one), undefined)
    ?.value
}

const works = ({ outcome }: StoredStory) => outcome === 'works' || outcome === 'partial'

/** What the page says beside what came out, as the story opens. */
export function verdictSentence(story: StoredStory, value: Published['value'] | undefined): string {
  const said = `The page says ${value ?? 'nothing'}`
  switch (story.verdict) {
    case 'agrees':
      return `${said}, and so it is.`
    case 'differs':
      return `${said}. ${differs(story)}`
    case 'grid-conflict':
      return 'The page contradicts itself.'
    case 'not-covered':
      return 'No page covers this pair.'
    case 'not-measured':
      return `${said}; not measured in full, so there is no verdict.`
    case 'not-independent':
      return `${said}; the guest was modelled from it, so there is no verdict.`
  }
}

function differs(story: StoredStory): string {
  if (works(story)) return 'It works.'
  if (story.outcome === 'guest-hung') return 'The guest hangs.'
  return story.outcome === 'guest-corrupt' ? 'Data come out wrong.' : 'It does not work.'
}

/** Why it came out so. */
export function reasonOf(model: Model, { release, host, feature }: Place, story: StoredStory): string {
  const cause = model.causeOf(story)
  if (cause !== undefined) return cause.text
  const execution = model.executionOf(story)
  const missing =
    story.outcome === 'partial' && feature.missing !== undefined ? ` Not covered: ${feature.missing}.` : ''
  if (story.reason !== '') return `${sentence(story.reason)}${missing}`
  if (!works(story) || execution === undefined) return ''
  const { runs, bytes } = execution
  const held = `${runs === 1 ? 'the one command sequence' : `all ${count(runs)} command sequences`} held`
  const crossed = `${count(bytes)} bytes crossed the rings`
  return `Both sides have it: ${release.name} asks, ${host.name} offers, ${held} and ${crossed}.${missing}`
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`

/** A cell in a sentence, for those who hear the page. */
export const cellSentence = (model: Model, place: Place) =>
  `${placeWords(place)}: ${storyWords(model, model.storyAt(place))}`

export const placeWords = ({ release, host, feature }: Place) => `${feature.name}, ${release.name} on ${host.name}`

/** How it came out, how that is known, and what the page says. */
export function storyWords(model: Model, story: StoredStory): string {
  const value = pageValue(model.publishedOf(story)) ?? 'nothing'
  const page =
    story.verdict === 'grid-conflict' ? 'contradicts itself' : `says ${value}: ${story.verdict.replaceAll('-', ' ')}`
  return `${OUTCOME_WORDS[story.outcome]}. Evidence: ${EVIDENCE_WORDS[story.evidence]}. Page ${page}.`
}

/** The command that says the same on a terminal. */
export function commandOf(model: Model, place: Place): string {
  const { release, host, feature } = place
  const { evidence } = model.storyAt(place)
  return replayCommand({ release: release.key, host: host.id, feature: feature.id, evidence }, model)
}
