import type { FieldName } from './field.ts'
import type { Known, Release } from './release.ts'

const byNumber = (base: string): Known => ({ likely: `as Linux ${base}; Debian's own tree was not read` })

/** What the transcripts of the two kernels on every host profile show (@vmbus/machine-v86, test/fixtures), and `.modinfo` of their modules. */
const SEEN: readonly FieldName[] = [
  'vmbus',
  'unload',
  'heartbeat',
  'timesync',
  'shutdown',
  'kvp',
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
  'moduleVersion',
  'modulesSayVersion',
]

export const DEBIAN: readonly Release[] = [
  { release: 'debian 7', kernel: '3.2.0-4-amd64', base: '3.2', until: '3.9', known: byNumber('3.2') },
  { release: 'debian 8', kernel: '3.16.0-4-amd64', base: '3.16', until: '4.0', known: byNumber('3.16') },
  { release: 'debian 9', kernel: '4.9.0-3-amd64', base: '4.9', until: '4.11', known: byNumber('4.9') },
  { release: 'debian 10', kernel: '4.19.0-5-amd64', base: '4.19', until: '5.1', known: byNumber('4.19') },
  {
    release: 'debian 11',
    kernel: '5.10.0-32-amd64',
    base: '5.10',
    until: '5.13',
    known: byNumber('5.10'),
    seen: { source: 'Debian 11, 5.10.0-32-686 (5.10.223), run in @vmbus/machine-v86', fields: SEEN },
  },
  {
    release: 'debian 12',
    kernel: '6.1.0-50-amd64',
    base: '6.1',
    until: '6.3',
    known: { read: 'Debian package linux-source-6.1', whole: true },
    seen: { source: 'Debian 12, 6.1.0-50-686 (6.1.176), run in @vmbus/machine-v86', fields: SEEN },
  },
]
