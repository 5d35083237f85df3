import { describe, expect, it } from 'vitest'
import { featuresOf, hostsOf, releasesOf } from '../../src/commands/names.ts'
import { OURS } from '../../src/registry/registry.ts'

const releases = (...texts: string[]): string[] => releasesOf(OURS, texts).map(({ key }) => key)
const hosts = (...texts: string[]): string[] => hostsOf(OURS, texts).map(({ id }) => id)
const features = (...texts: string[]): string[] => featuresOf(OURS, texts).map(({ id }) => id)

describe('names of guests', () => {
  it.each(['rhel 7.9', 'RHEL 7.9', 'rhel7.9', 'rhel-7.9', 'Red Hat Enterprise Linux 7.9'])('%s', (name) => {
    expect(releases(name)).toEqual(['rhel 7.9'])
  })

  it('may be patterns, of which a star does not reach into the drivers', () => {
    expect(releases('rhel 8.*')).toEqual(
      ['8.0', '8.1', '8.2', '8.3', '8.4', '8.5', '8.6', '8.7', '8.8', '8.9', '8.10'].map((each) => `rhel ${each}`),
    )
    expect(releases('debian')).toEqual(['debian 7', 'debian 8', 'debian 9', 'debian 10', 'debian 11', 'debian 12'])
    expect(releases('rhel 7.?')).toHaveLength(10)
    expect(releases('rhel 7.7 *')).toEqual(['rhel 7.7'])
    expect(releases('rhel 7.7 **')).toEqual(
      ['rhel 7.7', 'rhel 7.7 + lis 4.0', 'rhel 7.7 + lis 4.1', 'rhel 7.7 + lis 4.2', 'rhel 7.7 + lis 4.3'].filter(
        (key) => releases('**').includes(key),
      ),
    )
    expect(releases('rhel 7.7 + *').every((key) => key.startsWith('rhel 7.7 + lis'))).toBe(true)
    expect(releases('**')).toHaveLength(472)
  })

  it('may be many, in one text or in several, and come in the order of the list', () => {
    expect(releases('ubuntu 22.04, debian 12', 'rhel 9.4')).toEqual(['rhel 9.4', 'debian 12', 'ubuntu 22.04'])
  })
})

describe('names of hosts', () => {
  it.each([
    ['ws2022', 'ws2022'],
    ['2022', 'ws2022'],
    ['Windows Server 2022', 'ws2022'],
    ['Server 2012 R2', 'ws2012r2'],
    ['2012r2', 'ws2012r2'],
    ['2012', 'ws2012'],
    ['2008 R2', 'ws2008r2'],
    ['Windows Server 2008 R2 SP1', 'ws2008r2'],
    ['win10 1903', 'win10-1903'],
    ['azure local', 'azurelocal'],
  ] as const)('%s', (name, id) => {
    expect(hosts(name)).toEqual([id])
  })

  it('may be patterns', () => {
    expect(hosts('ws201*')).toEqual(['ws2012', 'ws2012r2', 'ws2016', 'ws2019'])
    expect(hosts('win10*')).toEqual([
      'win10-1507',
      'win10-1511',
      'win10-1703',
      'win10-1709',
      'win10-1803',
      'win10-1903',
      'win10-2004',
    ])
  })
})

describe('names of features', () => {
  it.each([
    ['TRIM', ['trim']],
    ['live backup', ['live-backup']],
    ['fibre channel', ['virtual-fc']],
    ['nmi', ['nmi']],
    ['dm-*', ['dm-hot-add', 'dm-ballooning']],
    ['storage', ['vhdx-resize', 'virtual-fc', 'live-backup', 'trim', 'scsi-wwn']],
    ['core', ['core']],
    ['kvp', ['kvp']],
    ['sockets', ['hyperv-sockets']],
  ] as const)('%s', (name, ids) => {
    expect(features(name)).toEqual(ids)
  })
})
