import { expect, test } from 'vitest'
import { evidence, evidenceTable } from '../src/commands/evidence.ts'

/** Fields by how they are known. A reading that is added changes them for the better; nothing may for the worse. */
test('how the fields of each family are known', () => {
  expect(evidence().map(({ family, generations, fields }) => [family, generations, Object.values(fields)])).toEqual([
    // real, source-read, bracketed, inferred, grid
    ['linux', 14, [0, 446, 128, 0, 0]],
    ['rhel', 39, [0, 953, 447, 199, 0]],
    ['centos', 26, [0, 486, 407, 173, 0]],
    ['oracle-rhck', 35, [0, 0, 0, 1435, 0]],
    ['oracle-uek', 8, [0, 0, 0, 328, 0]],
    ['sles', 15, [0, 48, 116, 451, 0]],
    ['ubuntu', 11, [0, 180, 142, 129, 0]],
    ['debian', 6, [34, 24, 0, 188, 0]],
    ['ubuntu 16.04 to 22.04', 6, [0, 144, 96, 6, 0]],
    ['lis', 32, [0, 1142, 41, 129, 0]],
  ])
})

test.each(['rhel', 'centos', 'lis', 'ubuntu 16.04 to 22.04'])(
  'of %s at least 80 % were read or are bracketed',
  (family) => {
    const fields = evidence().find((row) => row.family === family)?.fields ?? expect.fail('not counted')
    const known = fields.real + fields['source-read'] + fields.bracketed
    expect(known / (known + fields.inferred + fields.grid)).toBeGreaterThanOrEqual(0.8)
  },
)

test('the command prints a line for each', () => {
  expect(evidenceTable().split('\n')[0]).toMatch(/^family +vectors +real +sourced +bracketed +inferred +grid/)
  expect(evidenceTable()).toMatch(/^lis +32 +0 +1142 +41 +129 +0 +90 %$/m)
})
