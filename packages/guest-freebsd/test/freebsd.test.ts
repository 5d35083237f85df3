import { Version } from '@vmbus/core'
import { describe, expect, test } from 'vitest'
import { freebsd, freebsdRelease } from '../src/index.ts'

describe('freebsd', () => {
  test.each([
    ['10.4', 'inferred', Version.v3_0],
    ['12.4-RELEASE-p9', 'source-read', Version.v3_0],
    ['13.0', 'inferred', Version.v4_0],
    ['14.1', 'inferred', Version.v4_0],
  ])('%s is known by %s and asks for its newest version first', (text, basis, first) => {
    const generation = freebsd(text)
    expect([generation.basis, generation.versions[0]]).toEqual([basis, first])
    expect(generation.versions).toEqual(generation.versions.toSorted((a, b) => b - a))
  })

  test('says who it is: open source, FreeBSD, its __FreeBSD_version', () => {
    expect(freebsd('13.2').behaviour.osId).toBe(0x8200_0000_0000_0000n | (1_302_000n << 16n))
  })

  test('brings the bus up before its drivers, and has one for each kind that it loads', () => {
    const generation = freebsd('13.0')
    const services = { clock: { set: () => {}, now: () => 0n }, act: () => {} }
    expect(generation.load[0]?.kinds).toEqual([])
    expect(generation.drivers(services).map(({ kind }) => kind)).toEqual(generation.load.flatMap(({ kinds }) => kinds))
  })

  test.each(['', 'thirteen', '13', 'v13.0'])('%j is no release', (text) => {
    expect(() => freebsdRelease(text)).toThrow(expect.objectContaining({ code: 'VMBUS_FREEBSD_RELEASE' }))
  })
})
