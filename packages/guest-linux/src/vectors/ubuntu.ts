import type { Known, Release } from './release.ts'
import { TIMESYNC_4 } from './words.ts'

const byNumber = (base: string): Known => ({ likely: `as Linux ${base}; Ubuntu's own tree was not read` })
const balabit = (number: number, commit: string): Known => ({
  read: `balabit-deps/balabit-os-${number}-linux@${commit}`,
})
const BETWEEN_BIONIC_FOCAL: Known = { between: ['ubuntu 18.04', 'ubuntu 20.04'] }

/** The kernels that a release came with; those for newer machines and for Azure are newer. */
export const UBUNTU: readonly Release[] = [
  {
    release: 'ubuntu 12.04',
    kernel: '3.2.0-23-generic',
    base: '3.2',
    until: '3.3',
    known: {
      ...byNumber('3.2'),
      told: {
        source:
          'arrdalan/ubuntu_dfv (3.2.30 of 12.04), drivers/hv/hv_kvp.c@7a5c9134, drivers/scsi/storvsc_drv.c@53824773',
        // What a later update lacks the first kernel lacks as well; what it has says nothing of the first.
        fields: ['kvpIp', 'fibreChannel', 'vpd', 'capacityChange'],
      },
    },
  },
  { release: 'ubuntu 14.04', kernel: '3.13.0-24-generic', base: '3.13', until: '3.14', known: byNumber('3.13') },
  { release: 'ubuntu 15.10', kernel: '4.2.0-16-generic', base: '4.2', until: '4.3', known: byNumber('4.2') },
  {
    release: 'ubuntu 16.04',
    kernel: '4.4.0-187-generic',
    base: '4.4',
    until: '5.7',
    change: { timesync: TIMESYNC_4, ptpClock: true, wwn: true, vpci: true, vf: 'messages' },
    known: balabit(6, '61484f7c8892'),
  },
  {
    release: 'ubuntu 18.04',
    kernel: '4.15.0-42-generic',
    base: '4.15',
    until: '4.19',
    known: balabit(7, '1db76b41386f'),
  },
  { release: 'ubuntu 18.10', kernel: '4.18.0-10-generic', base: '4.18', until: '4.18', known: BETWEEN_BIONIC_FOCAL },
  { release: 'ubuntu 19.04', kernel: '5.0.0-13-generic', base: '5.0', until: '5.0', known: BETWEEN_BIONIC_FOCAL },
  {
    release: 'ubuntu 20.04',
    kernel: '5.4.0-216-generic',
    base: '5.4',
    until: '6.14',
    known: balabit(8, 'f02bfe143245'),
  },
  {
    release: 'ubuntu 22.04',
    kernel: '5.15.0-185-generic',
    base: '5.15',
    until: '6.14',
    known: balabit(9, 'fad9c911221a'),
  },
  {
    release: 'ubuntu 23.10',
    kernel: '6.5.0-9-generic',
    base: '6.5',
    until: '6.5',
    known: { read: "christian-bendiksen's tree of 6.5.3, 679cd7267cdb" },
  },
  {
    release: 'ubuntu 24.04',
    kernel: '6.8.0-31-generic',
    base: '6.8',
    until: '6.8',
    known: { between: ['ubuntu 23.10', 'rhel 10.0'] },
  },
]
