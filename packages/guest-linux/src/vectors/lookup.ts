import { kernelVersion } from '../kernel-version.ts'
import { CENTOS } from './centos.ts'
import { DEBIAN } from './debian.ts'
import { evidenced, type Evidence } from './evidenced.ts'
import type { Vector } from './field.ts'
import { lis, type LisFamily } from './lis.ts'
import { ORACLE_RHCK, ORACLE_UEK } from './oracle.ts'
import { vectorOf, type Release } from './release.ts'
import { RHEL_WITHOUT } from './rhel-without.ts'
import { RHEL } from './rhel.ts'
import { SUSE } from './suse.ts'
import { UBUNTU } from './ubuntu.ts'
import { upstream, upstreamValues } from './upstream.ts'

/** A kernel with its drivers, ready for `linux()`. */
export interface LinuxVector {
  readonly name: string
  /** As `uname -r` says it. */
  readonly kernel: string
  readonly fields: Vector
}

/** Lists of releases by family. */
export const LINUX_FAMILIES = {
  rhel: RHEL,
  centos: CENTOS,
  'oracle-rhck': ORACLE_RHCK,
  'oracle-uek': ORACLE_UEK,
  sles: SUSE,
  ubuntu: UBUNTU,
  debian: DEBIAN,
} as const satisfies Readonly<Record<string, readonly Release[]>>

const REWRITES: readonly (readonly [RegExp, string])[] = [
  [/[\s_-]+/g, ' '],
  [/\b(?:suse|sle|suse linux enterprise server)\b/g, 'sles'],
  [/\bol(?:inux)?\b|\boracle linux\b/g, 'oracle'],
  [/\b(\d+)sp(\d)/g, '$1 sp$2'],
  [/\buek uek/g, 'uek'],
  [/\buek r?(\d)/g, 'uek$1'],
  [/\brhck (\d+\.\d+)/g, '$1 rhck'],
]

const plain = (text: string): string =>
  REWRITES.reduce((now, [from, to]) => now.replace(from, to), text.toLowerCase().trim())

interface Found {
  readonly list: readonly Release[]
  readonly release: Release
}

function find(lists: readonly (readonly Release[])[], wanted: (release: Release) => boolean): Found | undefined {
  for (const list of lists) {
    const release = list.find(wanted)
    if (release !== undefined) return { list, release }
  }
  return undefined
}

const BUILT_IN: readonly (readonly Release[])[] = Object.values(LINUX_FAMILIES)

function builtIn({ list, release }: Found): LinuxVector {
  return { name: release.release, kernel: release.kernel, fields: vectorOf(list, release) }
}

/** `rhel`, `centos` and `oracle … rhck` of 5 to 7: the kernels for which there are packages. */
function lisFamily(release: string): LisFamily | undefined {
  const [, number] = /^(?:rhel|centos|oracle) ([567])\.\d+(?: rhck)?$/.exec(release) ?? []
  return number === '5' ? 5 : number === '6' ? 6 : number === '7' ? 7 : undefined
}

function withLis(name: string, version: string): LinuxVector | undefined {
  const family = lisFamily(name)
  if (family === undefined) return undefined
  // Only the kernel counts, and the rebuilds have the same.
  const alike = name.replace(/^(?:centos|oracle) ([\d.]+).*/, 'rhel $1')
  const under = find([RHEL, RHEL_WITHOUT], ({ release }) => release === alike)
  if (under === undefined) return undefined
  const { kernel, fields } = builtIn(under)
  const drivers = lis(version, family, fields)
  return drivers && { name: `${name} + lis ${version}`, kernel, fields: drivers }
}

/**
 * The drivers of a distribution's release, such as `rhel 7.9`, `oracle 7.6 rhck`, `oracle uek5`, `SLES-12-SP3` or
 * `centos 6.8 + lis 4.3.5`; undefined for what is not known, and for releases without drivers.
 */
export function releaseVector(text: string): LinuxVector | undefined {
  const [name = '', extra, ...more] = text.split('+').map(plain)
  if (more.length > 0) return undefined
  if (extra !== undefined) {
    const [, version] = /^lis (\d+\.\d+(?:\.\d+)?)$/.exec(extra) ?? []
    return version === undefined ? undefined : withLis(name, version)
  }
  const found = find(BUILT_IN, ({ release }) => release === name)
  return found && builtIn(found)
}

/** `3.10.0-1160` of `3.10.0-1160.el7`. */
const buildOf = (kernel: string): string => kernel.replace(/\.?(?:el\d+|el\d+uek)$/, '')
const FLAVOURS: readonly (readonly [flavour: RegExp, list: readonly Release[]])[] = [
  [/^\d+\.\d+\.0-\d+-(?:686|686-pae|amd64|cloud-amd64|arm64)$/, DEBIAN],
  [/^\d+\.\d+\.0-\d+-generic$/, UBUNTU],
]

function ofBuild(text: string): Found | undefined {
  const number = /^\d+\.\d+/.exec(text)?.[0]
  const flavoured = FLAVOURS.filter(([flavour]) => flavour.test(text)).map(([, list]) => list)
  return (
    find(flavoured, ({ kernel }) => kernel.startsWith(`${number}.`)) ??
    find([RHEL], ({ kernel }) => text === buildOf(kernel) || text.startsWith(`${buildOf(kernel)}.`))
  )
}

/**
 * The drivers of a kernel by what `uname -r` says: an upstream version, or a build of a distribution. Where it is a build
 * that nothing is known of, upstream's values stand for it and nothing of them counts as read.
 */
export function kernelVector(text: string): LinuxVector {
  const kernel = kernelVersion(text)
  const name = `linux-${kernel.major}.${kernel.minor}${kernel.patch === 0 ? '' : `.${kernel.patch}`}`
  if (/^[\d.]+(?:-rc\d+)?$/.test(text)) return { name, kernel: text, fields: upstream(kernel) }
  const found = ofBuild(text)
  if (found !== undefined) return { name, kernel: text, fields: builtIn(found).fields }
  const evidence: Evidence = { basis: 'inferred', source: `as ${name}; the build's own tree was not read` }
  return { name, kernel: text, fields: evidenced(upstreamValues(kernel), () => evidence) }
}
