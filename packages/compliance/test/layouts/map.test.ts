import { describe, expect, it } from 'vitest'
import { all } from './all.ts'
import { findings } from './findings.ts'
import { readReference } from './reference.ts'

const reference = readReference()
const names = Object.keys(reference)

describe('the map of layouts', () => {
  it('covers every struct of the reference', () => {
    const known = new Set(all.map(({ name }) => name))
    expect(names).toHaveLength(616)
    expect(names.filter((name) => !known.has(name))).toEqual([])
  })

  it('names nothing else, and nothing twice', () => {
    const mapped = all.map(({ name }) => name)
    expect(mapped.filter((name) => !names.includes(name))).toEqual([])
    expect(mapped.filter((name, index) => mapped.indexOf(name) !== index)).toEqual([])
  })

  it('agrees with the reference in every size and offset', () => {
    const found = all.flatMap(({ name, file, entry }) =>
      findings(reference, name, entry).map((finding) => `${file}: ${name}: ${finding}`),
    )
    expect(found).toEqual([])
  })
})
