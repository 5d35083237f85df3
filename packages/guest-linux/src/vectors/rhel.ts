import type { FieldName } from './field.ts'
import type { Known, Release, Told } from './release.ts'
import { bus, dynamicMemory, FCOPY_1_1, KVP_4, nvsp, SHUTDOWN_3_2, TIMESYNC_4, VSS_5, vstor } from './words.ts'

const ziozzang = (commit: string, ...unread: FieldName[]): Known => ({
  read: `ziozzang/rhel6-kernel-src@${commit}`,
  unread: ['lsvmbus', ...unread],
})
const centos = (commit: string, what: string, ...unread: FieldName[]): Known => ({
  read: `bobolopolis/linux-el@${commit} (${what})`,
  unread,
})
const alma = (commit: string, what: string, ...unread: FieldName[]): Known => ({
  read: `mkuron/almalinux-kernel@${commit} (AlmaLinux ${what})`,
  unread,
})

const NOT_READ = 'concluded from RHEL 6.4: no tree of RHEL 5 with drivers was read'
const BETWEEN_6: Known = { between: ['rhel 6.6', 'rhel 6.10'] }

/**
 * The changelog names the build with which each came. It has no time synchronisation 4.0, PTP clock or sockets up to
 * there, and nothing else of drivers/hv that would change one of these fields.
 */
const CHANGELOG: Told = {
  source: 'MafSam/centos@af80da7, SPECS/kernel.spec of 3.10.0-514.26.2, changelog',
  fields: [
    'vmbus',
    'storvsc',
    'storageChannels',
    'fibreChannel',
    'keyboard',
    'netvsc',
    'vrss',
    'checksum',
    'vpd',
    'unload',
    'balloon',
    'vpci',
    'vf',
    'timesync',
    'ptpClock',
    'hvsock',
  ],
}
const BETWEEN_7_0: Known = { between: ['Linux 3.10', 'rhel 7.7'], told: CHANGELOG }
const BETWEEN_7_4: Known = { between: ['rhel 7.3', 'rhel 7.7'] }

/** Built in since 5.9 and 6.4; the trees of 6.0 to 6.3 have drivers in staging alone. */
const RHEL_5_6: readonly Release[] = [
  {
    release: 'rhel 5.9',
    kernel: '2.6.18-348.el5',
    base: '3.2',
    until: '3.7',
    change: { memoryHotplug: false },
    known: { likely: NOT_READ },
  },
  { release: 'rhel 5.10', kernel: '2.6.18-371.el5', until: '3.11', known: { likely: NOT_READ } },
  { release: 'rhel 5.11', kernel: '2.6.18-398.el5', until: '3.16', known: { likely: NOT_READ } },
  {
    // VMBUS_REVISION_NUMBER 13: one version, and no negotiation.
    release: 'rhel 6.4',
    kernel: '2.6.32-358.el6',
    base: '3.2',
    until: '3.8',
    change: { kvp: KVP_4, kvpIp: true, balloon: dynamicMemory('v1_0'), hotAdd: true },
    known: ziozzang('1352db64e1d0', 'shutdown', 'timesync', 'heartbeat', 'kvp'),
  },
  {
    release: 'rhel 6.5',
    kernel: '2.6.32-431.el6',
    until: '3.12',
    change: {
      vmbus: bus('v2_4', 'v0_13'),
      storvsc: vstor('v5_1', 'v4_2'),
      storageChannels: true,
      fibreChannel: true,
      vss: VSS_5,
      capacityChange: true,
      video: 'fb',
    },
    known: ziozzang('43fbacafdc06'),
  },
  {
    release: 'rhel 6.6',
    kernel: '2.6.32-504.el6',
    until: '3.16',
    change: {
      vmbus: bus('v3_0', 'v0_13'),
      netvsc: nvsp('v5'),
      vrss: true,
      tso: true,
      checksum: true,
      fcopy: FCOPY_1_1,
      fcopyBy: 'kernel',
      keyboard: true,
    },
    known: ziozzang('614321d38828'),
  },
  { release: 'rhel 6.7', kernel: '2.6.32-573.el6', until: '4.1', known: BETWEEN_6 },
  { release: 'rhel 6.8', kernel: '2.6.32-642.el6', until: '4.5', known: BETWEEN_6 },
  { release: 'rhel 6.9', kernel: '2.6.32-696.el6', until: '4.10', known: BETWEEN_6 },
  {
    release: 'rhel 6.10',
    kernel: '2.6.32-754.el6',
    until: '4.17',
    change: {
      vmbus: bus('v4_0', 'v0_13'),
      storvsc: vstor('v6_2', 'v2_0'),
      balloon: dynamicMemory('v2_0'),
      vpd: true,
      unload: true,
    },
    known: centos('4b3765ffdb87', 'CentOS 6.10, 754.35.1', 'lsvmbus'),
  },
]

