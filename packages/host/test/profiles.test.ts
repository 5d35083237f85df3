import { versionName } from '@vmbus/core'
import { storvsc } from '@vmbus/storvsc'
import { describe, expect, test } from 'vitest'
import {
  firstHost,
  hostProfile,
  hostProfiles,
  whyNot,
  win10v1903,
  win11v22h2,
  ws2008,
  ws2008r2,
  ws2012,
  ws2012r2,
  ws2016,
  ws2019,
  ws2022,
  ws2025,
} from '../src/index.ts'
import { makeHost } from './make-host.ts'

/** Typed by hand: reference catalog hosts.json, README.md (22H2) and windows.md §1. */
const NEWEST = {
  // id: [VMBus, NVSP word, VSTOR word, dynamic memory, KVP, VSS, shutdown, time synchronisation]
  ws2008: ['0.13', 0x00002, 0x0200, undefined, '1.0', undefined, '1.0', '1.0'],
  ws2008r2: ['1.1', 0x30002, 0x0402, '0.3', '3.0', undefined, '3.0', '3.0'],
  ws2012: ['2.4', 0x40000, 0x0501, '1.0', '4.0', '4.0', '3.0', '3.0'],
  ws2012r2: ['3.0', 0x50000, 0x0600, '1.0', '5.0', '5.0', '3.0', '3.0'],
  'win10-1507': ['3.0', 0x50000, 0x0602, '2.0', '5.0', '5.0', '3.0', '3.0'],
  ws2016: ['4.0', 0x60000, 0x0602, '2.0', '5.0', '7.0', '3.0', '4.0'],
  'win10-1709': ['4.1', 0x60000, 0x0602, '2.0', '5.0', '7.0', '3.0', '4.0'],
  'win10-1803': ['5.1', 0x60000, 0x0602, '2.0', '5.0', '7.0', '3.0', '4.0'],
  ws2019: ['5.2', 0x60001, 0x0602, '2.0', '5.0', '7.0', '3.2', '4.0'],
  ws2022: ['5.3', 0x60001, 0x0602, '2.0', '5.0', '7.0', '3.2', '4.0'],
  'win11-22h2': ['5.3', 0x60001, 0x0602, '2.0', '5.0', '7.0', '3.2', '4.0'],
  azurelocal: ['5.3', 0x60001, 0x0602, '2.0', '5.0', '7.0', '3.2', '4.0'],
  ws2025: ['6.0', 0x60001, 0x0602, '2.0', '5.0', '7.0', '3.2', '4.0'],
} as const

const last = (list: readonly number[] | undefined): number | undefined => list?.[list.length - 1]
const named = (version: number | undefined): string | undefined =>
  version === undefined ? undefined : versionName(version)

describe('the newest of each protocol', () => {
  test.each(Object.entries(NEWEST))('%s', (id, expected) => {
    const profile = hostProfile(id)
    const { kvp, vss, shutdown, timesync, netvsc, storvsc: scsi, balloon } = profile?.devices ?? {}
    expect([
      named(last(profile?.vmbus)),
      last(netvsc?.versions),
      last(scsi?.versions),
      named(last(balloon?.versions)),
      ...[kvp, vss, shutdown, timesync].map((component) => named(last(component?.message))),
    ]).toEqual(expected)
  })

  test('6.0 begins with build 26100, and its feature flags with it', () => {
    const speaking = hostProfiles.filter(({ vmbus }) => vmbus.map(versionName).includes('6.0'))
    expect(speaking.map(({ id }) => id)).toEqual(['ws2025'])
    expect(speaking.map(({ partition }) => partition.version.build)).toEqual([26100])
    expect(hostProfiles.filter(({ featureFlags }) => featureFlags !== 0)).toEqual(speaking)
    expect(ws2025.featureFlags).toBe(7)
  })
})

describe('each fact says how it is known', () => {
  test('every one of every profile', () => {
    for (const { fields } of hostProfiles)
      for (const [name, field] of Object.entries(fields)) {
        expect([name, field.source.length > 8]).toEqual([name, true])
        expect(field.source).not.toMatch(/general knowledge/i)
      }
  })

  test.each([
    [ws2012r2, 'vmbus', 'source-read'],
    [win11v22h2, 'vmbus', 'inferred'],
    [ws2025, 'vmbus', 'inferred'],
    [win10v1903, 'vmbus', 'inferred'],
    [ws2012, 'kvp', 'source-read'],
    [ws2012r2, 'kvp', 'real'],
    [ws2016, 'kvp', 'inferred'],
    [ws2022, 'netvsc', 'inferred'],
    [ws2022, 'storvsc', 'source-read'],
    [ws2012, 'limits', 'inferred'],
    [ws2019, 'limits', 'source-read'],
    [ws2019, 'shutdown', 'inferred'],
  ] as const)('$0.id $1', (profile, name, basis) => {
    expect(profile.fields[name].basis).toBe(basis)
  })

  test('what is handed down names where it was known, once', () => {
    expect(ws2016.fields.kvp.source).toMatch(/^as Windows Server 2012 R2: event log/)
    expect(ws2016.fields.kvp.source.match(/as Windows/g)).toHaveLength(1)
  })
})

