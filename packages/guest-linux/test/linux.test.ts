import { Version, type GuestServices } from '@vmbus/core'
import { icVersion } from '@vmbus/ic'
import { describe, expect, test } from 'vitest'
import { LINUX_MODULES, QUIRKS, linux, linuxRelease } from '../src/index.ts'

const services: GuestServices = {
  clock: { set: () => {}, now: () => 0n },
  act: () => {},
  ramPages: 1024,
  service: (_name, make) => make(),
}

describe('linux', () => {
  test.each([
    // Seen between 3.10.35 and what RHEL 6.4 had before it: not everything was looked for in that tree.
    ['3.10', 'bracketed', [Version.v2_4, Version.v1_1, Version.v0_13]],
    // RHEL 7.9 and 6.10, whose drivers are younger than their numbers; lsvmbus is in no tree of theirs.
    [
      '3.10.0-1160.59.1.el7.x86_64',
      'inferred',
      [Version.v5_0, Version.v4_0, Version.v3_0, Version.v2_4, Version.v1_1, Version.v0_13],
    ],
    ['2.6.32-754.el6', 'inferred', [Version.v4_0, Version.v3_0, Version.v2_4, Version.v1_1, Version.v0_13]],
    // A build that nobody read is no better known than its number lets one think.
    ['3.10.0-1200.el7', 'inferred', [Version.v2_4, Version.v1_1, Version.v0_13]],
    [
      '5.10.0-32-686',
      'inferred',
      [
        Version.v5_2,
        Version.v5_1,
        Version.v5_0,
        Version.v4_1,
        Version.v4_0,
        Version.v3_0,
        Version.v2_4,
        Version.v1_1,
        Version.v0_13,
      ],
    ],
    // Read in moralesresearch/kernel@dbf5fe8a: 1.1 and 0.13 went with 5.19 (a6b94c6b4919).
    [
      '5.15',
      'source-read',
      [
        Version.v5_3,
        Version.v5_2,
        Version.v5_1,
        Version.v5_0,
        Version.v4_1,
        Version.v4_0,
        Version.v3_0,
        Version.v2_4,
        Version.v1_1,
        Version.v0_13,
      ],
    ],
    [
      '6.1.0-50-686-pae',
      'source-read',
      [Version.v5_3, Version.v5_2, Version.v5_1, Version.v5_0, Version.v4_1, Version.v4_0, Version.v3_0, Version.v2_4],
    ],
  ])('%s is %s and asks for these versions in turn', (text, basis, versions) => {
    const generation = linux(text)
    expect([generation.basis, generation.versions]).toEqual([basis, versions])
  })

  test('says who it is as the kernel of its version does', () => {
    // Vendor 0x8100 above LINUX_VERSION_CODE 6.1.0 = 0x60100, above build 0.
    expect(linux('6.1').behaviour.osId).toBe(0x8100_0006_0100_0000n)
  })

  test('asks for nothing above max_version', () => {
    expect(linux('6.1', { maxVersion: Version.v4_0 }).versions).toEqual([Version.v4_0, Version.v3_0, Version.v2_4])
  })

  test('leaves with UNLOAD from VMBus 3.0, and not at all before the kernel learnt to', () => {
    expect(linux('6.1').behaviour.unloadFrom).toBe(Version.v3_0)
    expect(linux('3.10').behaviour.unloadFrom).toBeGreaterThan(Version.v6_0)
  })

  test('its quirks can be turned off, all or some; a kernel without one never has it', () => {
    expect(linux('6.1').quirks.size).toBe(QUIRKS.length)
    expect(linux('6.1').behaviour.checksConnectionState).toBe(false)
    const correct = linux('6.1', { quirks: false })
    expect([correct.quirks.size, correct.behaviour.checksConnectionState]).toEqual([0, true])
    expect([...linux('3.10', { quirks: ['timesync-always-ok', 'one-packet-per-signal'] }).quirks]).toEqual([
      'one-packet-per-signal',
    ])
    for (const { source, summary } of QUIRKS)
      expect([/^(?:drivers|tools)\/(?:hv|net\/hyperv|scsi)\//.test(source), summary.length > 0]).toEqual([true, true])
  })

  // hv_vss_init, read: not in 2.6.32-431.el6 (ziozzang/rhel6-kernel-src@43fbacafdc06) and @614321d38828, LIS 3.5 to 4.0.11; in lis-next
  // from 4.1 (3ad55707430f) of every family. Upstream from 4.5.
  test.each([
    ['rhel 6.5', false],
    ['rhel 6.6', false],
    ['rhel 6.7 + lis 4.0', false],
    ['rhel 7.1 + lis 4.0', false],
    ['rhel 5.11 + lis 4.1.3', true],
    ['rhel 6.8 + lis 4.1', true],
    ['rhel 7.6 + lis 4.3.0', true],
    ['rhel 7.9', true],
    ['rhel 8.6', true],
    ['debian 11', true],
    ['debian 12', true],
  ])('%s leaves backups alone below VMBus 3.0: %s', (release, leaves) => {
    expect(linuxRelease(release)?.quirks.has('vss-needs-new-bus')).toBe(leaves)
  })

  test('brings the bus up before its modules; every kind that a module loads has a driver', () => {
    const generation = linux('6.1')
    expect(generation.load.map(({ name }) => name)).toEqual(['hv_vmbus', ...LINUX_MODULES.map(({ name }) => name)])
    expect(generation.load[0]?.kinds).toEqual([])
    const kinds = generation.drivers(services).map(({ kind }) => kind)
    expect(new Set(generation.load.flatMap((step) => step.kinds))).toEqual(new Set(kinds))
    expect(linux('6.1', { modules: [] }).load.map(({ name }) => name)).toEqual(['hv_vmbus'])
  })

  test('loads a driver of your own last', () => {
    const own = {
      kind: 'own',
      interfaceIds: ['11111111-2222-3333-4444-555555555555'],
      create: () => {
        throw new Error('not offered')
      },
    }
    const generation = linux('6.1', { drivers: [own] })
    expect(generation.load.at(-1)?.kinds).toEqual(['own'])
    expect(generation.drivers(services).at(-1)).toBe(own)
  })

  test.each(['', 'six', '6', 'linux-6.1'])('%j is no kernel version', (text) => {
    expect(() => linux(text)).toThrow(expect.objectContaining({ code: 'VMBUS_KERNEL_VERSION' }))
  })
})

describe('capabilities', () => {
  test('never shrink from one kernel to the next, but for the bus versions and storage protocols that 5.19 dropped', () => {
    const kernels = ['3.10', '3.13', '3.15', '4.1', '4.4', '4.9', '4.14', '4.19', '5.10'].map(
      (text) => linux(text).capabilities,
    )
    for (const [index, later] of kernels.entries()) {
      const earlier = kernels[index - 1]
      if (earlier === undefined) continue
      for (const key of ['vmbus', 'netvsc', 'storvsc'] as const)
        expect(later[key]).toEqual(expect.arrayContaining([...earlier[key]]))
      for (const key of ['heartbeat', 'timesync', 'shutdown'] as const)
        expect(later[key].message).toEqual(expect.arrayContaining([...earlier[key].message]))
    }
    expect(linux('6.1').capabilities.vmbus).not.toContain(Version.v1_1)
  })

  test('time sync learnt 4.0 in 4.9, shutdown 3.2 in 5.5', () => {
    const has = (text: string): boolean[] => {
      const { timesync, shutdown } = linux(text).capabilities
      return [timesync.message.includes(icVersion(4, 0)), shutdown.message.includes(icVersion(3, 2))]
    }
    expect([has('4.8'), has('4.9'), has('5.4'), has('5.5')]).toEqual([
      [false, false],
      [true, false],
      [true, false],
      [true, true],
    ])
  })
})

test('a defect that came with a feature is in the kernels of distributions that have the feature', () => {
  // Red Hat's 3.10 of 7.7 has time synchronisation 4.0, of 7.3 not.
  const isThere = (kernel: string): boolean => linux(kernel).quirks.has('timesync-always-ok')
  expect(['3.10.0-514.el7', '3.10.0-1062.el7', '4.8', '4.9'].map(isThere)).toEqual([false, true, false, true])
})
