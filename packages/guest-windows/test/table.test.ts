import { describe, expect, test } from 'vitest'
import { INTEGRATION_SERVICES, WINDOWS_RELEASES, windows, windowsRelease, type WindowsId } from '../src/index.ts'

// Typed by hand from Microsoft's names of versions and the order of its releases: what each guest asks for first, as words on
// the wire. VMBus and dynamic memory: major << 16 | minor; NVSP as it is; VSTOR major << 8 | minor; components as VMBus.
type Words = readonly [vmbus: number, nvsp: number, vstor: number, memory: number | undefined]
type Components = readonly [
  heartbeat: number,
  shutdown: number,
  timesync: number,
  kvp: number,
  vss?: number,
  copy?: number,
]

const FIRST: Readonly<Record<string, readonly [Words, Components]>> = {
  vista: [
    [0xd, 0x2, 0x200, undefined],
    [0x1_0000, 0x1_0000, 0x1_0000, 0x1_0000],
  ],
  ws2008: [
    [0xd, 0x2, 0x200, undefined],
    [0x1_0000, 0x1_0000, 0x1_0000, 0x1_0000],
  ],
  win7: [
    [0x1_0001, 0x3_0002, 0x402, 0x3],
    [0x3_0000, 0x3_0000, 0x3_0000, 0x3_0000],
  ],
  ws2008r2: [
    [0x1_0001, 0x3_0002, 0x402, 0x3],
    [0x3_0000, 0x3_0000, 0x3_0000, 0x3_0000],
  ],
  ws2012: [
    [0x2_0004, 0x4_0000, 0x501, 0x1_0000],
    [0x3_0000, 0x3_0000, 0x3_0000, 0x4_0000, 0x4_0000],
  ],
  win81: [
    [0x3_0000, 0x5_0000, 0x600, 0x1_0000],
    [0x3_0000, 0x3_0000, 0x3_0000, 0x5_0000, 0x5_0000, 0x1_0001],
  ],
  ws2012r2: [
    [0x3_0000, 0x5_0000, 0x600, 0x1_0000],
    [0x3_0000, 0x3_0000, 0x3_0000, 0x5_0000, 0x5_0000, 0x1_0001],
  ],
  'win10-1507': [
    [0x3_0000, 0x5_0000, 0x602, 0x1_0000],
    [0x3_0000, 0x3_0000, 0x4_0000, 0x5_0000, 0x6_0000, 0x1_0001],
  ],
  ws2016: [
    [0x4_0000, 0x5_0000, 0x602, 0x2_0000],
    [0x3_0001, 0x3_0001, 0x4_0000, 0x5_0000, 0x7_0000, 0x1_0001],
  ],
  'win10-1703': [
    [0x4_0000, 0x6_0000, 0x602, 0x2_0000],
    [0x3_0001, 0x3_0002, 0x4_0000, 0x5_0000, 0x7_0000, 0x1_0001],
  ],
  'win10-1709': [
    [0x4_0001, 0x6_0000, 0x602, 0x2_0000],
    [0x3_0001, 0x3_0002, 0x4_0000, 0x5_0000, 0x7_0000, 0x1_0001],
  ],
  'win10-1803': [
    [0x5_0001, 0x6_0000, 0x602, 0x2_0000],
    [0x3_0001, 0x3_0002, 0x4_0000, 0x5_0000, 0x7_0000, 0x1_0001],
  ],
  ws2019: [
    [0x5_0002, 0x6_0001, 0x602, 0x2_0000],
    [0x3_0001, 0x3_0002, 0x4_0000, 0x5_0000, 0x7_0000, 0x1_0001],
  ],
  ws2022: [
    [0x5_0003, 0x6_0001, 0x602, 0x2_0000],
    [0x3_0001, 0x3_0002, 0x4_0000, 0x5_0000, 0x7_0000, 0x1_0001],
  ],
  'win11-22h2': [
    [0x5_0003, 0x6_0001, 0x602, 0x2_0000],
    [0x3_0001, 0x3_0002, 0x4_0000, 0x5_0000, 0x7_0000, 0x1_0001],
  ],
  ws2025: [
    [0x6_0000, 0x6_0001, 0x602, 0x2_0000],
    [0x3_0001, 0x3_0002, 0x4_0000, 0x5_0000, 0x7_0000, 0x1_0001],
  ],
}

