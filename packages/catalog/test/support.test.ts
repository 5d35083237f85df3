import { describe, expect, it } from 'vitest'
import { grids, releases, support, supportOf, type FeatureId } from '@vmbus/catalog'

/** Every page's value, newest page first: `table value`. */
function said(release: string, host: string, feature: FeatureId): string[] | undefined {
  return support(release, host, feature)?.pages.map(({ table, value }) => `${table} ${value}`)
}

/** Typed by hand from the page versions that grids.json names under `tables`. */
describe('what the pages say', () => {
  it.each([
    ['rhel 7.9', 'ws2022', 'trim', ['rhel7@2025-06 yes', 'rhel7@2023-09 yes']],
    ['rhel 7.9', 'ws2012r2', 'trim', ['rhel7@2025-06 not-listed', 'rhel7@2023-09 yes']],
    ['rhel 7.7', 'ws2016', 'trim', ['rhel7@2025-06 yes', 'rhel7@2023-09 yes', 'rhel7@2019-06 yes']],
    ['rhel 7.7', 'ws2012', 'trim', ['rhel7@2025-06 not-listed', 'rhel7@2023-09 not-listed', 'rhel7@2019-06 no']],
    ['centos 7.3', 'ws2019', 'sr-iov', ['rhel7@2025-06 no', 'rhel7@2023-09 no', 'rhel7@2019-06 yes']],
    ['rhel 7.6 + lis 4.3', 'ws2019', 'pae-kernel', ['rhel7@2025-06 n/a', 'rhel7@2023-09 n/a', 'rhel7@2019-06 n/a']],
    ['rhel 8.6', 'ws2022', 'vcpu-256', ['rhel8@2025-06 yes', 'rhel8@2023-09 yes']],
    ['rhel 8.10', 'ws2022', 'vcpu-256', ['rhel8@2025-06 yes', 'rhel8@2023-09 yes']],
    ['rhel 8.0', 'ws2022', 'vcpu-256', ['rhel8@2025-06 no', 'rhel8@2023-09 no']],
    ['rhel 9.4', 'ws2022', 'vcpu-256', ['rhel9@2025-06 yes', 'rhel9@2023-09 yes']],
    ['centos 9', 'ws2025', 'vcpu-256', ['rhel9@2025-06 yes', 'rhel9@2023-09 not-listed']],
    ['rhel 6.8', 'ws2012r2', 'gen2-uefi', ['rhel6@2023-09 yes', 'rhel6@2019-06 no']],
    ['oracle 7.6 uek5', 'ws2019', 'sr-iov', ['ol7@2023-09 yes', 'ol-uek@2019 no']],
    ['oracle uek5', 'ws2019', 'sr-iov', ['ol7@2023-09 yes', 'ol-uek@2019 no']],
    ['oracle 7.6', 'ws2019', 'core', ['ol7@2023-09 yes', 'ol-rhck@2019 yes']],
    ['freebsd 12.1', 'ws2019', 'sr-iov', ['freebsd@2025-06 yes', 'freebsd@2023-09 yes', 'freebsd@2020-04 no']],
    ['freebsd 9.3 + port', 'ws2008r2', 'kvp', ['freebsd@2020-04 not-listed', 'freebsd@2019 yes']],
    ['debian 10', 'ws2012', 'dm-hot-add', ['debian@2023-09 not-listed', 'debian@2020 yes']],
    ['debian 10.2', 'ws2019', 'dm-hot-add', ['debian@2023-09 yes', 'debian@2020 yes']],
    ['ubuntu 20.04', 'ws2022', 'file-copy', ['ubuntu@2023-09 yes', 'ubuntu@2020-08 not-listed']],
    ['sles 12 sp4', 'ws2022', 'secure-boot', ['sles@2023-09 yes', 'sles@2019 not-listed']],
  ] as const)('%s on %s: %s', (release, host, feature, expected) => {
    expect(said(release, host, feature)).toEqual(expected)
  })

  it('with the date, the column and the notes of each', () => {
    const answer = support('rhel 6.4', 'ws2016', 'live-backup')
    expect(answer).toMatchObject({ release: 'rhel 6.4', runs: 'integration-services', reason: undefined })
    const [newest] = answer?.pages ?? []
    expect(newest).toMatchObject({ date: '2023-09-27', column: '6.4', value: 'yes', table: 'rhel6@2023-09' })
    expect(newest?.notes.map(({ number }) => number)).toEqual([4, 5, 6])
    expect(newest?.notes[0]?.text).toBe(
      'With built-in LIS the hyperv-daemons package has to be installed for this feature.',
    )
    expect(support('rhel 7.9', 'ws2022', 'trim')?.pages[0]?.commit).toBe('051b1c98b8de6cb7b4e969a64e34e4edfd91e3c4')
    expect(support('oracle 7.0 rhck + lis 4.2', 'ws2016', 'pae-kernel')?.pages[0]).toMatchObject({
      value: 'partial',
      scope: { value: '6.x only' },
    })
  })
})

