import type { ExchangeStep } from './results/execution.ts'

// Exchanges as the page carries them: what is said is written once for all of them, and times count from the step before.

/** What a step says, without its time and numbers. */
export type Said = Pick<ExchangeStep, 'from' | 'says' | 'ring' | 'ends'>

/** Index in the list of what is said, then `time` since the step before (-1: unknown), `bytes`, `count` and `untold`; what is 0 at the end is left out. */
export type PackedStep = readonly number[]

export function packExchange(steps: readonly ExchangeStep[], indexOf: (said: Said) => number): readonly PackedStep[] {
  let now = 0
  return steps.map(({ time, bytes = 0, count = 1, untold = 0, ...said }) => {
    const since = time === undefined ? -1 : Math.max(0, time - now)
    now = Math.max(now, time ?? 0)
    const numbers = [indexOf(said), since, bytes, count - 1, untold]
    while (numbers.length > 2 && numbers.at(-1) === 0) numbers.pop()
    return numbers
  })
}

export function unpackExchange(steps: readonly PackedStep[], said: readonly Said[]): readonly ExchangeStep[] {
  let now = 0
  return steps.flatMap(([at = -1, since = -1, bytes = 0, more = 0, untold = 0]) => {
    const found = said[at]
    if (found === undefined) return []
    if (since > 0) now += since
    return [
      {
        ...found,
        ...(since >= 0 && { time: now }),
        ...(bytes > 0 && { bytes }),
        ...(more > 0 && { count: more + 1 }),
        ...(untold > 0 && { untold }),
      },
    ]
  })
}