describe('the table of releases', () => {
  test.each(Object.entries(FIRST))('%s asks for these first', (id, [words, components]) => {
    const { vmbus, netvsc, storvsc, balloon, heartbeat, shutdown, timesync, kvp, vss, fcopy } =
      windows(id)?.capabilities ?? {}
    expect([vmbus?.[0], netvsc?.[0], storvsc?.[0], balloon?.[0]]).toEqual(words)
    const first = [heartbeat, shutdown, timesync, kvp, vss, fcopy].map((each) => each?.message[0])
    expect(first).toEqual(Array.from({ length: 6 }, (_, index) => components[index]))
  })

  test('has the network that Microsoft names these systems for', () => {
    const seen = (
      ['vista', 'win7', 'ws2012', 'win81', 'ws2016', 'win10-1803', 'win10-1809', 'ws2019', 'ws2025'] as const
    ).map((id) => {
      const { rss, rsc, vf } = windows(id).capabilities
      return [id, rss, rsc, vf]
    })
    expect(seen).toEqual([
      ['vista', false, false, 'none'],
      ['win7', false, false, 'none'],
      ['ws2012', false, false, 'transparent'],
      ['win81', true, false, 'transparent'],
      ['ws2016', true, false, 'transparent'],
      ['win10-1803', true, false, 'transparent'],
      ['win10-1809', true, true, 'transparent'],
      ['ws2019', true, true, 'transparent'],
      ['ws2025', true, true, 'transparent'],
    ])
    // "Windows Server 2012 with the Windows Server 2012 R2 integration components installed", and Windows 8; no older system.
    const withPackage = (id: WindowsId, build: string) => windows(id, { package: build }).capabilities.rss
    expect(withPackage('ws2012', '6.3.9600.16384')).toBe(true)
    expect(withPackage('ws2012', '6.2.9200.16384')).toBe(false)
    expect(withPackage('win7', '6.3.9600.16384')).toBe(false)
  })

  test('goes down every list without a gap', () => {
    expect(windows('ws2025').versions).toEqual([
      0x6_0000, 0x5_0003, 0x5_0002, 0x5_0001, 0x5_0000, 0x4_0001, 0x4_0000, 0x3_0000, 0x2_0004, 0x1_0001, 0xd,
    ])
    const { netvsc, storvsc, kvp, vss, shutdown } = windows('ws2022').capabilities
    expect(netvsc).toEqual([0x6_0001, 0x6_0000, 0x5_0000, 0x4_0000, 0x3_0002, 0x2])
    expect(storvsc).toEqual([0x602, 0x600, 0x501, 0x402, 0x200])
    expect(kvp).toEqual({ framework: [0x3_0000, 0x1_0000], message: [0x5_0000, 0x4_0000, 0x3_0000, 0x1_0000] })
    expect(vss?.message).toEqual([0x7_0000, 0x6_0000, 0x5_0000, 0x4_0000])
    expect(shutdown.message).toEqual([0x3_0002, 0x3_0001, 0x3_0000, 0x1_0000])
    expect(windows('ws2008').capabilities.kvp).toEqual({ framework: [0x1_0000], message: [0x1_0000] })
  })

  test('has the devices that nothing here drives', () => {
    const seen = (['ws2008r2', 'ws2012', 'ws2012r2', 'ws2016', 'win10-2004', 'ws2022', 'ws2025'] as const).map((id) => {
      const { video, keyboard, hid, vpci } = windows(id).capabilities
      return [video, keyboard, hid, vpci]
    })
    expect(seen).toEqual([
      ['3.0', undefined, undefined, undefined],
      ['3.2', '1.0', '2.0', '1.0'],
      ['3.3', '1.0', '2.0', '1.0'],
      ['3.5', '1.0', '2.0', '1.2'],
      ['3.5', '1.0', '2.0', '1.3'],
      ['3.5', '1.0', '2.0', '1.4'],
      ['3.5', '1.0', '2.0', '1.5'],
    ])
  })

  test('calls nothing read that is concluded: five values of releases are, and no list is', () => {
    const read = WINDOWS_RELEASES.flatMap(({ id, newest }) =>
      Object.entries(newest ?? {}).flatMap(([name, { basis }]) =>
        basis === 'inferred' ? [] : [`${id} ${name} ${basis}`],
      ),
    )
    expect(read).toEqual([
      'win10-1607 heartbeat source-read',
      'ws2016 heartbeat source-read',
      'ws2022 timesync source-read',
      'ws2022 kvp source-read',
      'win11-24h2 timesync source-read',
    ])
    for (const { id } of WINDOWS_RELEASES) {
      const { basis, fields } = windows(id)
      expect([id, basis]).toEqual([id, 'inferred'])
      for (const { basis: each, source } of Object.values(fields))
        expect([each, source.length > 10]).toEqual(['inferred', true])
    }
  })

  test('clients of Windows 11 have generation 2 alone, and what came before 2012 generation 1', () => {
    const of = (id: WindowsId) => windowsRelease(id)?.generations
    expect([of('win11-21h2'), of('ws2022'), of('ws2012'), of('win7'), of('ws2008r2')]).toEqual([
      [2],
      [1, 2],
      [1, 2],
      [1],
      [1],
    ])
    expect(() => windows('ws2008r2', { generation: 2 })).toThrow(
      expect.objectContaining({ code: 'VMBUS_WINDOWS_GENERATION' }),
    )
  })
})

