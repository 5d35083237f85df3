/** How families are written; others keep the word of the catalog. */
const FAMILIES: Readonly<Record<string, string>> = {
  rhel: 'RHEL',
  centos: 'CentOS',
  oracle: 'Oracle Linux',
  debian: 'Debian',
  ubuntu: 'Ubuntu',
  sles: 'SLES',
  freebsd: 'FreeBSD',
  windows: 'Windows',
}

/** Names that fit a row or an upright column, where the catalog's do not. */
const FEATURES: Readonly<Record<string, string>> = {
  'time-accuracy': 'Accurate time',
  'vcpu-256': '> 256 vCPUs',
  'vlan-tagging': 'VLAN and trunking',
  'tso-checksum': 'TSO and checksums',
  'live-backup': 'Live backup',
  trim: 'TRIM',
  'pae-kernel': 'PAE kernel',
  'mmio-gap': 'MMIO gap',
  'dm-hot-add': 'Memory hot-add',
  'dm-ballooning': 'Memory ballooning',
  video: 'Video device',
  kvp: 'Key-value pairs',
  'file-copy': 'File copy to guest',
  lsvmbus: 'lsvmbus',
  'pci-passthrough': 'PCI pass-through',
  'gen2-uefi': 'UEFI boot',
}

const GROUPS: Readonly<Record<string, string>> = { misc: 'Miscellaneous', gen2: 'Generation 2' }

const CAPITALS = /^(lis|rhck|uek\d*|qu\d+|sp\d+|xp|r2|\d\dh\d)$/

export const familyName = (family: string) => FAMILIES[family] ?? capital(family)

export const featureName = (id: string, name: string) => FEATURES[id] ?? name.replace(/ *\(.*\)$/, '')

export const groupName = (group: string) => GROUPS[group] ?? capital(group)

/** `rhel 6.10 + lis 4.3` as people write it, without the family: `6.10 + LIS 4.3`. */
export function releaseLabel(key: string): string {
  const [, ...words] = key.split(' ')
  return words
    .map((word) => (CAPITALS.test(word) ? word.toUpperCase() : word === 'port' ? word : capital(word)))
    .join(' ')
}

/** What tells a host from its neighbours, in at most two lines: `2012`, `R2`; of a user's own its id, where its name is longer. */
export function hostLabel(id: string, name: string): readonly string[] {
  const [, year, r2] = /^ws(\d{4})(r2)?$/.exec(id) ?? []
  if (year !== undefined) return r2 === undefined ? [year] : [year, 'R2']
  const [, version, build] = /^win(\d+)-(\w+)$/.exec(id) ?? []
  if (version !== undefined && build !== undefined) return [version, build.toUpperCase()]
  const words = (name.split(' / ')[0] ?? name).split(' ')
  return words.length <= 2 ? words : [id]
}

/** A host in a sentence: servers without the clients that share their build. */
export const hostName = (id: string, name: string) => (/^ws\d/.test(id) ? (name.split(' / ')[0] ?? name) : name)

/** Which hosts stand together: servers, what is neither, clients. */
export const hostGroup = (id: string) => (id.startsWith('ws') ? 'Windows Server' : /^win\d/.test(id) ? 'Windows' : '')

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)

const MONTHS = 'January February March April May June July August September October November December'.split(' ')

/** `2024-06-30` as `30 June 2024`, `2024-06` as `June 2024`. */
export function dateName(date: string): string {
  const [year, month, day] = date.split('-')
  const name = MONTHS[Number(month) - 1]
  if (name === undefined) return date
  return day === undefined ? `${name} ${year}` : `${Number(day)} ${name} ${year}`
}

/** 12345 as `12,345`, whatever language the reader's browser speaks: the page is English. */
export const count = (value: number) => String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',')
export const plural = (value: number, noun: string) => `${count(value)} ${noun}${value === 1 ? '' : 's'}`
