import { release, type Release } from '@vmbus/catalog'
import { freebsd, freebsdRelease, freebsdWith } from '@vmbus/guest-freebsd'
import { releaseVector, type LinuxVector } from '@vmbus/guest-linux'
import { windows, windowsWith, type WindowsOptions } from '@vmbus/guest-windows'
import type { HostProfile } from '@vmbus/host'
import type { Field } from '@vmbus/world'
import { linuxGuest } from './linux.ts'
import { readOf } from './read-of.ts'
import type { FreebsdMatrixGuest, MatrixGuest, NoGuest, WindowsMatrixGuest } from './types.ts'

/** What another guest has otherwise than a release of the catalog. */
export interface GuestDelta {
  /** Of the generation. */
  readonly name: string
  /** Of Linux: its version decides the quirks. */
  readonly kernel?: string
  fieldsOf(fields: Fields): Fields
}

type Fields = Readonly<Record<string, Field<unknown>>>

/** The guest that stands for a release of the catalog, or for one that differs from it, or why none does. */
export function guestOf(key: string, delta?: GuestDelta): MatrixGuest | NoGuest {
  const row = release(key)
  if (row === undefined) return { reason: `the catalog knows no release ${key}` }
  if (row.drivers === 'none') return { reason: row.reason?.value ?? 'the release has no drivers' }
  return (
    guestOfRow(row, delta) ?? { reason: 'no tree of this release was read, and it has no kernel number of its own' }
  )
}

/** Whether `guestOf` found one. */
export const isGuest = (found: MatrixGuest | NoGuest): found is MatrixGuest => 'make' in found

function guestOfRow(row: Release, delta?: GuestDelta): MatrixGuest | undefined {
  if (row.distribution === 'windows') return windowsGuest(row, delta)
  if (row.distribution === 'freebsd') return freebsdGuest(row, delta)
  const vector = vectorOf(row)
  if (vector === undefined || delta === undefined) return vector && linuxGuest(vector)
  const { name, kernel = vector.kernel } = delta
  return linuxGuest({ name, kernel, fields: { ...vector.fields, ...delta.fieldsOf({ ...vector.fields }) } })
}

/** One Unbreakable Enterprise Kernel runs on several releases of Oracle Linux, and is itself. */
function vectorOf({ distribution, key, kernelLine = '' }: Release): LinuxVector | undefined {
  const isUek = distribution === 'oracle' && kernelLine.startsWith('uek')
  return releaseVector(isUek ? `oracle ${kernelLine}` : key)
}

/** The guests whose values stand for what is not read. */
const FREEBSD = '14.0'
const WINDOWS = 'ws2022'

function freebsdGuest({ key }: Release, delta?: GuestDelta): FreebsdMatrixGuest | undefined {
  const listed = freebsdRelease(key)
  if (listed === undefined) return undefined
  const found =
    delta === undefined
      ? listed
      : { ...freebsdWith(key, { ...listed.fields, ...delta.fieldsOf({ ...listed.fields }) }), name: delta.name }
  const { name, versions } = found
  const fields = { ...found.fields }
  return {
    family: 'freebsd',
    name,
    fields,
    versions,
    beside: () => [],
    make({ reads, contact } = {}) {
      const made =
        reads === undefined
          ? found
          : freebsdWith(FREEBSD, { ...freebsd(FREEBSD).fields, ...readOf(fields, reads, contact) })
      return { ...made, versions: contact?.guest ?? versions }
    },
  }
}

/** The last package, for the releases whose drivers come from a disk. */
const LAST_PACKAGE = '6.3.9600.16384'

function windowsGuest({ key, drivers }: Release, delta?: GuestDelta): WindowsMatrixGuest | undefined {
  const options: WindowsOptions = drivers === 'disk' ? { package: LAST_PACKAGE } : {}
  const listed = windows(key, options)
  if (listed === undefined) return undefined
  const { id } = listed.release
  const found =
    delta === undefined
      ? listed
      : { ...windowsWith(id, { ...listed.fields, ...delta.fieldsOf({ ...listed.fields }) }, options), name: delta.name }
  const { name, versions, firmware } = found
  const fields = { ...found.fields }
  const generation = firmware === undefined ? 1 : 2
  return {
    family: 'windows',
    name,
    fields,
    versions,
    beside: (_, host) => (generation === 1 ? [] : [`generation 2 of ${generationsOf(host)}`]),
    make({ reads, contact } = {}) {
      const made =
        reads === undefined
          ? found
          : windowsWith(WINDOWS, { ...windows(WINDOWS).fields, ...readOf(fields, reads, contact) }, { generation })
      return { ...made, versions: contact?.guest ?? versions }
    },
  }
}

const generationsOf = ({ fields }: HostProfile): string => fields.generations.value.join(' and ')
