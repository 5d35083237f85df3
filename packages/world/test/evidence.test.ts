import { describe, expect, test } from 'vitest'
import { BASES, valuesOf, weakestOf, type Evidenced } from '@vmbus/world'

interface Pair {
  version: string
  queues: number | undefined
}
const evidenced: Evidenced<Pair> = {
  version: { value: '5.0', basis: 'source-read', source: 'a tree at a commit' },
  queues: { value: undefined, basis: 'bracketed', source: 'two trees', bracket: ['7.3', '7.5'] },
}

describe('evidence', () => {
  test('a whole is known as its weakest part is', () => {
    expect(weakestOf(['real', 'source-read'])).toBe('source-read')
    expect(weakestOf(['grid', 'real'])).toBe('grid')
    expect(weakestOf(['bracketed', 'inferred', 'source-read'])).toBe('inferred')
    expect(weakestOf(new Set(['real'] as const))).toBe('real')
    expect(weakestOf([])).toBe('real')
  })
  test('bases go from what was seen to what a grid says', () => {
    expect(BASES).toEqual(['real', 'source-read', 'bracketed', 'inferred', 'grid'])
  })
  test('values stand alone, absent ones too', () => {
    const values: Pair = valuesOf(evidenced)
    expect(values).toEqual({ version: '5.0', queues: undefined })
    expect(Object.keys(values)).toEqual(['version', 'queues'])
  })
})
