import type { ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import type { Host } from '../model/model.ts'
import { count, familyName } from '../model/names.ts'
import { firmPercent, GRADE_WORDS, GRADES, surenessOf, type Grade, type Share } from '../model/sure.ts'
import { linkTo, type Page } from './page.ts'

/** How sure: what each family's cells rest on. */
export function Sure({ page, host }: { page: Page; host: Host }) {
  const { model, route } = page
  const { all, families, hosts, reasons } = useMemo(() => surenessOf(model), [model])
  return (
    <>
      <h1>{firmPercent(all)} % rests on a kernel that ran or a tree that was read</h1>
      <p class="lede">
        The rest is inferred from a neighbour, taken from the page itself (and then never counted as agreeing with it),
        or not a matter of Integration Services. A cell is as sure as the weakest field that its probe read.
      </p>
      <div class="scroll2" tabIndex={0} role="region" aria-label="Evidence by family">
        <table class="sure">
          <Head />
          <tbody>
            {[...families].map(([family, share]) => (
              <Line key={family} share={share}>
                <a href={linkTo(route, 'host', host.id, { family })}>{familyName(family)}</a>
              </Line>
            ))}
          </tbody>
          <tfoot>
            <Line share={all}>All</Line>
          </tfoot>
        </table>
      </div>
      <div class="two">
        <section>
          <h2>Why cells were not run</h2>
          <Reasons reasons={reasons} />
        </section>
        <section>
          <h2>By host</h2>
          <table class="sure">
            <thead>
              <tr>
                <th scope="col">Host</th>
                <th scope="col">differ</th>
                <th scope="col">real or sourced, %</th>
              </tr>
            </thead>
            <tbody>
              {[...hosts].map(([one, share]) => (
                <tr key={one.id}>
                  <th scope="row">{one.name}</th>
                  <td class={share.differs === 0 ? 'z' : ''}>{share.differs === 0 ? '–' : count(share.differs)}</td>
                  <td>{firmPercent(share)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </div>
    </>
  )
}

function Reasons({ reasons }: { reasons: readonly (readonly [string, number])[] }) {
  if (reasons.length === 0) return <p class="src">Every cell was run.</p>
  return (
    <table class="sure">
      <tbody>
        {reasons.map(([reason, cells]) => (
          <tr key={reason}>
            <th scope="row">{reason}</th>
            <td>{count(cells)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

const groundOf = (grade: Grade) => `g-${grade}`

const Head = () => (
  <thead>
    <tr>
      <th scope="col">Family</th>
      <th scope="col" class="share">
        share of cells
      </th>
      {GRADES.map((grade) => (
        <th key={grade} scope="col">
          <span class={`swatch ${groundOf(grade)}`} aria-hidden="true" />
          {GRADE_WORDS[grade]}
          <br />%
        </th>
      ))}
      <th scope="col">cells</th>
    </tr>
  </thead>
)

function Line({ share, children }: { share: Share; children: ComponentChildren }) {
  const percent = (grade: Grade) => (100 * share.grades[grade]) / Math.max(1, share.cells)
  const present = GRADES.filter((grade) => share.grades[grade] > 0)
  const words = present.map((grade) => `${GRADE_WORDS[grade]} ${Math.round(percent(grade))} %`).join(', ')
  return (
    <tr>
      <th scope="row">{children}</th>
      <td class="share">
        <span class="stack" role="img" aria-label={words}>
          {present.map((grade) => (
            <i key={grade} class={groundOf(grade)} style={{ flex: share.grades[grade] }} />
          ))}
        </span>
      </td>
      {GRADES.map((grade) => (
        <td key={grade} class={share.grades[grade] === 0 ? 'z' : ''}>
          {shown(percent(grade))}
        </td>
      ))}
      <td>{count(share.cells)}</td>
    </tr>
  )
}

const shown = (percent: number) => (percent === 0 ? '–' : percent < 1 ? '< 1' : String(Math.round(percent)))
