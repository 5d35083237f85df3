import { describe, expect, test } from 'vitest'
import { releases } from '@vmbus/catalog'
import { shortened, supportedOn, tallyOf } from '../page/model/counts.ts'
import { modelOf, newestFirst, type Model } from '../page/model/model.ts'
import { dateName, featureName, hostLabel, releaseLabel } from '../page/model/names.ts'
import { neighbours, placeName, placeOf } from '../page/model/place.ts'
import { cellsWith, smallResults, Story } from './small-results.ts'

const TODAY = '2026-11-30'
const model = modelOf(smallResults(), TODAY)

/** The place that a name in the URL stands for, in a model that has it. */
function placeIn(of: Model, name: string) {
  const place = placeOf(of, name)
  if (place === undefined) throw new Error(`no ${name}`)
  return place
}

describe('names', () => {
  test.each([
    ['rhel 6.10 + lis 4.3', '6.10 + LIS 4.3'],
    ['oracle 7.5 rhck', '7.5 RHCK'],
    ['oracle uek3 qu1', 'UEK3 QU1'],
    ['sles 12 sp1', '12 SP1'],
    ['windows server 2019', 'Server 2019'],
    ['windows 10 22h2', '10 22H2'],
    ['freebsd 9.3 + port', '9.3 + port'],
  ])('%s is written %s', (key, label) => expect(releaseLabel(key)).toBe(label))

  test.each([
    ['ws2012r2', 'Windows Server 2012 R2', ['2012', 'R2']],
    ['win11-22h2', 'Windows 11 22H2 and 23H2', ['11', '22H2']],
    ['azurelocal', 'Azure Local / Azure Stack HCI', ['Azure', 'Local']],
    ['lab-1', 'Lab host 1', ['lab-1']],
  ])('%s stands over its column as %j', (id, name, label) => expect(hostLabel(id, name)).toEqual(label))

  test('a feature without a short name loses what is in brackets', () => {
    expect(featureName('core', 'Core devices (shutdown, mouse)')).toBe('Core devices')
    expect(featureName('trim', 'TRIM support')).toBe('TRIM')
  })

  test('dates are written out, months without a day too', () => {
    expect(dateName('2024-06-30')).toBe('30 June 2024')
    expect(dateName('2024-06')).toBe('June 2024')
  })

  test('every release of the catalog has a link of its own', () => {
    const keys = releases().map(({ key }) => key.replaceAll(/[^a-z0-9.]+/gi, '-'))
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('order', () => {
  test('releases newest first, those with a package after those built in', () => {
    expect(model.releases.map(({ key }) => key)).toEqual([
      'rhel 7.10',
      'rhel 7.9',
      'rhel 7.8',
      'rhel 7.9 + lis 4.3',
      'debian 12',
    ])
  })

  test('numbers count as numbers, and more words are newer', () => {
    expect(['9.4', '10.0', '9.10', '12', '12 SP1'].sort(newestFirst)).toEqual(['12 SP1', '12', '10.0', '9.10', '9.4'])
  })

  test('servers before clients, features by group', () => {
    expect(model.hosts.map(({ id }) => id)).toEqual(['ws2008r2', 'ws2022', 'win10-1507'])
    expect(model.features.map(({ id }) => id)).toEqual(['trim', 'core', 'kvp'])
    expect(model.hosts[1]).toMatchObject({
      name: 'Windows Server 2022',
      title: 'Windows Server 2022 / Windows 11 21H2',
    })
  })

  test('a release is in support to its last day, or month, and where no end is known', () => {
    const on = (day: string, supportEnds: string) =>
      modelOf(smallResults({ releases: [{ ...smallResults().releases[0]!, supportEnds }] }), day).releases[0]?.supported
    expect(on('2024-06-30', '2024-06-30')).toBe(true)
    expect(on('2024-07-01', '2024-06-30')).toBe(false)
    expect(on('2024-06-30', '2024-06')).toBe(true)
    expect(on('2024-07-01', '2024-06')).toBe(false)
    expect(model.releases.find(({ key }) => key === 'debian 12')?.supported).toBe(true)
  })
})

describe('places', () => {
  test('have a name in the URL, and are found by it', () => {
    const place = placeIn(model, 'rhel-7.9-lis-4.3/ws2022/trim')
    expect(place.release.key).toBe('rhel 7.9 + lis 4.3')
    expect(placeName(place)).toBe('rhel-7.9-lis-4.3/ws2022/trim')
    expect(placeOf(model, 'rhel-7.9/ws2022')).toBeUndefined()
    expect(placeOf(model, undefined)).toBeUndefined()
  })

  test('lead to their own cell, whatever the order of the page', () => {
    const changed = modelOf(smallResults(cellsWith([1, 'ws2022', 'kvp', Story.lacks])), TODAY)
    expect(changed.storyAt(placeIn(changed, 'rhel-7.9/ws2022/kvp')).outcome).toBe('no-driver')
    expect(changed.storyAt(placeIn(changed, 'rhel-7.9/win10-1507/kvp')).outcome).toBe('works')
  })

  test('have neighbours of the same drivers', () => {
    const { releases: near } = neighbours(model, placeIn(model, 'rhel-7.9/ws2022/trim'))
    expect(near.map(({ label }) => label)).toEqual(['7.10', '7.9', '7.8'])
    expect(neighbours(model, placeIn(model, 'debian-12/ws2022/trim')).releases).toHaveLength(1)
  })

  test('that the results lack are refused', () => {
    const damaged = modelOf(smallResults({ cells: [[99]] }), TODAY)
    expect(() => damaged.storyAt(placeIn(damaged, 'rhel-7.8/ws2008r2/trim'))).toThrow(RangeError)
    expect(() => damaged.storyAt(placeIn(damaged, 'rhel-7.9/ws2008r2/trim'))).toThrow(RangeError)
  })
})

describe('counts', () => {
  test('leave out what is not run, not applicable, documented and our errors', () => {
    for (const story of [Story.notRun, Story.error, Story.documented]) {
      const changed = modelOf(smallResults(cellsWith([1, 'ws2022', 'trim', story])), TODAY)
      const { release, host } = placeIn(changed, 'rhel-7.9/ws2022/trim')
      expect(tallyOf(changed, release, host)).toMatchObject({ works: 2, measured: 2 })
    }
  })

  test('take what works in part as working, and name what does not', () => {
    const changed = modelOf(
      smallResults(
        cellsWith(
          [1, 'ws2022', 'core', Story.partial],
          [1, 'ws2022', 'trim', Story.differs],
          [1, 'ws2022', 'kvp', Story.hostLacks],
        ),
      ),
      TODAY,
    )
    const { release, host } = placeIn(changed, 'rhel-7.9/ws2022/trim')
    const { works, measured, not, differs } = tallyOf(changed, release, host)
    expect([works, measured]).toEqual([1, 3])
    expect([...not].map(([outcome, features]) => [outcome, features.map(({ name }) => name)])).toEqual([
      ['fails', ['TRIM']],
      ['not-offered', ['Key-value pairs']],
    ])
    expect(differs.map(({ id }) => id)).toEqual(['trim'])
  })

  test('name at most ten, of more than ten the first eight', () => {
    expect(shortened(Array.from({ length: 10 }, (_, at) => at))).toMatchObject({ more: 0 })
    expect(shortened(Array.from({ length: 11 }, (_, at) => at))).toEqual({ shown: [0, 1, 2, 3, 4, 5, 6, 7], more: 3 })
  })

  test('of a host are those of releases in support', () => {
    const changed = modelOf(smallResults(cellsWith([4, 'ws2022', 'trim', Story.lacks])), TODAY)
    const { host } = placeIn(changed, 'rhel-7.9/ws2022/trim')
    expect(supportedOn(changed, host)).toMatchObject({ releases: 1, percent: 67, whole: 0, least: [{ lacks: 1 }] })
  })
})
