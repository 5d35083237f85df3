import { freebsd } from '@vmbus/guest-freebsd'
import { windows, windowsRelease } from '@vmbus/guest-windows'
import { expect, test } from 'vitest'
import { evidence, evidenceTable } from '../src/commands/evidence.ts'

/** Fields by how they are known. A reading that is added changes them for the better; nothing may for the worse. */
test('how the fields of each family are known', () => {
  expect(evidence().map(({ family, generations, fields }) => [family, generations, Object.values(fields)])).toEqual([
    // real, source-read, bracketed, inferred, grid
    ['linux', 14, [0, 474, 142, 0, 0]],
    ['rhel', 39, [0, 1003, 489, 224, 0]],
    ['centos', 26, [0, 510, 436, 198, 0]],
    ['oracle-rhck', 35, [0, 0, 0, 1540, 0]],
    ['oracle-uek', 8, [0, 0, 0, 352, 0]],
    ['sles', 15, [0, 162, 168, 330, 0]],
    ['ubuntu', 11, [0, 194, 156, 134, 0]],
    ['debian', 6, [40, 24, 0, 200, 0]],
    ['ubuntu 16.04 to 22.04', 6, [0, 152, 106, 6, 0]],
    ['lis', 32, [0, 1205, 41, 162, 0]],
    ['freebsd', 31, [0, 370, 677, 100, 0]],
    ['windows', 31, [0, 0, 0, 527, 0]],
    ['windows, newest versions', 28, [0, 5, 0, 387, 0]],
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
  expect(evidenceTable()).toMatch(/^lis +32 +0 +1205 +41 +162 +0 +88 %$/m)
})

/** Counted by hand in the tables of the packages, of releases whose values are known in different ways. */
test('a release of each of the other families', () => {
  const bases = (fields: object | undefined): Record<string, number> => {
    const counts = new Map<string, number>()
    for (const { basis } of Object.values(fields ?? {}) as { readonly basis: string }[])
      counts.set(basis, (counts.get(basis) ?? 0) + 1)
    return Object.fromEntries(counts)
  }
  // 37 fields. 13.1 lies between two trees; the receive buffer, the mouse and the PCI versions are concluded.
  expect(bases(freebsd('13.1').fields)).toEqual({ bracketed: 34, inferred: 3 })
  expect(bases(freebsd('10.4').fields)).toEqual({ 'source-read': 37 })
  // 14 versions, of which OpenVMM's tests with a guest of 2022 show those of time synchronisation and key-value exchange.
  expect(bases(windowsRelease('ws2022')?.newest)).toEqual({ inferred: 12, 'source-read': 2 })
  expect(bases(windows('ws2022').fields)).toEqual({ inferred: 17 })
})
