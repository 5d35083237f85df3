import { describe, expect, test } from 'vitest'
import {
  LINUX_FAMILIES,
  LIS_VERSIONS,
  kernelVector,
  linux,
  linuxRelease,
  releaseVector,
  type Capabilities,
} from '../src/index.ts'

const VENDORS = Object.values(LINUX_FAMILIES).flatMap((list) => list.map(({ release }) => release))

/** A tree and commit, a package, or a set of patches that was read; a number of an upstream kernel is none of these. */
const READ = /@[0-9a-f]{7,12}\b|, [0-9a-f]{12}$|^Debian package linux-source-|^openSUSE-|^olafhering\/kernel-source /

describe('how a value is known', () => {
  test.each(VENDORS)('%s has nothing for read that only an upstream number says', (release) => {
    const { fields } = releaseVector(release) ?? expect.fail('not known')
    for (const [name, { basis, source, bracket }] of Object.entries(fields)) {
      if (basis === 'source-read') expect([name, source]).toEqual([name, expect.stringMatching(READ)])
      expect([name, bracket === undefined]).toEqual([name, basis !== 'bracketed'])
      expect([name, source.length > 0]).toEqual([name, true])
    }
  })

  test.each(['5.15.0-1-azure', '4.14.35-2047.el7uek.x86_64', '4.12.14-122-default', '6.5.6-300.fc39'])(
    'nothing of %s is, whose tree nobody read',
    (kernel) => {
      const bases = Object.values(kernelVector(kernel).fields).map(({ basis }) => basis)
      expect(new Set(bases)).toEqual(new Set(['inferred']))
    },
  )

  test.each([
    ['5.17', 'vmbus', 'source-read', undefined],
    ['5.18', 'vmbus', 'bracketed', ['Linux 5.17', 'Linux 6.1']],
    ['5.19', 'vmbus', 'bracketed', ['Linux 5.17', 'Linux 6.1']],
    ['6.1', 'vmbus', 'source-read', undefined],
    ['5.12', 'vmbus', 'bracketed', ['Linux 5.10', 'Linux 5.13']],
    ['3.2', 'vmbus', 'inferred', undefined],
    ['7.0', 'vmbus', 'inferred', undefined],
    ['4.15', 'hvsock', 'source-read', undefined],
  ] as const)('%s: %s is %s', (kernel, name, basis, bracket) => {
    expect(kernelVector(kernel).fields[name]).toMatchObject({ basis, ...(bracket && { bracket }) })
    expect(kernelVector(kernel).fields[name].bracket).toEqual(bracket)
  })

  test('RHEL 7.8 lies between two trees, 7.1 has a changelog for some, Debian 12 runs', () => {
    expect(releaseVector('rhel 7.8')?.fields.vmbus.bracket).toEqual(['rhel 7.7', 'rhel 7.9'])
    expect(releaseVector('rhel 7.1')?.fields.vmbus.source).toContain('MafSam/centos@af80da7')
    expect(releaseVector('rhel 7.1')?.fields.kvp.bracket).toEqual(['Linux 3.10', 'rhel 7.7'])
    expect(releaseVector('debian 12')?.fields.vmbus.basis).toBe('real')
    expect(releaseVector('oracle uek5')?.fields.vmbus.basis).toBe('inferred')
    expect(releaseVector('rhel 6.8 + lis 4.3.2')?.fields.vmbus.bracket).toEqual(['lis 4.3.0', 'lis 4.3.4'])
  })
})

describe('what came before 3.10 is not handed down from it', () => {
  // 3.7 addresses, 3.8 ballooning, 3.9 VMBus 2.4 and its negotiation, 3.10 backup, hot add and the screen.
  test.each([
    ['3.2', [false, false, 0xd, false, false, 'none']],
    ['3.7', [true, false, 0xd, false, false, 'none']],
    ['3.8', [true, true, 0xd, false, false, 'none']],
    ['3.9', [true, true, 0x2_0004, false, false, 'none']],
    ['3.10', [true, true, 0x2_0004, true, true, 'fb']],
  ])('%s', (kernel, expected) => {
    const { kvpIp, balloon, vmbus, vss, hotAdd, video } = linux(kernel).capabilities
    expect([kvpIp, balloon !== undefined, vmbus[0], vss !== undefined, hotAdd, video]).toEqual(expected)
  })
})

