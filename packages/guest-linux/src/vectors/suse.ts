import type { Known, Release } from './release.ts'
import { bus, vstor } from './words.ts'

const byNumber = (base: string, why = "SUSE's own tree was not read"): Known => ({ likely: `as Linux ${base}; ${why}` })
const TREE = 'colyli/1056134@5f5dca20eafa (4.4.180, the line of SLE 12 SP2 and SP3)'

export const SUSE: readonly Release[] = [
  { release: 'sles 11 sp3', kernel: '3.0.76-default', base: '3.2', until: '3.9', known: byNumber('3.2') },
  { release: 'sles 11 sp4', kernel: '3.0.101-default', until: '4.1', known: byNumber('3.2') },
  { release: 'sles 12', kernel: '3.12.28-default', base: '3.12', until: '3.17', known: byNumber('3.12') },
  { release: 'sles 12 sp1', kernel: '3.12.49-default', until: '4.3', known: byNumber('3.12') },
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
