import type { FieldName } from './field.ts'
import type { Known, Release } from './release.ts'

const byNumber = (base: string): Known => ({
  likely: `as Linux ${base}, the tools as in Debian 11 and 12; Debian's own tree was not read`,
})

/** What the transcripts of the two kernels on every host profile show (@vmbus/machine-v86, test/fixtures), and `.modinfo` of their modules. */
const SEEN: readonly FieldName[] = [
  'vmbus',
  'unload',
  'heartbeat',
  'timesync',
  'shutdown',
  'kvp',
  'ipScripts',
  'vss',
  'fcopy',
  'fcopyBy',
  'netvsc',
  'rndisRequestAt',
  'storvsc',
  'vpd',
  'sizedPages',
  'balloon',
  'balloonWholeChunks',
  'lsvmbus',
  'moduleVersion',
  'modulesSayVersion',
]

/** hyperv-daemons 5.10.223-1 and 6.1.176-1: neither lsvmbus nor hv_set_ifconfig is among their files. */
const TOOLS = { ipScripts: false, lsvmbus: false } as const

export const DEBIAN: readonly Release[] = [
  { release: 'debian 7', kernel: '3.2.0-4-amd64', base: '3.2', until: '3.9', change: TOOLS, known: byNumber('3.2') },
  { release: 'debian 8', kernel: '3.16.0-4-amd64', base: '3.16', until: '4.0', change: TOOLS, known: byNumber('3.16') },
  { release: 'debian 9', kernel: '4.9.0-3-amd64', base: '4.9', until: '4.11', change: TOOLS, known: byNumber('4.9') },
  {
    release: 'debian 10',
    kernel: '4.19.0-5-amd64',
    base: '4.19',
    until: '5.1',
    change: TOOLS,
    known: byNumber('4.19'),
  },
  {
    release: 'debian 11',
    kernel: '5.10.0-32-amd64',
    base: '5.10',
    until: '5.13',
    change: TOOLS,
    known: byNumber('5.10'),
    seen: { source: 'Debian 11, 5.10.0-32-686 (5.10.223), run in @vmbus/machine-v86', fields: SEEN },
  },
  {
    release: 'debian 12',
    kernel: '6.1.0-50-amd64',
    base: '6.1',
    until: '6.3',
    change: TOOLS,
    known: { read: 'Debian package linux-source-6.1', whole: true },
    seen: { source: 'Debian 12, 6.1.0-50-686 (6.1.176), run in @vmbus/machine-v86', fields: SEEN },
  },
]
