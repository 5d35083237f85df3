import type { ExchangeStep } from '@vmbus/report'

const WIDTH = 80
/** `  3600.123456`, `guest → host`, and the blanks behind them. */
const TIME = 13
const WAY = 14

/** Lines of at most 80 columns: words, and of what has no blank the characters. */
export function folded(text: string, width: number): readonly string[] {
  const lines: string[] = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line.length + 1 + word.length <= width) {
      lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
      continue
    }
    const parts = Array.from({ length: Math.ceil(word.length / width) }, (_, at) =>
      word.slice(at * width, (at + 1) * width),
    )
    lines.push(...parts)
  }
  return lines.filter((line, at) => at > 0 || line !== '' || lines.length === 1)
}

const grouped = (number: number): string => number.toString().replaceAll(/\B(?=(\d{3})+$)/g, ',')

/** A blank at which no line ends. */
const BOUND = '\u00a0'

function sizeText({ bytes, count = 1 }: ExchangeStep): string {
  const times = count > 1 ? ` ×${grouped(count)}` : ''
  return bytes === undefined ? times : `${times} (${grouped(bytes)}${BOUND}bytes)`
}

/**
 * What crossed the bus, a line for each step: seconds since the guest was powered on, from whom to whom, the ring (none: a message
 * of the bus), what it is, how often and how big.
 */
export function exchangeText(steps: readonly ExchangeStep[]): string {
  const rings = Math.max(0, ...steps.map(({ ring = '' }) => ring.length))
  const indent = TIME + WAY + (rings === 0 ? 0 : rings + 2)
  const lines = steps.flatMap((step) => {
    const { from, time, ring = '', untold } = step
    const seconds = time === undefined ? '' : (time / 1e6).toFixed(6)
    const way = step.ends ? from : from === 'guest' ? 'guest → host' : 'host → guest'
    const head = `${seconds.padStart(TIME - 2)}  ${way.padEnd(WAY)}${rings === 0 ? '' : ring.padEnd(rings + 2)}`
    const [first = '', ...more] = folded(`${step.says}${sizeText(step)}`, WIDTH - indent)
    const before = untold === undefined ? [] : [`${' '.repeat(TIME)}… ${grouped(untold)} messages`]
    return [...before, `${head}${first}`.trimEnd(), ...more.map((line) => `${' '.repeat(indent)}${line}`)]
  })
  return `${lines.join('\n').replaceAll(BOUND, ' ')}\n`
}
