import { describe, expect, it } from 'vitest'
import { CatalogError, checkCatalogFile, grids, type CatalogFile } from '@vmbus/catalog'
import gridsFile from '../data/grids.json' with { type: 'json' }
import hostsFile from '../data/hosts.json' with { type: 'json' }
import releasesFile from '../data/releases.json' with { type: 'json' }

type Change = (copy: never) => void

/** The error that a file with one thing wrong is refused with. */
function refusal(file: CatalogFile, data: unknown, change: Change): CatalogError {
  const copy = structuredClone(data)
  change(copy as never)
  try {
    checkCatalogFile(file, copy)
  } catch (error) {
    if (error instanceof CatalogError) return error
    throw error
  }
  throw new Error('taken')
}

const set =
  (path: string, value: unknown): Change =>
  (copy) => {
    const names = path.split('.')
    const last = names.pop() ?? ''
    const at = names.reduce<Record<string, unknown>>((node, name) => node[name] as Record<string, unknown>, copy)
    if (value === undefined) delete at[last]
    else at[last] = value
  }

describe('a wrong file is refused with file, path and value', () => {
  it.each([
    ['grids', gridsFile, 'families.0.releases.0.support.trim.value', 'maybe'],
    ['grids', gridsFile, 'families.0.releases.0.support.trim.by.0.hosts.1', 'ws2020'],
    ['grids', gridsFile, 'families.3.releases.2.support.core.by.0.table', 'ol6@1999-01'],
    ['grids', gridsFile, 'families.7.releases.3.lis', 'LIS 9'],
    ['grids', gridsFile, 'features.4.id', 'vlan-taging'],
    ['hosts', hostsFile, 'hosts.3.vmbus_offered.value', '3.0'],
    ['hosts', hostsFile, 'hosts.0.ic.max.kvp', 1],
    ['releases', releasesFile, 'releases.5.kernel.basis', 'guessed'],
    ['releases', releasesFile, 'releases.5.kernel.source', 'general knowledge'],
    ['releases', releasesFile, 'releases.5.drivers', 'built in'],
    ['releases', releasesFile, 'releases.9.ended.value', 'soon'],
    ['releases', releasesFile, 'unlisted.0.runs', 'perhaps'],
  ] as const)('$0: $2', (file, data, path, value) => {
    const { code, file: named, path: at, value: found, message } = refusal(file, data, set(path, value))
    expect([code, named, at, found]).toEqual(['VMBUS_CATALOG_INVALID', file, path, value])
    expect(message).toContain(`data/${file}.json: ${path} is ${JSON.stringify(value)}`)
  })

  it('and so are a missing and a misspelt name, and no object at all', () => {
    expect(refusal('releases', releasesFile, set('releases.3.drivers', undefined)).path).toBe('releases.3.drivers')
    expect(refusal('releases', releasesFile, set('releases.3.kernels', 'x')).path).toBe('releases.3.kernels')
    expect(refusal('grids', gridsFile, set('families.0.releases.0.suport', {})).path).toBe(
      'families.0.releases.0.suport',
    )
    expect(() => checkCatalogFile('other', [])).toThrow(CatalogError)
  })
})

it('a file is looked at once', () => {
  expect(grids()).toBe(grids())
})