describe('a release is found by its name', () => {
  test.each([
    ['RHEL-7.9', 'rhel 7.9'],
    ['  Rhel   7.9 ', 'rhel 7.9'],
    ['SLES 12SP3', 'sles 12 sp3'],
    ['sle-12-sp3', 'sles 12 sp3'],
    ['oracle-uek UEK R3 QU2', 'oracle uek3 qu2'],
    ['oracle-uek UEK5', 'oracle uek5'],
    ['Oracle UEK R4', 'oracle uek4'],
    ['oracle-rhck 7.6', 'oracle 7.6 rhck'],
    ['OL 7.6 RHCK', 'oracle 7.6 rhck'],
    ['Rhel 7.6+LIS-4.3.5', 'rhel 7.6 + lis 4.3.5'],
  ])('%s', (text, name) => {
    expect(releaseVector(text)?.name).toBe(name)
  })

  test('a line of packages is its newest', () => {
    expect(LIS_VERSIONS.at(-1)).toBe('4.3.6')
    expect(releaseVector('rhel 7.6 + lis 4.3')?.fields.moduleVersion.value).toBe('4.3.6')
    expect(releaseVector('rhel 7.6 + lis 4.3.2')?.fields.moduleVersion.value).toBe('4.3.2')
    expect(releaseVector('rhel 7.6 + lis 4.2')?.fields.moduleVersion.value).toBe('4.2.8')
  })

  test('the kernel under a package keeps what is its own', () => {
    expect(releaseVector('rhel 7.7 + lis 4.3.4')?.fields.vpLimit).toEqual(releaseVector('rhel 7.7')?.fields.vpLimit)
    expect(releaseVector('rhel 7.6 + lis 4.3.4')?.fields.vpLimit.value).toBe(256)
    expect(linuxRelease('rhel 5.5 + lis 4.3.4')?.capabilities).toMatchObject({ hotAdd: true, memoryHotplug: false })
  })

  test('a vector can be another than any release has', () => {
    const vector = releaseVector('rhel 8.6') ?? expect.fail('not known')
    const vmbus = { ...vector.fields.vmbus, value: [0x4_0000] }
    expect(linux({ ...vector, fields: { ...vector.fields, vmbus } }).versions).toEqual([0x4_0000])
  })
})

test('1.1 of Windows Server 2008 R2 and 0.13 of 2008 went with 5.19', () => {
  const oldest = (kernel: string): number | undefined => linux(kernel).versions.at(-1)
  expect(['5.10', '5.13', '5.15', '5.17', '5.18'].map(oldest)).toEqual([0xd, 0xd, 0xd, 0xd, 0xd])
  expect(['5.19', '6.1'].map(oldest)).toEqual([0x2_0004, 0x2_0004])
  expect(linux('5.18').versions).toContain(0x1_0001)
})

test('Linux learnt of an MTU in 3.3 and of tags beside frames in 3.4; what vendors built on older numbers has both', () => {
  const of = ({ vlan, jumbo }: Pick<Capabilities, 'vlan' | 'jumbo'>): boolean[] => [jumbo, vlan]
  expect(['3.2', '3.3', '3.4', '3.10'].map((kernel) => of(linux(kernel).capabilities))).toEqual([
    [false, false],
    [true, false],
    [true, true],
    [true, true],
  ])
  for (const release of ['rhel 6.4', 'rhel 5.11', 'rhel 6.8 + lis 4.3.5', 'sles 11 sp3'])
    expect([release, of(linuxRelease(release)?.capabilities ?? { vlan: false, jumbo: false })]).toEqual([
      release,
      [true, true],
    ])
})
