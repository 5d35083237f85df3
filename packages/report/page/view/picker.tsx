import { useState } from 'preact/hooks'
import type { Host, Release } from '../model/model.ts'
import { familyName } from '../model/names.ts'
import { linkTo, type Page } from './page.ts'

interface PickerProps {
  readonly page: Page
  readonly release: Release
  readonly host: Host
}

/** All guests by family and major version, folded away. */
export function Picker({ page: { model, route }, release, host }: PickerProps) {
  const [chosen, setChosen] = useState<string>()
  const [shown, setShown] = useState(false)
  const family = chosen ?? release.family
  const groups = new Map<string, Release[]>()
  for (const one of shown ? model.releases.filter((other) => other.family === family) : []) {
    const title = `${familyName(family)} ${one.family === 'windows' ? '' : one.major} ${one.line}`.trim()
    groups.set(title, [...(groups.get(title) ?? []), one])
  }
  return (
    <details class="pick" open={shown} onToggle={({ currentTarget }) => setShown(currentTarget.open)}>
      <summary>Choose another guest</summary>
      <div class="box">
        <div class="fam" role="group" aria-label="Family">
          {model.families.map((one) => (
            <button key={one} type="button" aria-pressed={one === family} onClick={() => setChosen(one)}>
              {familyName(one)} <small>{model.releases.filter((other) => other.family === one).length}</small>
            </button>
          ))}
        </div>
        <dl>
          {[...groups].map(([title, releases]) => (
            <>
              <dt>{title}</dt>
              <dd>
                {releases.map((one) => (
                  <a
                    key={one.slug}
                    class={one.supported ? '' : 'old'}
                    href={linkTo(route, 'guest', one.slug, { host: host.id })}
                    aria-current={one === release ? 'true' : undefined}
                  >
                    {one.label.split(' + ')[0]}
                  </a>
                ))}
              </dd>
            </>
          ))}
        </dl>
      </div>
    </details>
  )
}
