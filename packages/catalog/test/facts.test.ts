import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { grids, hostBuilds, kernels, osReleases, other, release, releases, unlistedGuests } from '@vmbus/catalog'

const data = new URL('../data/', import.meta.url)

describe('catalog facts', () => {
  it('holds the seventeen host builds, each with a VMBus maximum that it also offers', () => {
    const builds = hostBuilds()
    expect(builds).toHaveLength(17)
    for (const build of builds) expect(build.vmbus_offered.value).toContain(build.vmbus_max.value)
    expect(builds.find((build) => build.id === 'ws2022')?.vmbus_max.value).toBe('5.3')
    expect(builds.find((build) => build.id === 'win11-22h2')?.vmbus_max).toMatchObject({
      value: '5.3',
      basis: 'inferred',
    })
    expect(builds.find((build) => build.id === 'ws2025')?.vmbus_max.value).toBe('6.0')
  })

  // Microsoft's lifecycle pages: extended support of servers ends on a second Tuesday.
  it.each([
    ['ws2008r2', '2020-01-14'],
    ['ws2016', '2027-01-12'],
    ['ws2019', '2029-01-09'],
    ['ws2022', '2031-10-14'],
    ['ws2025', '2034-11-14'],
    ['win10-1709', '2020-10-13'],
    ['azurelocal', undefined],
  ])('knows the last day of support of %s, with its source', (id, day) => {
    const ends = hostBuilds().find((build) => build.id === id)?.support_ends
    expect(ends?.value).toBe(day)
    expect(ends?.source).toEqual(day === undefined ? undefined : expect.stringContaining('DataForGeeks@6846a6a0'))
  })

  it('has every last day of support on a Tuesday, as the pages of Microsoft do', () => {
    const days = hostBuilds().flatMap(({ support_ends: ends }) => (ends === undefined ? [] : [ends.value]))
    expect(days).toHaveLength(16)
    expect(days.filter((day) => new Date(day).getUTCDay() !== 2)).toEqual([])
  })

  it('has thirty features in eight families of grids, 34 tables and 110 columns', () => {
    const { features, families, tables } = grids()
    expect(features).toHaveLength(30)
    expect(families).toHaveLength(8)
    expect(tables).toHaveLength(34)
    expect(families.flatMap((family) => family.releases)).toHaveLength(110)
  })

  it('has what upstream introduced, the releases of other systems and the packages', () => {
    expect(kernels().upstream_features).toHaveLength(35)
    expect(osReleases().freebsd).toHaveLength(30)
    expect(osReleases().windows).toHaveLength(18)
    expect(other().lis_packages.map(({ package: name }) => name)).toEqual([
      'LIS 3.5',
      'LIS 4.0',
      'LIS 4.1',
      'LIS 4.2',
      'LIS 4.3',
    ])
    expect(unlistedGuests().map(({ name }) => name)).toEqual(['aix', 'solaris', 'illumos', 'macos', 'opensuse'])
  })

  it('names general knowledge as a source nowhere', () => {
    for (const name of readdirSync(data).filter((file) => file.endsWith('.json')))
      expect([name, /general knowledge/i.test(readFileSync(new URL(name, data), 'utf8'))]).toEqual([name, false])
  })

  it('needs nothing of Node', () => {
    const sources = new URL('../src/', import.meta.url)
    for (const name of readdirSync(sources)) {
      const text = readFileSync(new URL(name, sources), 'utf8')
      expect([name, /from 'node:|require\(|readFile/.test(text)]).toEqual([name, false])
      for (const [, file = '', attributes] of text.matchAll(/from '(\.\.\/data\/[^']+)'(.*)/g)) {
        expect(attributes).toBe(" with { type: 'json' }")
        expect(existsSync(new URL(file, sources))).toBe(true)
      }
    }
  })
})

describe('the list of releases', () => {
  it('has each once', () => {
    const keys = releases().map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys).toHaveLength(472)
    for (const row of releases()) expect(release(row.key)).toBe(row)
  })

  // Kernels: LIS install.sh, .travis.yml, the guest pages and the trees of vectors.json.
  it.each([
    ['rhel 5.9', 'built-in', '2.6.18-348', 'source-read'],
    ['rhel 5.8', 'none', '2.6.18-308', 'source-read'],
    ['rhel 6.3', 'none', '2.6.32-279', 'source-read'],
    ['rhel 6.10', 'built-in', '2.6.32-754', 'source-read'],
    ['rhel 7.7', 'built-in', '3.10.0-1062', 'grid'],
    ['rhel 7.8', 'built-in', '3.10.0-1127', 'inferred'],
    ['rhel 7.9', 'built-in', '3.10.0-1160', 'source-read'],
    ['rhel 8.5', 'built-in', '4.18.0-348', 'inferred'],
    ['centos 7.9', 'built-in', '3.10.0-1160', 'inferred'],
    ['oracle 7.6 rhck', 'built-in', '3.10.0-957', 'grid'],
    ['oracle uek5', 'built-in', '4.14 (4.14.35)', 'grid'],
    ['oracle uek3 qu3', 'built-in', '3.8.13-44', 'inferred'],
    ['debian 12', 'built-in', '6.1', 'real'],
    ['debian 10', 'built-in', '4.19', 'inferred'],
    ['ubuntu 20.04', 'built-in', '5.4', 'source-read'],
    ['sles 12 sp4', 'built-in', '4.12.14', 'source-read'],
    ['freebsd 9.3', 'none', 'FreeBSD 9.3', 'source-read'],
    ['freebsd 9.3 + port', 'ports', 'FreeBSD 9.3', 'source-read'],
    ['freebsd 14.0', 'built-in', 'FreeBSD 14.0', 'bracketed'],
    ['windows server 2022', 'built-in', 'Windows Server 2022', 'inferred'],
    ['windows xp', 'disk', 'Windows XP SP2/SP3', 'inferred'],
  ] as const)('%s', (name, drivers, kernel, basis) => {
    const row = release(name)
    expect(row?.key).toBe(name)
    expect([row?.drivers, row?.kernel.value, row?.kernel.basis]).toEqual([drivers, kernel, basis])
  })

  // Which release takes which LIS: LIS/lis-next install.sh and the pages (other.json, lis_packages).
  it.each([
    ['4.3', ['5.2', '5.11', '6.0', '6.10', '7.0', '7.8'], ['5.1', '7.9', '8.0']],
    ['4.2', ['5.2', '6.9', '7.5'], ['6.10', '7.6']],
    ['4.1', ['5.2', '6.8', '7.2'], ['6.9', '7.3']],
    ['4.0', ['5.5', '6.7', '7.1'], ['5.4', '6.8', '7.2']],
    ['3.5', ['5.5', '6.4'], ['5.10', '6.5', '7.0']],
  ] as const)('LIS %s', (lis, on, off) => {
    for (const version of on) expect(release(`rhel ${version} + lis ${lis}`)?.package?.value).toBe(`LIS ${lis}`)
    for (const version of off) expect(release(`centos ${version} + lis ${lis}`)).toBeUndefined()
  })

  it.each([
    ['RHEL-7.9', 'rhel 7.9'],
    ['Red Hat Enterprise Linux 8.6', 'rhel 8.6'],
    ['rhel 7.7 + LIS 4.3.5', 'rhel 7.7 + lis 4.3'],
    ['Oracle Linux 7.6', 'oracle 7.6 rhck'],
    ['oracle 7.6 uek5', 'oracle 7.6 uek5'],
    ['oracle uek r5', 'oracle uek5'],
    ['SLES 12-SP3', 'sles 12 sp3'],
    ['debian 10.2', 'debian 10'],
    ['ubuntu 22.04.3', 'ubuntu 22.04'],
    ['ws2022', 'windows server 2022'],
    ['win10 1809', 'windows 10 1809'],
  ])('finds %s', (name, key) => {
    expect(release(name)?.key).toBe(key)
  })

  it.each(['rhel 7.99', 'debian 99', 'plan 9', ''])('knows no %j', (name) => {
    expect(release(name)).toBeUndefined()
  })

  it('has ends of support', () => {
    expect(release('rhel 7.9')?.ended?.value).toBe('2024-06-30')
    expect(release('centos 8.3')?.ended?.value).toBe('2021-12')
    expect(release('windows server 2012 r2')?.ended?.value).toBe('2023-10-10')
  })
})