describe('one release for many hosts and features', () => {
  it('gives what each of them would be answered alone', () => {
    const of77 = supportOf('RHEL-7.7')
    expect(of77?.('ws2012', 'trim')?.pages.map(({ value }) => value)).toEqual(['not-listed', 'not-listed', 'no'])
    expect(of77?.('ws2016', 'trim')).toEqual(support('rhel 7.7', 'ws2016', 'trim'))
    expect(of77?.('ws1999', 'trim')).toBeUndefined()
    expect(supportOf('rhel 99')).toBeUndefined()
    expect(supportOf('aix')?.('ws2022', 'trim')).toMatchObject({ release: 'aix', runs: 'no', pages: [] })
  })
})

describe('no value, but a reason', () => {
  it.each([
    ['aix 7.2', 'no', /POWER/],
    ['Solaris 11', 'emulated', /no integration services/],
    ['OmniOS r151042', 'own-drivers', /illumos/],
    ['openSUSE 12.3', 'integration-services', /generation 1 only/],
    ['rhel 6.2', 'emulated', /begins with 6\.4/],
    ['centos 5.4', 'emulated', /only LIS/],
    ['freebsd 9.2', 'emulated', /port emulators\/hyperv-is/],
    ['windows server 2019', 'integration-services', /no grid of Windows guests/],
    ['debian 12', 'integration-services', /no page has a column/],
    ['debian 10.9', 'integration-services', /no page has a column/],
  ] as const)('%s', (release, runs, reason) => {
    const answer = support(release, 'ws2022', 'trim')
    expect(answer).toMatchObject({ runs, pages: [] })
    expect(answer?.reason?.value).toMatch(reason)
    expect(answer?.reason?.source).toBeTruthy()
  })

  it('nor an answer for what is unknown', () => {
    expect(support('rhel 7.9', 'ws1999', 'trim')).toBeUndefined()
    expect(support('plan 9', 'ws2022', 'trim')).toBeUndefined()
    // LIS 4.3 does not install on 7.9 (other.json, lis_packages).
    expect(support('rhel 7.9 + lis 4.3', 'ws2022', 'trim')).toBeUndefined()
  })
})

it('every column of every page belongs to a release of the list', () => {
  const reached = new Set<string>()
  for (const { key, drivers, distribution } of releases()) {
    if (drivers === 'none' || distribution === 'windows') continue
    for (const { table, column } of support(key, 'ws2016', 'core')?.pages ?? []) reached.add(`${table} ${column}`)
  }
  const written = grids().families.flatMap(({ releases: columns }) =>
    columns.flatMap(({ label, support: { core } }) => (core?.by ?? []).map(({ table }) => `${table} ${label}`)),
  )
  expect([...new Set(written)].filter((column) => !reached.has(column))).toEqual([])
})
