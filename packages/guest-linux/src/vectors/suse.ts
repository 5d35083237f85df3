import type { Capabilities, FieldName } from './field.ts'
import type { Known, Release } from './release.ts'
import { bus, dynamicMemory, FCOPY_1_1, KVP_4, nvsp, VSS_5, vstor } from './words.ts'

const byNumber = (base: string, why = "SUSE's own tree was not read"): Known => ({ likely: `as Linux ${base}; ${why}` })
const TREE = 'colyli/1056134@5f5dca20eafa (4.4.180, the line of SLE 12 SP2 and SP3)'

/** Kernels as a series of patches over one of kernel.org; those of these drivers were read. */
const series = (commit: string, tag: string, patches: string): string =>
  `chargen/kernel-source@${commit} (${tag}), ${patches}`
/** The daemons' package has the scripts, and interrupts are not these drivers' own. */
const NOT_IN_PATCHES: readonly FieldName[] = ['ipScripts', 'vpLimit']
/** And the newest version of each service that the host offers is taken (msft-hv-0353, MAX_SRV_VER): no list of versions is there to be read. */
const OF_THE_HOST: readonly FieldName[] = [...NOT_IN_PATCHES, 'heartbeat', 'timesync', 'shutdown', 'kvp', 'vss']
/** What patches over 3.12 bring, or would have to bring, for no kernel of its time has it. */
const IN_PATCHES: readonly FieldName[] = [
  'vmbus',
  'unload',
  'modifyChannel',
  'timesync',
  'ptpClock',
  'fcopy',
  'fcopyBy',
  'netvsc',
  'vrss',
  'tso',
  'checksum',
  'rsc',
  'vlan',
  'jumbo',
  'vf',
  'storvsc',
  'wwn',
  'vpd',
  'hvsock',
  'vpci',
  'keyboard',
  'lsvmbus',
]
/** Brought to 3.0 and to 3.12 alike. */
const OFFLOADS_AND_FILES: Partial<Capabilities> = {
  netvsc: nvsp('v5'),
  vrss: true,
  tso: true,
  checksum: true,
  fcopy: FCOPY_1_1,
  fcopyBy: 'kernel',
  keyboard: true,
}

