import type { ComponentChildren } from 'preact'
import { CLAUSES, shortened, tallyOf } from '../model/counts.ts'
import type { Feature, Host, Release } from '../model/model.ts'
import { placeName } from '../model/place.ts'
import { go, linkWith, type Page } from './page.ts'

interface AnswerProps {
  readonly page: Page
  readonly release: Release
  readonly host: Host
}

/** The answer as a sentence, above any grid: most readers need no more. */
export function Answer({ page, release, host }: AnswerProps) {
  const { model, route } = page
  const { works, measured, not, differs } = tallyOf(model, release, host)
  const clause = (opening: string, features: readonly Feature[], style: string) =>
    features.length > 0 && (
      <Clause opening={opening} style={style} features={features}>
        {(feature) => (
          <a href={linkWith(route, { host: host.id, cell: placeName({ release, host, feature }) })}>{feature.name}</a>
        )}
      </Clause>
    )
  return (
    <div class="answer">
      On{' '}
      <label>
        <span class="vh">Host</span>
        <select
          value={host.id}
          onChange={({ currentTarget }) => go(linkWith(route, { host: currentTarget.value, cell: '' }))}
        >
          {model.hosts.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>{' '}
      <b>{measured === 0 ? 'nothing was measured.' : `${works} of ${measured} work.`}</b>
      {CLAUSES.map(([outcome, opening]) => clause(opening, not.get(outcome) ?? [], 'not'))}
      {clause('The page says otherwise for', differs, 'df')}
    </div>
  )
}

interface ClauseProps {
  readonly opening: string
  readonly style: string
  readonly features: readonly Feature[]
  children(feature: Feature): ComponentChildren
}

function Clause({ opening, style, features, children }: ClauseProps) {
  const { shown, more } = shortened(features)
  return (
    <span class={style}>
      {opening}{' '}
      {shown.map((feature, at) => (
        <>
          {at > 0 && ', '}
          {children(feature)}
        </>
      ))}
      {more > 0 && ` and ${more} more`}.
    </span>
  )
}
