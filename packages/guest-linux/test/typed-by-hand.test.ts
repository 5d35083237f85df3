import { versionName } from '@vmbus/core'
import type { IcVersions } from '@vmbus/ic'
import { expect, test } from 'vitest'
import { linux, linuxRelease, type Capabilities } from '../src/index.ts'

/**
 * Typed by hand from readings of the drivers' trees: Red Hat's as ziozzang/rhel6-kernel-src, bobolopolis/linux-el,
 * dcui/RHEL77 and mkuron/almalinux-kernel have them, the changelog of CentOS's 3.10.0-514.26.2, LIS/lis-next, Ubuntu's at
 * balabit-deps, SUSE's at colyli/1056134 and matwey/kernel-source, moralesresearch/kernel, and Debian's running kernels.
 * No program writes this file.
 *
 * VMBus newest and oldest · NVSP · VSTOR newest and oldest · shutdown, time synchronisation (P: PTP clock), key-value
 * exchange, backup · file copy, virtual functions (messages, transparent), RSC, sockets, PCI. `?`: the tree does not say.
 */
const TYPED: readonly (readonly [
  release: string,
  vmbus: string,
  nvsp: string,
  vstor: string,
  components: string,
  rest: string,
])[] = [
  ['rhel 6.4', '0.13 0.13', '2', '4.2 4.2', '? ? ? -', '- - - - -'],
  ['rhel 6.5', '2.4 0.13', '2', '5.1 4.2', '3.0 3.0 4.0 5.0', '- - - - -'],
  ['rhel 6.6', '3.0 0.13', '5', '5.1 4.2', '3.0 3.0 4.0 5.0', 'kernel - - - -'],
  ['rhel 6.10', '4.0 0.13', '5', '6.2 2.0', '3.0 3.0 4.0 5.0', 'kernel - - - -'],
  ['rhel 7.0', '2.4 0.13', '2', '5.1 4.2', '3.0 3.0 4.0 5.0', '? - - - -'],
  ['rhel 7.1', '3.0 0.13', '5', '5.1 4.2', '3.0 3.0 4.0 5.0', 'kernel - - - -'],
  ['rhel 7.2', '3.0 0.13', '5', '5.1 4.2', '3.0 3.0 4.0 5.0', 'kernel - - - -'],
  ['rhel 7.3', '4.0 0.13', '5', '6.2 2.0', '3.0 3.0 4.0 5.0', 'kernel messages - - pci'],
  ['rhel 7.7', '4.0 0.13', '5', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent - sockets pci'],
  ['rhel 7.9', '5.0 0.13', '6.1', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['centos 7.9', '5.0 0.13', '6.1', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['rhel 8.0', '5.0 0.13', '6.1', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent - sockets pci'],
  ['rhel 8.1', '5.0 0.13', '6.1', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['rhel 8.3', '5.2 0.13', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['rhel 8.4', '5.2 0.13', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['rhel 8.5', '5.3 0.13', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['rhel 8.6', '5.3 0.13', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['rhel 8.7', '5.3 2.4', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['rhel 8.8', '5.3 2.4', '6.1', '6.2 5.1', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['rhel 9.0', '5.3 0.13', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['rhel 9.1', '5.3 2.4', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['rhel 9.2', '5.3 2.4', '6.1', '6.2 5.1', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['rhel 10.0', '5.3 2.4', '6.1', '6.2 5.1', '3.2 4.0P 4.0 5.0', 'uio-daemon transparent rsc sockets pci'],
  ['rhel 5.11 + lis 4.0', '3.0 0.13', '5', '5.1 4.2', '3.0 3.0 4.0 5.0', 'kernel - - - -'],
  ['rhel 5.11 + lis 4.1.3', '3.0 0.13', '5', '5.1 4.2', '3.0 3.0 4.0 5.0', 'kernel - - - -'],
  ['rhel 5.11 + lis 4.2.8', '3.0 0.13', '5', '5.1 4.2', '3.0 3.0 4.0 5.0', 'kernel - - - -'],
  ['rhel 5.11 + lis 4.3.0', '3.0 0.13', '5', '5.1 4.2', '3.0 3.0 4.0 5.0', 'kernel - - - -'],
  ['rhel 5.2 + lis 4.3.4', '3.0 0.13', '5', '5.1 4.2', '3.0 3.0 4.0 5.0', 'kernel - - - -'],
  ['rhel 6.0 + lis 3.5', '2.4 0.13', '2', '5.1 4.2', '3.0 3.0 4.0 5.0', '- - - - -'],
  ['rhel 6.7 + lis 4.0', '3.0 0.13', '5', '5.1 4.2', '3.0 3.0 4.0 5.0', 'kernel - - - -'],
  ['rhel 6.8 + lis 4.1', '4.0 0.13', '5', '6.2 2.0', '3.0 3.0 4.0 5.0', 'kernel - - sockets -'],
  ['rhel 6.8 + lis 4.1.3', '4.0 0.13', '5', '6.2 2.0', '3.0 4.0 4.0 5.0', 'kernel messages - sockets -'],
  ['rhel 6.9 + lis 4.2.8', '4.0 0.13', '5', '6.2 2.0', '3.0 4.0 4.0 5.0', 'kernel messages - - -'],
  ['rhel 6.10 + lis 4.3.0', '4.0 0.13', '6.1', '6.2 2.0', '3.0 4.0 4.0 5.0', 'kernel transparent - - pci'],
  ['centos 6.10 + lis 4.3.4', '4.0 0.13', '6.1', '6.2 2.0', '3.0 4.0 4.0 5.0', 'kernel transparent - - pci'],
  ['rhel 7.1 + lis 4.0', '3.0 0.13', '5', '5.1 4.2', '3.0 3.0 4.0 5.0', 'kernel - - - -'],
  ['rhel 7.2 + lis 4.1.3', '4.0 0.13', '5', '6.2 2.0', '3.0 4.0 4.0 5.0', 'kernel messages - sockets pci'],
  ['rhel 7.3 + lis 4.2.0', '4.0 0.13', '5', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel messages - sockets pci'],
  ['rhel 7.5 + lis 4.2.8', '4.0 0.13', '5', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent - sockets pci'],
  ['rhel 7.6 + lis 4.3.0', '5.0 0.13', '6.1', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent - sockets pci'],
  ['rhel 7.7 + lis 4.3.4', '5.0 0.13', '6.1', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  [
    'oracle 7.6 rhck + lis 4.3.4',
    '5.0 0.13',
    '6.1',
    '6.2 2.0',
    '3.0 4.0P 4.0 5.0',
    'kernel transparent rsc sockets pci',
  ],
  ['ubuntu 16.04', '4.0 0.13', '5', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel messages - - pci'],
  ['ubuntu 18.04', '4.0 0.13', '5', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent - sockets pci'],
  ['ubuntu 20.04', '5.0 0.13', '6.1', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['ubuntu 22.04', '5.3 0.13', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['ubuntu 23.10', '5.3 2.4', '6.1', '6.2 5.1', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['sles 12 sp3', '4.0 0.13', '5', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent - - pci'],
  ['sles 15', '4.0 0.13', '5', '6.2 2.0', '3.0 4.0P 4.0 5.0', 'kernel transparent - ? pci'],
  ['debian 11', '5.2 0.13', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['debian 12', '5.3 2.4', '6.1', '6.2 5.1', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['5.13', '5.3 0.13', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['5.15', '5.3 0.13', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
  ['5.17', '5.3 0.13', '6.1', '6.2 2.0', '3.2 4.0P 4.0 5.0', 'kernel transparent rsc sockets pci'],
]

const capabilitiesOf = (release: string): Capabilities => {
  const generation = /^\d/.test(release) ? linux(release) : linuxRelease(release)
  if (generation === undefined) throw new Error(`${release} is not known`)
  return generation.capabilities
}

const highest = (versions: IcVersions | undefined): string => versionName(Math.max(...(versions?.message ?? [])))
const vstorName = (word: number | undefined): string => (word === undefined ? '?' : `${word >>> 8}.${word & 0xff}`)
const ends = (names: readonly string[]): string => `${names[0]} ${names.at(-1)}`
/** What stands for what the table leaves open is open here, too. */
const asTyped = (found: readonly string[], typed: string): string =>
  found.map((each, index) => (typed.split(' ')[index] === '?' ? '?' : each)).join(' ')

/** NVSP words are major << 16 | minor from 4 on, and 2 and 0x30002 before it. */
const NVSP_NAMES: Readonly<Record<number, string>> = {
  0x2: '1',
  0x3_0002: '2',
  0x4_0000: '4',
  0x5_0000: '5',
  0x6_0000: '6',
  0x6_0001: '6.1',
}

test.each(TYPED)('%s: VMBus %s', (release, vmbus) => {
  expect(ends(capabilitiesOf(release).vmbus.map(versionName))).toBe(vmbus)
})

test.each(TYPED)('%s: %s, NVSP %s', (release, _vmbus, nvsp) => {
  expect(NVSP_NAMES[capabilitiesOf(release).netvsc[0] ?? 0]).toBe(nvsp)
})

test.each(TYPED)('%s: %s, %s, VSTOR %s', (release, _vmbus, _nvsp, vstor) => {
  expect(ends(capabilitiesOf(release).storvsc.map(vstorName))).toBe(vstor)
})

test.each(TYPED)('%s: components', (...[release, , , , components]) => {
  const { shutdown, timesync, ptpClock, kvp, vss } = capabilitiesOf(release)
  const found = [
    highest(shutdown),
    `${highest(timesync)}${ptpClock ? 'P' : ''}`,
    kvp && highest(kvp),
    vss && highest(vss),
  ]
  expect(
    asTyped(
      found.map((each) => each ?? '-'),
      components,
    ),
  ).toBe(components)
})

test.each(TYPED)('%s: file copy, virtual functions, RSC, sockets, PCI', (...[release, , , , , rest]) => {
  const { fcopy, fcopyBy, vf, rsc, hvsock, vpci } = capabilitiesOf(release)
  const found = [fcopyBy, vf, rsc && 'rsc', hvsock && 'sockets', vpci && 'pci']
  expect(
    asTyped(
      found.map((each) => (each === false || each === 'none' ? '-' : each)),
      rest,
    ),
  ).toBe(rest)
  // Version 1.1 is the only one of file copy.
  expect(fcopy === undefined ? 'none' : highest(fcopy)).toBe(fcopyBy === 'none' ? 'none' : '1.1')
})

test.each([
  ['rhel 6.0', 'its tree has drivers in staging alone'],
  ['rhel 6.3', 'its tree has drivers in staging alone'],
  ['rhel 5.8', 'drivers came with 5.9'],
  ['sles 12 sp3 + lis 4.3', 'the packages are for Red Hat’s kernels'],
  ['rhel 8.0 + lis 4.3', 'the packages end at 7'],
  ['rhel 7.9 + lis 3.5', '3.5 has no drivers for 7'],
  ['rhel 7.9 + lis 5.0', 'there is no such package'],
  ['rhel 7.9 + lis 4.3 + lis 4.2', 'one at a time'],
  ['plan 9', 'not Linux'],
])('%s has none: %s', (release) => {
  expect(linuxRelease(release)).toBe(undefined)
})
