import type { ComponentChildren } from 'preact'
import type { Outcome } from '../../src/results/vocabulary.ts'
import { Mark } from './mark.tsx'

const SHAPES: readonly (readonly [outcome: Outcome, name: string, meaning: string])[] = [
  ['works', 'Works', 'every drawn command sequence held, and its bytes crossed the ring'],
  ['partial', 'In part', 'what was measured holds; the probe does not cover all of the row'],
  ['fails', 'Fails', 'both sides have it and it does not hold'],
  ['not-offered', 'Host lacks it', 'the host does not offer the device or the version'],
  ['no-driver', 'Guest lacks it', 'the driver never asks'],
  ['guest-hung', 'Guest hung', 'the budget of steps ran out'],
  ['guest-corrupt', 'Guest corrupt', 'data or state came out wrong'],
  ['not-run', 'Not run', 'nobody looked; the story gives the reason'],
  ['error', 'Error', 'ours; in no percentage'],
  ['not-applicable', 'Not applicable', 'no such thing for this guest, such as PAE on 64 bits'],
]

const GROUNDS = [
  ['real', 'Real', 'a stock kernel booted and did it'],
  ['simulated-sourced', 'Sourced', 'simulated; every field read from that release’s tree'],
  ['simulated-inferred', 'Inferred', 'simulated; a field comes from a neighbour, or lies between two trees'],
  ['simulated-grid', 'Grid', 'simulated from the page; never independent of it'],
  ['documented', 'Documented', 'no Integration Services matter; not measured'],
] as const

const CORNERS = [
  ['differs', 'Says otherwise', 'the page and the run differ; the cause is known'],
  ['grid-conflict', 'Contradicts itself', 'two editions of the page differ'],
] as const

const KEYS = [
  [['/'], 'search'],
  [['1', '–', '4'], 'views'],
  [['←↑→↓'], 'move'],
  [['Enter'], 'open'],
  [['Esc'], 'close'],
  [['n', 'p'], 'next, previous difference'],
  [['c'], 'copy replay'],
] as const

/** What shapes, grounds and corners mean, beside the grid and never behind a button. */
export function Legend() {
  return (
    <section class="legend" aria-labelledby="legend">
      <h2 id="legend">Legend</h2>
      <h3>Shape: what came out</h3>
      <dl>
        {SHAPES.map(([outcome, name, meaning]) => (
          <Entry key={outcome} mark={<Mark outcome={outcome} extra="box" />} name={name} meaning={meaning} />
        ))}
      </dl>
      <h3>Ground: how sure</h3>
      <dl>
        {GROUNDS.map(([evidence, name, meaning]) => {
          const extra = evidence === 'documented' ? 'box dashed' : `e-${evidence}`
          const mark = evidence === 'documented' ? <Mark extra={extra} /> : <Mark outcome="works" extra={extra} />
          return <Entry key={evidence} mark={mark} name={name} meaning={meaning} />
        })}
      </dl>
      <h3>Corner: the published page</h3>
      <dl>
        {CORNERS.map(([verdict, name, meaning]) => (
          <Entry
            key={verdict}
            mark={<Mark outcome="works" extra={`e-simulated-sourced v-${verdict}`} />}
            name={name}
            meaning={meaning}
          />
        ))}
      </dl>
      <div class="keys">
        <h3>Keys</h3>
        <p>
          {KEYS.map(([keys, does]) => (
            <>
              {keys.map((key) => (key === '–' ? key : <kbd key={key}>{key}</kbd>))} {does}{' '}
            </>
          ))}
        </p>
      </div>
    </section>
  )
}

function Entry({ mark, name, meaning }: { mark: ComponentChildren; name: string; meaning: string }) {
  return (
    <>
      <dt>{mark}</dt>
      <dd>
        <b>{name}</b> {meaning}
      </dd>
    </>
  )
}
