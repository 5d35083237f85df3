import { describe, expect, test } from 'vitest'
import { FREEBSD_RELEASES, QUIRKS, freebsd, freebsdRelease } from '../src/index.ts'
import { services } from './services.ts'

const words = (versions: readonly number[]): string => versions.map((version) => version.toString(16)).join(' ')

/**
 * Typed by hand from the trees: the VMBus, NVSP and VSTOR words that each tries, newest first; its message versions of time
 * synchronisation, key-value exchange and backup.
 */
const TYPED = [
  ['9.3 + port', 'source-read', 'd', '30002 2', '200', '30000 10000', '40000 30000 10000', ''],
  ['10.1', 'source-read', 'd', '30002 2', '200', '30000 10000', '40000 30000 10000', ''],
  [
    '10.2',
    'source-read',
    '30000 20004 10001 d',
    '50000 40000 30002 2',
    '501 402',
    '30000 10000',
    '40000 30000 10000',
    '',
  ],
  [
    '10.4',
    'source-read',
    '30000 20004 10001 d',
    '50000 40000 30002 2',
    '602 600 501 402 200',
    '40000',
    '40000',
    '50000',
  ],
  [
    '12.1',
    'source-read',
    '30000 20004 10001 d',
    '50000 40000 30002 2',
    '602 600 501 402 200',
    '40000',
    '40000',
    '50000',
  ],
  [
    '13.0',
    'inferred',
    '40000 30000 20004 10001 d',
    '50000 40000 30002 2',
    '602 600 501 402 200',
    '40000',
    '40000',
    '50000',
  ],
  [
    '14.0',
    'inferred',
    '40000 30000 20004 10001 d',
    '60001 60000 50000 40000 30002 2',
    '602 600 501 402 200',
    '40000',
    '40000',
    '50000',
  ],
  [
    '14.1',
    'bracketed',
    '40000 30000 20004 10001 d',
    '60001 60000 50000 40000 30002 2',
    '602 600 501 402 200',
    '40000',
    '40000',
    '50000',
  ],
] as const

describe('a release', () => {
  test.each(TYPED)('%s is %s and tries this', (text, basis, vmbus, netvsc, storvsc, timesync, kvp, vss) => {
    const generation = freebsd(text)
    const { capabilities } = generation
    expect(generation.basis).toBe(basis)
    expect(words(capabilities.vmbus)).toBe(vmbus)
    expect(words(capabilities.netvsc)).toBe(netvsc)
    expect(words(capabilities.storvsc)).toBe(storvsc)
    expect(words(capabilities.timesync.message)).toBe(timesync)
    expect(words(capabilities.kvp?.message ?? [])).toBe(kvp)
    expect(words(capabilities.vss?.message ?? [])).toBe(vss)
  })

  // Release by release: receive buffer MiB, outstanding I/O, storage ring pages, VF, RSC, hvsock, vPCI, mouse, keyboard.
  test.each([
    ['9.3 + port', 1, 128, 20, 'none', 'none', false, '', false, false],
    ['10.1', 1, 128, 20, 'none', 'none', false, '', false, false],
    ['10.4', 16, 512, 64, 'transparent', 'none', false, '1.1', false, true],
    ['11.0', 16, 128, 20, 'none', 'none', false, '', false, false],
    ['12.1', 16, 512, 64, 'transparent', 'none', false, '1.1', false, true],
    ['13.0', 16, 512, 64, 'transparent', 'none', true, '1.1', false, true],
    ['13.1', 31, 512, 64, 'transparent', 'off', true, '1.1', false, true],
    ['14.0', 31, 512, 64, 'transparent', 'off', true, '1.4 1.1', true, true],
  ] as const)('%s has this of its devices', (text, mib, depth, pages, vf, rsc, hvsock, pcib, mouse, keyboard) => {
    const each = freebsd(text).capabilities
    expect([each.receiveBufferBytes / 1_048_576, each.storvscDepth, each.storvscRingPages]).toEqual([mib, depth, pages])
    expect([each.vf, each.rsc, each.hvsock, each.pcib.join(' ')]).toEqual([vf, rsc, hvsock, pcib])
    expect([each.mouse, each.keyboard]).toEqual([mouse, keyboard])
  })

  test('9.3 has no driver without the port, and 10.0 no key-value exchange', () => {
    expect(freebsdRelease('9.3')).toBeUndefined()
    expect(() => freebsd('9.3')).toThrow(/without the port/)
    expect(freebsd('10.0').capabilities.kvp).toBeUndefined()
    expect(freebsd('10.0 + port').capabilities.kvp).toBeDefined()
  })

  test.each([
    ['FreeBSD 9.3 + port', 'freebsd-9.3-port'],
    ['freebsd-10.4-RELEASE-p3', 'freebsd-10.4'],
    ['14.1-RELEASE', 'freebsd-14.1'],
    ['12.1 with port', 'freebsd-12.1-port'],
  ])('%s is found', (text, name) => {
    expect(freebsdRelease(text)?.name).toBe(name)
  })

  test.each(['', 'thirteen', '13', 'v13.0', '9.9', '99.0'])('%j is not known', (text) => {
    expect(freebsdRelease(text)).toBeUndefined()
    expect(() => freebsd(text)).toThrow(expect.objectContaining({ code: 'VMBUS_FREEBSD_RELEASE' }))
  })

  test('an option that has no such name is refused', () => {
    expect(() => freebsd('14.0', { sampleTreshold: 1 } as object)).toThrow(
      expect.objectContaining({ code: 'VMBUS_OPTIONS_INVALID' }),
    )
  })
})