/** plan-hyper-v-scalability, the generation page and the upgrade page, as hosts.json has them. */
describe('machines', () => {
  test.each([
    [ws2008, [1], { 1: 4 }, ['2.x']],
    [ws2012, [1], { 1: 64 }, ['4.0']],
    [ws2012r2, [1, 2], { 1: 64, 2: 64 }, ['5.0']],
    [ws2016, [1, 2], { 1: 64, 2: 240 }, ['5.0', '6.2', '7.0', '7.1', '8.0']],
    [ws2022, [1, 2], { 1: 64, 2: 1024 }, ['8.0', '8.1', '8.2', '8.3', '9.0', '9.1', '9.2', '9.3', '10.0']],
    [
      ws2025,
      [1, 2],
      { 1: 64, 2: 2048 },
      ['8.0', '8.1', '8.2', '8.3', '9.0', '9.1', '9.2', '9.3', '10.0', '11.0', '12.0'],
    ],
  ] as const)('$0.id', ({ fields }, generations, maxVps, configurationVersions) => {
    expect(fields.generations.value).toEqual(generations)
    expect(fields.maxVps.value).toEqual(maxVps)
    expect(fields.configurationVersions.value).toEqual(configurationVersions)
  })

  test('have so many devices', () => {
    expect(ws2016.limits).toEqual({
      ideDisks: 4,
      scsiControllers: 4,
      disksPerScsiController: 64,
      syntheticAdapters: 8,
      emulatedAdapters: 4,
      fibreChannelAdapters: 4,
    })
    expect([ws2008, ws2008r2, ws2012, ws2022].map(({ limits }) => limits.fibreChannelAdapters)).toEqual([0, 0, 4, 4])
    expect([ws2012r2, ws2016, ws2019, ws2025].map(({ limits }) => limits.syntheticAdapters)).toEqual([8, 8, 64, 64])
  })
})

describe('Fibre Channel', () => {
  test('is offered from 2012 on', () => {
    const adapter = storvsc({ luns: [], controller: 'fc' })
    const offering = hostProfiles.filter((profile) => makeHost(profile).offer(adapter) !== undefined)
    expect(hostProfiles.filter((profile) => !offering.includes(profile))).toEqual([ws2008, ws2008r2])
  })

  test('and other storage on every host', () => {
    const controller = storvsc({ luns: [] })
    for (const profile of hostProfiles) expect(makeHost(profile).offer(controller)).toBeDefined()
  })
})

describe('why not', () => {
  test.each([
    [ws2012, 'fcopy', {}, 'Windows Server 2012 has no file copy: it began with Windows Server 2012 R2'],
    [ws2008r2, 'vss', {}, 'Windows Server 2008 R2 SP1 has no volume shadow copy: it began with Windows Server 2012'],
    [ws2008, 'balloon', {}, 'Windows Server 2008 SP2 has no dynamic memory: it began with Windows Server 2008 R2 SP1'],
    [ws2008, 'fibre-channel', {}, 'Windows Server 2008 SP2 has no Fibre Channel: it began with Windows Server 2012'],
    [
      ws2012r2,
      'hyperv-sockets',
      {},
      'Windows Server 2012 R2 has no Hyper-V sockets: it began with Windows Server 2016',
    ],
    [
      ws2012,
      'netvsc',
      { generation: 2 },
      'Windows Server 2012 has no generation 2: it began with Windows Server 2012 R2',
    ],
    [ws2022, 'ide', { generation: 2 }, 'a machine of generation 2 has no IDE controller'],
    [ws2022, 'secure-boot-linux', { generation: 1 }, 'secure boot of Linux needs a machine of generation 2'],
    [
      ws2019,
      'hibernation',
      { configurationVersion: '8.3' },
      'hibernation needs configuration version 9.0; this machine has 8.3',
    ],
  ] as const)('%#: $3', (profile, name, machine, reason) => {
    const absence = whyNot(profile, name, machine)
    expect(absence?.reason).toBe(reason)
    expect(absence?.source).toBeTruthy()
  })

  test.each([
    [ws2012r2, 'fcopy', {}],
    [ws2012, 'fibre-channel', {}],
    [ws2008, 'ide', {}],
    [ws2022, 'secure-boot-linux', { generation: 2 }],
    [ws2022, 'hibernation', { configurationVersion: '10.0' }],
    [ws2025, 'netvsc', { generation: 2 }],
  ] as const)('%# is offered: $0.id $1', (profile, name, machine) => {
    expect(whyNot(profile, name, machine)).toBeUndefined()
  })

  test('agrees with what a host offers', () => {
    for (const profile of hostProfiles)
      for (const kind of ['heartbeat', 'vss', 'fcopy', 'balloon', 'netvsc'] as const)
        expect([profile.id, kind, whyNot(profile, kind) === undefined]).toEqual([
          profile.id,
          kind,
          profile.devices[kind] !== undefined,
        ])
  })

  test('the first host of each', () => {
    expect(firstHost('kvp').value).toBe('ws2008')
    expect(firstHost('balloon').value).toBe('ws2008r2')
    expect(firstHost('vss').value).toBe('ws2012')
    expect(firstHost('fcopy')).toMatchObject({ value: 'ws2012r2', basis: 'source-read' })
    expect(firstHost('trim')).toMatchObject({ value: 'ws2012', basis: 'source-read' })
    expect(firstHost('sr-iov')).toMatchObject({ value: 'ws2016', basis: 'grid' })
    expect(firstHost('keyboard')).toMatchObject({ value: 'ws2012', basis: 'inferred' })
  })
})