const RHEL_7: readonly Release[] = [
  {
    // -48 storage, -50 keyboard.
    release: 'rhel 7.0',
    kernel: '3.10.0-123.el7',
    base: '3.10',
    until: '3.15',
    change: { storvsc: vstor('v5_1', 'v4_2'), storageChannels: true, fibreChannel: true, keyboard: true },
    known: BETWEEN_7_0,
  },
  {
    // -124 VMBus 3.0, -188 NVSP 5, vRSS, checksums; the same build mends a file copy that 7.0 was not published with.
    release: 'rhel 7.1',
    kernel: '3.10.0-229.el7',
    until: '3.19',
    change: {
      vmbus: bus('v3_0', 'v0_13'),
      netvsc: nvsp('v5'),
      vrss: true,
      tso: true,
      checksum: true,
      fcopy: FCOPY_1_1,
      fcopyBy: 'kernel',
      // Gone in a kernel of RHEL 7 with file copy: halfline/rhel7@034b1335d709.
      modulesSayVersion: false,
    },
    known: BETWEEN_7_0,
  },
  {
    // -283 SPC-3, -311 UNLOAD.
    release: 'rhel 7.2',
    kernel: '3.10.0-327.el7',
    until: '4.3',
    change: { vpd: true, unload: true },
    known: BETWEEN_7_0,
  },
  {
    // -359 VMBus 4.0, storage 6.2, dynamic memory 2.0, -426 PCI and virtual functions.
    release: 'rhel 7.3',
    kernel: '3.10.0-514.el7',
    until: '4.8',
    change: {
      vmbus: bus('v4_0', 'v0_13'),
      storvsc: vstor('v6_2', 'v2_0'),
      balloon: dynamicMemory('v2_0'),
      vpci: true,
      vf: 'messages',
    },
    known: BETWEEN_7_0,
  },
  {
    // Upstream had these before August 2017, when 7.4 came out, and transparent functions and sockets only after it.
    release: 'rhel 7.4',
    kernel: '3.10.0-693.el7',
    until: '4.12',
    change: { timesync: TIMESYNC_4, ptpClock: true, wwn: true },
    known: BETWEEN_7_4,
  },
  {
    release: 'rhel 7.5',
    kernel: '3.10.0-862.el7',
    until: '4.16',
    change: { vf: 'transparent', hvsock: true },
    known: BETWEEN_7_4,
  },
  { release: 'rhel 7.6', kernel: '3.10.0-957.el7', until: '4.19', known: BETWEEN_7_4 },
  {
    release: 'rhel 7.7',
    kernel: '3.10.0-1062.el7',
    until: '5.2',
    change: { vpLimit: undefined },
    known: { read: 'dcui/RHEL77@2a8bfb46c6c2', unread: ['lsvmbus'] },
  },
  { release: 'rhel 7.8', kernel: '3.10.0-1127.el7', until: '5.5', known: { between: ['rhel 7.7', 'rhel 7.9'] } },
  {
    release: 'rhel 7.9',
    kernel: '3.10.0-1160.el7',
    until: '5.8',
    change: { vmbus: bus('v5_0', 'v0_13'), netvsc: nvsp('v6_1'), rsc: true },
    known: centos('9d835aa785f2', 'CentOS 7.9, 1160.59.1', 'lsvmbus'),
  },
]

