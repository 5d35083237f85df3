import type { ExchangeStep, Execution } from '../../src/results/execution.ts'
import { count, plural } from '../model/names.ts'

/** What crossed the bus, as a list that is drawn as a sequence diagram; nothing where the run did not tell it. */
export function Sequence({ execution: { exchange } }: { execution: Execution }) {
  if (exchange === undefined || exchange.length === 0) return undefined
  return (
    <>
      <h3>What crossed the bus</h3>
      <p class="ends" aria-hidden="true">
        <span>host</span>
        <span>guest</span>
      </p>
      <ol class="seq" role="list">
        {exchange.map((step, at) => (
          <Step key={at} step={step} />
        ))}
      </ol>
    </>
  )
}

function Step({ step }: { step: ExchangeStep }) {
  const { from, says, ends, untold } = step
  return (
    <>
      {untold !== undefined && <li class="untold">{plural(untold, 'message')} not shown</li>}
      <li class={ends ? 'broken' : from}>
        <span class="vh">{from}: </span>
        <span class="says">
          {says}
          {step.count !== undefined && <b> × {count(step.count)}</b>}
        </span>
        <span class="note">{noteOf(step)}</span>
      </li>
    </>
  )
}

/** On which ring, how much, and when: `storvsc, 64 bytes, 2.888 s`. */
function noteOf({ ring, bytes, time, ends }: ExchangeStep): string {
  return [
    ...(ring === undefined || ends ? [] : [ring]),
    ...(bytes === undefined ? [] : [plural(bytes, 'byte')]),
    ...(time === undefined ? [] : [`${(time / 1e6).toFixed(6)} s`]),
  ].join(', ')
}
