import { describe, expect, test } from 'vitest'
import { diffMemory, type Line, type MemoryFacts, type Normalised } from '../src/index.ts'
import { words } from './arbitraries.ts'

const FACTS: MemoryFacts = { ramPages: 4096, totalFalls: false }
const CHANNEL = '525074dc-8985-46e2-8057-a307dc18a502/1eccfd72-4b41-45ef-b73a-4a6e44c12924/0'

/** A message of dynamic memory (docs/wire/07 §1) in its packet: type, number, then words. */
function line(to: 'host' | 'guest', type: number, id: number, ...body: number[]): Line {
  const size = 8 + 4 * body.length
  const whole = 16 + Math.ceil(size / 8) * 8
  const bytes = new Uint8Array(whole)
  bytes.set(words(0x2_0006, whole / 8, 0, 0, (size << 16) | type, id, ...body))
  return { to, bytes }
}
const range = (start: number, count: number): number[] => [start, count << 8]
const status = (id: number, available: number, committed: number): Line =>
  line('host', 5, id, available, 0, committed, 0, 0, 0, 0, 0, 0, 0)
const capabilities = [line('host', 3, 1, 0x1f, 0, 0, 0, -1, -1), line('guest', 4, 1, 3, 0)]
const told = (...lines: Line[]): Normalised => ({ control: [], channels: { [CHANNEL]: [...capabilities, ...lines] } })

/** Ten pages and one go in two answers, four come back. */
const exchange = ({
  start = 1024,
  count = 10,
  more = 1,
  second = 2000,
  back = 1024,
  committed = 611,
  available = 1989,
  ids = [2, 3, 4, 5, 6],
}: Partial<Record<'start' | 'count' | 'more' | 'second' | 'back' | 'committed' | 'available', number>> & {
  readonly ids?: readonly number[]
} = {}): Normalised =>
  told(
    status(ids[0] ?? 0, 2000, 600),
    line('guest', 6, 1, 11, 0),
    line('host', 7, ids[1] ?? 0, 0, (1 << 1) | more, ...range(start, count)),
    line('host', 7, ids[2] ?? 0, 0, 1 << 1, ...range(second, 1)),
    status(ids[3] ?? 0, available, committed),
    line('guest', 8, 2, 0, 1, ...range(back, 4)),
    line('host', 9, ids[4] ?? 0),
  )

describe('dynamic memory', () => {
  test('may be of other pages, in other pieces when they come back, and reported as often as one looks', () => {
    expect(diffMemory(exchange(), exchange(), FACTS)).toEqual([])
    expect(diffMemory(exchange(), exchange({ start: 512, second: 3, back: 514, available: 1500 }), FACTS)).toEqual([])
    const pieces = told(
      line('guest', 6, 1, 2, 0),
      line('host', 7, 2, 0, 2 << 1, ...range(7, 1), ...range(9, 1)),
      line('guest', 8, 2, 0, 2, ...range(7, 1), ...range(9, 1)),
    )
    const whole = told(
      line('guest', 6, 1, 2, 0),
      line('host', 7, 2, 0, 2 << 1, ...range(7, 1), ...range(8, 1)),
      line('guest', 8, 2, 0, 1, ...range(7, 2)),
      status(3, 100, 100),
    )
    expect(diffMemory(pieces, whole, FACTS)).toEqual([])
  })

  test.each([
    ['numbered', { ids: [2, 3, 5, 6, 7] }],
    ['lies in memory', { start: 4090 }],
    ['cover what was asked for', { count: 9 }],
    ['cover what was asked for', { more: 0 }],
    ['given up once before it comes back', { second: 1030 }],
    ['given up once before it comes back', { back: 100 }],
    ['is committed', { committed: 612 }],
    ['is not available', { available: 500 }],
    ['fit into memory', { available: 4090 }],
  ])('must add up: what is %s', (what, broken) => {
    const found = diffMemory(exchange(), exchange(broken), FACTS)
    expect(found.map(({ right }) => right ?? '').join()).toContain(what)
    expect(
      diffMemory(exchange(broken), exchange(), FACTS)
        .map(({ left }) => left ?? '')
        .join(),
    ).toContain(what)
  })

  test('commits half of what leaves the total, whose floor is half of it', () => {
    const falls = { ...FACTS, totalFalls: true }
    expect(diffMemory(exchange({ committed: 605 }), exchange({ committed: 606 }), falls)).toEqual([])
    expect(diffMemory(exchange({ committed: 605 }), exchange({ committed: 611 }), falls)).toHaveLength(1)
  })

  test('is the same byte for byte up to its capabilities, and in what it is asked', () => {
    const other = (...lines: Line[]): Normalised => ({
      control: [],
      channels: { [CHANNEL]: [line('host', 3, 1, 0x1d, 0, 0, 0, -1, -1), line('guest', 4, 1, 3, 0), ...lines] },
    })
    expect(diffMemory(told(), other(), FACTS)).toMatchObject([{ stream: CHANNEL, index: 0, byte: 24 }])
    const asks = (pages: number): Normalised => told(line('guest', 6, 1, pages, 0))
    expect(diffMemory(asks(1), asks(2), FACTS)).toHaveLength(1)
  })
})