export const SUSE: readonly Release[] = [
  {
    // Linux 3.0 with every file of these drivers made anew by patches, up to what Linux 3.10 has; storage stays at 4.2.
    release: 'sles 11 sp3',
    kernel: '3.0.76-default',
    base: '3.2',
    until: '3.9',
    change: {
      vmbus: bus('v2_4', 'v0_13'),
      kvp: KVP_4,
      kvpIp: true,
      vss: VSS_5,
      capacityChange: true,
      balloon: dynamicMemory('v1_0'),
      hotAdd: true,
      video: 'fb',
    },
    known: { read: series('ccab9909db1e', 'rpm-3.0.76-0.11', 'msft-hv-0001 to 0503'), unread: OF_THE_HOST },
  },
  {
    release: 'sles 11 sp4',
    kernel: '3.0.101-default',
    until: '4.1',
    change: {
      vmbus: bus('v3_0', 'v0_13'),
      ...OFFLOADS_AND_FILES,
      storvsc: vstor('v5_1', 'v4_2'),
      storageChannels: true,
      fibreChannel: true,
      vpd: true,
    },
    known: { read: series('4b89d0c69822', 'rpm-3.0.101-63', 'msft-hv-0001 to 0807'), unread: NOT_IN_PATCHES },
  },
  {
    // It asks for VPD pages and takes no disk for SPC-3 (msft-hv-0650), so no disk is asked for its provisioning.
    release: 'sles 12',
    kernel: '3.12.28-default',
    base: '3.12',
    until: '3.17',
    change: { vmbus: bus('v3_0', 'v0_13'), ...OFFLOADS_AND_FILES },
    known: {
      between: ['Linux 3.10', 'Linux 4.1'],
      told: {
        source: series('9879bd4500a5', 'rpm-3.12.28-4', 'patch-3.12.19-20, msft-hv-0543 to 0655'),
        fields: IN_PATCHES,
      },
    },
  },
  {
    release: 'sles 12 sp1',
    kernel: '3.12.49-default',
    until: '4.3',
    change: {
      vmbus: bus('v4_0', 'v0_13'),
      unload: true,
      vf: 'messages',
      storvsc: vstor('v6_2', 'v2_0'),
      vpd: true,
      balloon: dynamicMemory('v2_0'),
      lsvmbus: true,
    },
    known: {
      between: ['Linux 3.10', 'Linux 4.1'],
      told: {
        source: series('8d714a0f38ce', 'rpm-3.12.49-11', 'msft-hv-0556 to 0906'),
        fields: [...IN_PATCHES, 'balloon'],
      },
    },
  },
  {
    // openSUSE 42.2, its sister, has 105 patches for Hyper-V, one of them PCI (msft-hv-1006).
    release: 'sles 12 sp2',
    kernel: '4.4.21-default',
    base: '4.4',
    until: '4.8',
    change: { vpci: true },
    known: {
      between: ['Linux 4.4', 'sles 12 sp3'],
      told: { source: 'openSUSE-42.2, patches msft-hv (msft-hv-1006)', fields: ['vpci'] },
    },
  },
  {
    release: 'sles 12 sp3',
    kernel: '4.4.73-default',
    base: '4.9',
    until: '5.1',
    change: { ptpClock: true, vf: 'transparent', vpLimit: undefined },
    known: { read: TREE },
  },
  {
    // As 15, with hyperv-iommu (msft-hv-1848) beside it.
    release: 'sles 12 sp4',
    kernel: '4.12.14-default',
    base: '4.14',
    until: '4.20',
    change: { vpLimit: undefined, hvsock: false },
    known: {
      between: ['sles 12 sp3', 'Linux 5.10'],
      told: {
        source: 'olafhering/kernel-source rpm-4.12.14-95.120, patches msft-hv',
        fields: ['vmbus', 'netvsc', 'vpLimit', 'vpci', 'vf', 'timesync'],
      },
    },
  },
  { release: 'sles 12 sp5', kernel: '4.12.14-default', until: '5.4', known: byNumber('4.14', 'as SLES 12 SP4') },
  {
    // 224 patches for Hyper-V and 12 of SUSE's own over 4.12; none has VMBus 5.0 or NVSP 6.
    release: 'sles 15',
    kernel: '4.12.14-default',
    base: '4.14',
    until: '4.17',
    known: {
      between: ['Linux 4.9', 'Linux 4.14'],
      told: {
        source: 'matwey/kernel-source@8337bd6f (merge of SLE15), patches msft-hv and suse-hv',
        fields: ['vmbus', 'netvsc', 'vpci', 'vf', 'timesync'],
      },
    },
  },
  { release: 'sles 15 sp1', kernel: '4.12.14-default', until: '5.1', known: byNumber('4.14', 'as SLES 15') },
  { release: 'sles 15 sp2', kernel: '5.3.18-default', base: '5.3', until: '5.7', known: byNumber('5.3') },
  { release: 'sles 15 sp3', kernel: '5.3.18-default', until: '5.12', known: byNumber('5.3') },
  {
    // The script that brings newer drivers to this base leaves those four commits out that drop old versions.
    release: 'sles 15 sp4',
    kernel: '5.14.21-default',
    base: '5.14',
    until: '5.18',
    change: { vmbus: bus('v5_3', 'v0_13'), storvsc: vstor('v6_2', 'v2_0') },
    known: byNumber('5.14', "and Hering's script of back-ports for it"),
  },
  {
    release: 'sles 15 sp5',
    kernel: '5.14.21-default',
    until: '6.3',
    known: byNumber('5.14', "and Hering's script of back-ports for it"),
  },
  { release: 'sles 15 sp6', kernel: '6.4.0-default', base: '6.4', until: '6.9', known: byNumber('6.4') },
]