describe('names', () => {
  test.each([
    ['ws2022', 'ws2022'],
    ['Windows Server 2022', 'ws2022'],
    ['windows-server-2012 R2', 'ws2012r2'],
    ['Server 2008 R2 SP1', 'ws2008r2'],
    ['Windows 10 1607', 'win10-1607'],
    ['windows 8.1', 'win81'],
    ['Microsoft Windows XP SP3', 'winxp'],
    ['Windows Vista', 'vista'],
    ['WIN11 24H2', 'win11-24h2'],
    ['windows 2022', undefined],
    ['linux', undefined],
    ['', undefined],
  ])('%j is %s', (name, id) => {
    expect(windowsRelease(name)?.id).toBe(id)
    expect(windows(name)?.release.id).toBe(id)
  })
})

describe('packages', () => {
  test('bring the versions of the release that they are of, and a keyboard to none', () => {
    const { capabilities, package: services } = windows('win7', { package: '6.3.9600.18907' })
    expect(services).toEqual({ host: 'ws2012r2', build: '6.3.9600.18907', with: 'KB4072650' })
    expect(capabilities.vmbus[0]).toBe(0x3_0000)
    expect(capabilities.kvp.message[0]).toBe(0x5_0000)
    expect([capabilities.keyboard, capabilities.vpci]).toEqual([undefined, undefined])
  })

  test('are all that Windows XP and Server 2003 have: the last one unless another is asked for', () => {
    expect([windows('winxp').package?.build, windows('winxp').capabilities.balloon]).toEqual([
      '6.3.9600.16384',
      undefined,
    ])
    expect(windows('ws2003').capabilities.balloon).toEqual([0x1_0000, 0x3])
    expect(windows('ws2003r2', { package: '6.1.7600.16385' }).capabilities.balloon).toBeUndefined()
    expect(windows('ws2003r2', { package: '6.1.7601.17514' }).capabilities.balloon).toEqual([0x3])
    expect(INTEGRATION_SERVICES.length).toBe(24)
  })

  test.each([
    ['ws2022', '6.3.9600.18907'],
    ['win7', '6.3.9600.1'],
  ] as const)('%s takes no package %s', (id, build) => {
    expect(() => windows(id, { package: build })).toThrow(expect.objectContaining({ code: 'VMBUS_WINDOWS_PACKAGE' }))
  })
})

test('says who it is: Microsoft, Windows NT, version and build', () => {
  // Vendor 1 in bits 48 to 62, OS 4 in 40 to 47, major 10 in 32 to 39, build 20348 in 0 to 15.
  expect(windows('ws2022').behaviour.osId).toBe(0x0001_040a_0000_4f7cn)
  expect(windows('ws2008r2').behaviour.osId).toBe(0x0001_0406_0100_1db1n)
})

test('looks at its options', () => {
  expect(() => windows('ws2022', { services: { vmicvss: 'sleeping' as 'stopped' } })).toThrow(
    expect.objectContaining({ code: 'VMBUS_OPTIONS_INVALID' }),
  )
})
