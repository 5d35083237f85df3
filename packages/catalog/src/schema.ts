import * as v from 'valibot'

// What each data file holds. Objects are strict where code reads them: a misspelt name is an error of the file.

const text = v.pipe(v.string(), v.minLength(1))
const texts = v.array(text)

/** A value with its basis and source, as `Field` of @vmbus/world. */
const field = <S extends v.GenericSchema>(value: S) =>
  v.strictObject({
    value,
    basis: v.picklist(['real', 'source-read', 'bracketed', 'inferred', 'grid']),
    source: v.pipe(
      text,
      v.check((source) => !/general knowledge/i.test(source), 'a source that can be looked up'),
    ),
    bracket: v.exactOptional(v.tuple([text, text])),
  })

const HOSTS = ['ws2008r2', 'ws2012', 'ws2012r2', 'ws2016', 'ws2019', 'ws2022', 'ws2025', 'azurelocal'] as const
const FEATURES = [
  'core',
  'time-accuracy',
  'vcpu-256',
  'jumbo-frames',
  'vlan-tagging',
  'live-migration',
  'static-ip-injection',
  'vrss',
  'tso-checksum',
  'lro',
  'sr-iov',
  'vhdx-resize',
  'virtual-fc',
  'live-backup',
  'trim',
  'scsi-wwn',
  'pae-kernel',
  'mmio-gap',
  'dm-hot-add',
  'dm-ballooning',
  'runtime-memory-resize',
  'video',
  'kvp',
  'nmi',
  'file-copy',
  'lsvmbus',
  'hyperv-sockets',
  'pci-passthrough',
  'gen2-uefi',
  'secure-boot',
] as const
const FAMILIES = ['rhel', 'centos', 'oracle-rhck', 'oracle-uek', 'debian', 'ubuntu', 'sles', 'freebsd'] as const

const host = v.picklist(HOSTS)
const featureId = v.picklist(FEATURES)
const value = v.picklist(['yes', 'no', 'n/a', 'partial'])
const note = v.union([text, v.number()])
const scope = v.union([text, v.record(v.string(), text)])

/** What one table says in one column of one row. */
const pageCell = v.strictObject({
  table: text,
  hosts: v.array(host),
  value,
  scope: v.exactOptional(scope),
  notes: v.exactOptional(v.array(note)),
  page_notes: v.exactOptional(v.array(note)),
  hosts_no: v.exactOptional(v.array(host)),
  hosts_literal: v.exactOptional(texts),
})

const cell = v.strictObject({
  hosts: v.array(host),
  value,
  by: v.array(pageCell),
  scope: v.exactOptional(scope),
  notes: v.exactOptional(v.array(note)),
  conflict: v.exactOptional(v.boolean()),
})

const column = v.strictObject({
  id: text,
  label: text,
  versions: texts,
  lis: v.picklist(['built-in', 'ports', 'LIS 4.1', 'LIS 4.2', 'LIS 4.3']),
  tables: v.exactOptional(texts),
  support: v.record(featureId, v.exactOptional(cell)),
  kernel: v.exactOptional(text),
  overlaps_newer: v.exactOptional(texts),
  same_as: v.exactOptional(text),
  codename: v.exactOptional(text),
  lis_note: v.exactOptional(text),
  lis_notes: v.exactOptional(v.array(note)),
  storage_notes: v.exactOptional(v.array(note)),
})

const feature = v.strictObject({ id: featureId, name: text, group: text })
const family = v.strictObject({
  id: v.picklist(FAMILIES),
  name: text,
  notes: v.record(v.string(), text),
  releases: v.array(column),
  comment: v.exactOptional(text),
})
const table = v.strictObject({
  id: text,
  page: text,
  commit: v.nullable(text),
  ms_date: text,
  hosts_listed: v.array(host),
  columns: texts,
})

const grids = v.strictObject({
  meta: v.unknown(),
  hosts: v.array(v.looseObject({ id: text, name: text })),
  features: v.array(feature),
  tables: v.array(table),
  families: v.array(family),
  windows_guests: v.unknown(),
  generation_support: v.unknown(),
  conflicts: v.array(v.unknown()),
  page_quirks: v.array(v.unknown()),
})