describe('evidence', () => {
  test('every value of every release names its tree or what it follows from, and no bracket is without its ends', () => {
    for (const release of FREEBSD_RELEASES)
      for (const [name, { basis, source, bracket }] of Object.entries(freebsd(release).fields)) {
        expect(source.length, `${release} ${name}`).toBeGreaterThan(5)
        expect(bracket !== undefined, `${release} ${name}`).toBe(basis === 'bracketed')
      }
  })

  test('values that the trees do not settle are inferred, the others of the release are not', () => {
    const { mouse, pcib, netvsc } = freebsd('14.0').fields
    expect([mouse.basis, pcib.basis, netvsc.basis]).toEqual(['inferred', 'inferred', 'bracketed'])
    expect(freebsd('12.3').basis).toBe('inferred')
    expect(freebsd('10.3').fields.lro).toMatchObject({ value: { oneChannel: 65_535 }, basis: 'bracketed' })
  })
})

describe('a generation', () => {
  test.each([
    ['9.3 + port', 903_000n],
    ['13.2', 1_302_000n],
    ['14.0', 1_400_097n],
    ['15.0', 1_500_068n],
  ])('%s says who it is: open source, FreeBSD, its __FreeBSD_version', (text, version) => {
    expect(freebsd(text).behaviour.osId).toBe(0x8200_0000_0000_0000n | (version << 16n))
  })

  test.each([
    ['10.1', 'none', 8],
    ['12.2', 'none', 20],
    ['13.1', 'out', 20],
    ['14.0', 'out', 20],
  ])('%s promises pending_send_size in %s and posts %i times', (text, bits, tries) => {
    const { featureBits, post, gpadlStart } = freebsd(text).behaviour
    expect([featureBits, post?.tries, gpadlStart]).toEqual([bits, tries, 0xe1e10])
  })

  test.each(['9.3 + port', '10.0', '10.4', '14.0'])('%s has a driver for each kind that it loads', (text) => {
    const { load, drivers } = freebsd(text)
    expect(load[0]?.kinds).toEqual([])
    expect(drivers(services).map(({ kind }) => kind)).toEqual(load.flatMap(({ kinds }) => kinds))
  })

  test('quirks are those of its time', () => {
    const has = (text: string): string[] => [...freebsd(text).quirks]
    expect(has('10.1')).toContain('kvp-version-index')
    expect(has('10.2')).not.toContain('kvp-version-index')
    expect(has('10.2')).toEqual(expect.arrayContaining(['negotiates-by-index', 'one-storage-version']))
    expect(has('13.1')).toContain('pending-send-size')
    expect(has('14.0')).toEqual(['kvp-text-only', 'kvp-waits-for-daemon', 'vss-silent'])
    for (const { source } of QUIRKS) expect(source).toMatch(/^(?:sys\/dev\/hyperv|microsoft\/openvmm)/)
  })
})
