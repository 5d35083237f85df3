import type { Execution } from '../../src/results/execution.ts'

/** Units of the drawing: its width, where the two ends stand, and the height of a step. */
const WIDTH = 336
const ENDS = { host: 44, guest: WIDTH - 44 } as const
const STEP = 25

/** What crossed the bus, as a sequence diagram; nothing where the run did not tell it. */
export function Sequence({ execution: { exchange } }: { execution: Execution }) {
  if (exchange === undefined || exchange.length === 0) return undefined
  const bottom = 44 + (exchange.length - 1) * STEP + 14
  const words = exchange.map(({ from, says }) => `${from}: ${says}`).join('; ')
  return (
    <>
      <h3>What crossed the bus</h3>
      <svg class="seq" viewBox={`0 0 ${WIDTH} ${bottom + 2}`} role="img" aria-label={`Sequence: ${words}`}>
        {(['host', 'guest'] as const).map((end) => (
          <g key={end}>
            <text x={ENDS[end]} y="12" text-anchor="middle">
              {end}
            </text>
            <line x1={ENDS[end]} x2={ENDS[end]} y1="18" y2={bottom} />
          </g>
        ))}
        {exchange.map(({ from, says, ends }, at) => {
          const y = 44 + at * STEP
          const to = from === 'host' ? ENDS.guest : ENDS.host
          const back = from === 'host' ? -7 : 7
          return (
            <g key={at} class={ends ? 'broken' : 'arrow'}>
              <line x1={ENDS[from]} x2={to} y1={y} y2={y} />
              <path d={`M${to} ${y}l${back} -3.5v7z`} />
              <text x={WIDTH / 2} y={y - 5} text-anchor="middle">
                {says}
              </text>
            </g>
          )
        })}
      </svg>
    </>
  )
}