const sourced = <S extends v.GenericSchema>(of: S) =>
  v.looseObject({ value: of, basis: text, source: v.nullish(v.union([text, texts])) })
const hostBuild = v.looseObject({
  id: text,
  name: text,
  build: text,
  support_ends: v.exactOptional(sourced(v.pipe(text, v.regex(/^\d{4}-\d\d-\d\d$/, 'a date')))),
  vmbus_max: sourced(text),
  vmbus_offered: sourced(texts),
  nvsp_max: sourced(text),
  storvsp_max: sourced(text),
  dynamic_memory_max: sourced(v.nullable(text)),
  ic: v.looseObject({ max: v.record(v.string(), v.nullable(text)), basis: v.record(v.string(), text) }),
})
const hosts = v.looseObject({ hosts: v.array(hostBuild) })

const release = v.strictObject({
  key: text,
  distribution: v.picklist(['rhel', 'centos', 'oracle', 'debian', 'ubuntu', 'sles', 'freebsd', 'windows']),
  release: v.exactOptional(text),
  drivers: v.picklist(['built-in', 'lis', 'ports', 'disk', 'none']),
  kernelLine: v.exactOptional(v.pipe(text, v.regex(/^(rhck|uek\d( qu\d)?)$/, 'rhck, uek5 or uek3 qu1'))),
  package: v.exactOptional(field(v.pipe(text, v.regex(/^LIS \d\.\d$/, 'such as LIS 4.3')))),
  kernel: field(text),
  // Whether there is a 32-bit x86 kernel with PAE, or no 32-bit x86 kernel at all; absent: nobody looked. Not a docstring: typedoc
  // finds it once per type that is inferred from here, and warns.
  x86_32: v.exactOptional(field(v.picklist(['pae', 'none']))),
  ended: v.exactOptional(field(v.pipe(text, v.regex(/^\d{4}-\d\d(-\d\d)?$/, 'a date or a month')))),
  reason: v.exactOptional(field(text)),
  note: v.exactOptional(text),
})
const unlisted = v.strictObject({
  name: text,
  aliases: v.exactOptional(texts),
  runs: v.picklist(['integration-services', 'own-drivers', 'emulated', 'no']),
  reason: field(text),
})
const releases = v.strictObject({ releases: v.array(release), unlisted: v.array(unlisted) })

const upstream = v.strictObject({
  feature: text,
  upstream: text,
  confidence: v.picklist(['high', 'medium', 'low']),
  bracket: v.exactOptional(text),
  note: v.exactOptional(text),
})
const kernels = v.strictObject({
  upstream_features: v.array(upstream),
  checkpoints: v.unknown(),
  vmbus_by_lis: v.array(v.record(v.string(), text)),
})

const osRelease = v.looseObject({ release: text, source: text })
const osReleases = v.looseObject({ freebsd: v.array(osRelease), windows: v.array(osRelease) })

const other = v.looseObject({
  lis_packages: v.array(v.looseObject({ package: text, date: text })),
  non_listed: v.array(v.looseObject({ guest: text, source: text })),
})

/** The schema of each file of data/. */
export const SCHEMAS = { grids, hosts, kernels, other, 'os-releases': osReleases, releases }

export type CatalogFile = keyof typeof SCHEMAS
export type CatalogData = { readonly [F in CatalogFile]: v.InferOutput<(typeof SCHEMAS)[F]> }

export type Feature = v.InferOutput<typeof feature>
export type FeatureId = Feature['id']
export type GridHost = v.InferOutput<typeof host>
export type GridFamily = v.InferOutput<typeof family>
export type GridRelease = v.InferOutput<typeof column>
export type GridCell = v.InferOutput<typeof cell>
export type PageCell = v.InferOutput<typeof pageCell>
export type GridTable = v.InferOutput<typeof table>
export type HostBuild = v.InferOutput<typeof hostBuild>
export type Release = v.InferOutput<typeof release>
export type UnlistedGuest = v.InferOutput<typeof unlisted>
