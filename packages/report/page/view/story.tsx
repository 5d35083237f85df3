import { Fragment } from 'preact'
import { useState } from 'preact/hooks'
import type { Published, ReadField, StoredStory } from '../../src/results/results.ts'
import type { Place } from '../model/model.ts'
import { count, plural } from '../model/names.ts'
import { neighbours, placeName, proofs } from '../model/place.ts'
import { EVIDENCE_WORDS, OUTCOME_WORDS, pageValue, reasonOf, commandOf, verdictSentence } from '../model/words.ts'
import { marksOf } from './cell.ts'
import { close, stepDifference } from './keys.ts'
import { linkTo, linkWith, type Page } from './page.ts'
import { Sequence } from './sequence.tsx'
import { SmallGrid } from './small-grid.tsx'

/** Why a cell is what it is. */
export function Story({ page, place }: { page: Page; place: Place }) {
  const { model, route } = page
  const { release, host, feature } = place
  const story = model.storyAt(place)
  const published = model.publishedOf(story)
  const cause = model.causeOf(story)
  const execution = model.executionOf(story)
  return (
    <section class="story" aria-labelledby="story" tabIndex={0}>
      <p class="kick">
        {release.name} on {host.name}
      </p>
      <button type="button" class="close" onClick={() => close(page)}>
        Close
      </button>
      <div class="ttl">
        <span class={`k ${marksOf(story)}`} aria-hidden="true" />
        <h2 id="story">
          {feature.name}: {OUTCOME_WORDS[story.outcome]}
        </h2>
      </div>
      <p class={`vd ${story.verdict}`}>
        {verdictSentence(story, pageValue(published))}{' '}
        {cause !== undefined && (
          <a href={linkTo(route, 'differences', '', { cause: cause.id })}>
            {cause.kind === 'our-bug' ? 'A bug of ours' : 'The cause'}
          </a>
        )}
      </p>
      <p>{reasonOf(model, place, story)}</p>
      <Decides story={story} reads={model.readsOf(story)} />
      <Says published={published} />
      <Neighbours page={page} place={place} />
      {execution !== undefined && <Sequence execution={execution} />}
      <div class="foot">
        <Replay command={commandOf(model, place)} />
        {execution !== undefined && (
          <p class="basis">
            {plural(execution.runs, 'sequence')}, {count(execution.bytes)} bytes, transcript{' '}
            <code>{execution.transcript.slice(0, 12)}</code>
          </p>
        )}
        <div class="pn">
          <button type="button" class="link" onClick={() => stepDifference(-1)}>
            ← previous difference
          </button>
          <button type="button" class="link" onClick={() => stepDifference(1)}>
            next difference →
          </button>
        </div>
      </div>
    </section>
  )
}

/** Fields that are shown before the reader asks for the rest. */
const FIRST_FIELDS = 4

function Decides({ story, reads }: { story: StoredStory; reads: readonly ReadField[] }) {
  const rest = reads.slice(FIRST_FIELDS)
  const decides = ({ of, field }: ReadField) => story.decidedBy?.of === of && story.decidedBy.field === field
  const row = (read: ReadField) => (
    <tr key={`${read.of} ${read.field}`} class={decides(read) ? 'dec' : ''}>
      <th scope="row">{read.of}</th>
      <td>
        <code>
          {read.field} = {read.value}
        </code>
        <span class="basis">
          {read.basis}
          {read.bracket !== undefined && ` (after ${read.bracket[0]}, up to ${read.bracket[1]})`}, {read.source}
        </span>
      </td>
    </tr>
  )
  return (
    <>
      <h3>What decides</h3>
      <table class="kv">
        <tbody>
          {reads.slice(0, FIRST_FIELDS).map(row)}
          <tr>
            <th scope="row">evidence</th>
            <td>
              {EVIDENCE_WORDS[story.evidence]}
              {reads.length > 0 && <span class="basis">the weakest field that the probe read</span>}
            </td>
          </tr>
        </tbody>
      </table>
      {rest.length > 0 && (
        <details class="more">
          <summary>{plural(rest.length, 'more field')} that the probe read</summary>
          <table class="kv">
            <tbody>{rest.map(row)}</tbody>
          </table>
        </details>
      )}
    </>
  )
}

function Says({ published }: { published: readonly Published[] }) {
  return (
    <>
      <h3>What the page says</h3>
      <table class="kv">
        <tbody>
          {published.length === 0 && (
            <tr>
              <th scope="row">nothing</th>
              <td>no column of a page holds this release, or the page does not know the host</td>
            </tr>
          )}
          {published.map(({ value, date, page, column, notes }) => (
            <tr key={`${page} ${date} ${column}`}>
              <th scope="row">{value.replace('-', ' ')}</th>
              <td>
                {date}, column {column}
                <span class="basis">{page}</span>
                {notes.map((note) => (
                  <span key={note} class="basis">
                    {note}
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}

function Neighbours({ page, place }: { page: Page; place: Place }) {
  const { releases, hosts } = neighbours(page.model, place)
  return (
    <>
      <h3>Neighbours</h3>
      <SmallGrid
        page={page}
        kind="near"
        label="Neighbouring releases and hosts"
        columns={hosts.map(({ label }) => label.join(' '))}
        lead={1}
        open={place}
        rows={releases.map((release) => ({
          key: release.slug,
          head: <th scope="row">{release.label.split(' + ')[0]}</th>,
          places: hosts.map((host) => ({ release, host, feature: place.feature })),
        }))}
      />
      <Proofs page={page} place={place} />
    </>
  )
}

/** Which neighbours come out otherwise, and by which value of theirs. */
function Proofs({ page: { model, route }, place }: { page: Page; place: Place }) {
  const found = proofs(model, place)
  if (found.length === 0) return undefined
  return (
    <ul class="proofs">
      {found.map(({ of, release, host, story, here, there }) => (
        <li key={`${release.slug} ${host.id}`}>
          <a href={linkWith(route, { cell: placeName({ release, host, feature: place.feature }) })}>
            {of === 'host' ? host.name : release.name}
          </a>
          : {OUTCOME_WORDS[story.outcome]}
          {there !== undefined && here?.value !== there.value && (
            <span class="basis">
              {there.field} is <code>{there.value}</code>
              {here !== undefined && (
                <>
                  , here <code>{here.value}</code>
                </>
              )}
            </span>
          )}
        </li>
      ))}
    </ul>
  )
}

function Replay({ command }: { command: string }) {
  const [copied, setCopied] = useState('')
  const copy = async () => {
    await navigator.clipboard.writeText(command)
    setCopied(command)
  }
  return (
    <div class="cmd" role="group" aria-label="Replay command">
      <code>
        {command.split(' ').map((word, at) => (
          <Fragment key={word}>
            {at > 0 && ' '}
            <span>{word}</span>
          </Fragment>
        ))}
      </code>
      <button type="button" class="copy" data-copy onClick={() => void copy()}>
        {copied === command ? 'Copied' : 'Copy'}
      </button>
    </div>
  )
}