const RHEL_8: readonly Release[] = [
  {
    release: 'rhel 8.0',
    kernel: '4.18.0-80.el8',
    base: '4.18',
    until: '5.0',
    change: { vmbus: bus('v5_0', 'v0_13') },
    known: centos('82ad8125d761', 'CentOS 8.0'),
  },
  {
    release: 'rhel 8.1',
    kernel: '4.18.0-147.el8',
    until: '5.3',
    change: { rsc: true, vpLimit: undefined },
    known: centos('e07b1fbb3e81', 'CentOS 8.1'),
  },
  { release: 'rhel 8.2', kernel: '4.18.0-193.el8', until: '5.6', known: centos('0e039142e81b', 'CentOS 8.2') },
  {
    release: 'rhel 8.3',
    kernel: '4.18.0-240.el8',
    until: '5.9',
    change: { vmbus: bus('v5_2', 'v0_13'), shutdown: SHUTDOWN_3_2 },
    known: centos('5f39e52be4e1', 'CentOS 8.3; AlmaLinux 8.3 there, 433d32f17211, has the same'),
  },
  {
    release: 'rhel 8.4',
    kernel: '4.18.0-305.el8',
    until: '5.12',
    change: { balloonLeavesTotal: true, modifyChannel: true },
    known: alma('8d251a9600a5', '8.4'),
  },
  {
    release: 'rhel 8.5',
    kernel: '4.18.0-348.el8',
    until: '5.15',
    change: { vmbus: bus('v5_3', 'v0_13') },
    known: alma('f551324fd5f8', '8.5'),
  },
  {
    release: 'rhel 8.6',
    kernel: '4.18.0-372.el8',
    until: '5.17',
    change: { video: 'drm' },
    known: alma('f3a0c937104e', '8.6'),
  },
  {
    // The beta kernels -394 and -408 still try 1.1 and 0.13.
    release: 'rhel 8.7',
    kernel: '4.18.0-425.el8',
    until: '6.0',
    change: { vmbus: bus('v5_3', 'v2_4') },
    known: alma('057720014ff2', '8.7'),
  },
  {
    release: 'rhel 8.8',
    kernel: '4.18.0-477.el8',
    until: '6.3',
    change: { storvsc: vstor('v6_2', 'v5_1') },
    known: alma('80b34d4202f2', '8.8'),
  },
  { release: 'rhel 8.9', kernel: '4.18.0-513.el8', until: '6.6', known: alma('2f2174ce3a97', '8.9') },
  { release: 'rhel 8.10', kernel: '4.18.0-553.el8', until: '6.8', known: alma('c11ddfd122ad', '8.10') },
]

const RHEL_9: readonly Release[] = [
  { release: 'rhel 9.0', kernel: '5.14.0-70.el9', base: '5.14', until: '5.17', known: alma('7aa70a70f72f', '9.0') },
  {
    // From -115 on, bz 2086622.
    release: 'rhel 9.1',
    kernel: '5.14.0-162.el9',
    until: '6.0',
    change: { vmbus: bus('v5_3', 'v2_4') },
    known: alma('23fc1cebd5c8', '9.1'),
  },
  {
    // From -208 on, bz 2143335.
    release: 'rhel 9.2',
    kernel: '5.14.0-284.el9',
    until: '6.3',
    change: { storvsc: vstor('v6_2', 'v5_1') },
    known: alma('79b68aa4bded', '9.2'),
  },
  { release: 'rhel 9.3', kernel: '5.14.0-362.el9', until: '6.6', known: alma('dc1c559aaee1', '9.3') },
  { release: 'rhel 9.4', kernel: '5.14.0-427.el9', until: '6.8', known: alma('3349f1c5f071', '9.4') },
  { release: 'rhel 9.5', kernel: '5.14.0-503.el9', until: '6.11', known: alma('1c6c6a11a092', '9.5') },
  { release: 'rhel 9.6', kernel: '5.14.0-570.el9', until: '6.14', known: alma('279040ea6b5e', '9.6') },
]

const RHEL_10: readonly Release[] = [
  {
    release: 'rhel 10.0',
    kernel: '6.12.0-55.el10',
    base: '6.12',
    until: '6.14',
    known: alma('8e2c37962831', '10.0', 'fcopy'),
  },
]

export const RHEL: readonly Release[] = [...RHEL_5_6, ...RHEL_7, ...RHEL_8, ...RHEL_9, ...RHEL_10]
