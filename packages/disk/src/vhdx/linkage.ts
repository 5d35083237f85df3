import { damaged, unsupported } from '../errors.ts'
import { identityFor, type VhdxFile } from './file.ts'
import { formatGuid, type Guid } from './guid.ts'
import { updateHeaders } from './header.ts'
import { begin, commit, patch } from './journal.ts'
import { encodeLocator, parseLocator } from './locator.ts'

/**
 * Gives the contents their next DataWriteGuid (MS-VHDX 2.2.2). A merge changes the parent of a child that must go on
 * fitting it, and no other one made from it may: so the child hears of the next value first.
 */
export function renewLinkage(file: VhdxFile, announce: (next: Guid) => void): void {
  const next = identityFor(file, 'data-write')
  announce(next)
  updateHeaders(file, { fileWriteGuid: identityFor(file, 'file-write'), dataWriteGuid: next })
  file.marked = true
}

/**
 * A parent with either DataWriteGuid fits from now on: parent_linkage and parent_linkage2 (2.6.2.6.3), of which a new
 * image has only the first. The locator and its entry in the metadata table change by one entry of the log.
 */
export function expectLinkages(file: VhdxFile, linkage: Guid, other: Guid): void {
  const { locator, locatorPlace: place } = file.metadata
  if (locator === undefined || place === undefined) throw damaged('VHDX metadata table', 'there is no parent locator')
  const entries = Object.fromEntries(parseLocator(locator))
  const bytes = encodeLocator({
    ...entries,
    parent_linkage: `{${formatGuid(linkage)}}`,
    parent_linkage2: `{${formatGuid(other)}}`,
  })
  const { region, table, at, room, free } = place
  const to = bytes.length <= room ? at : free
  if (to + bytes.length > region + file.regions.metadata.length)
    throw unsupported('VHDX metadata region', 'it has no room for a longer parent locator')
  begin(file)
  const entry = new Uint8Array(8)
  new DataView(entry.buffer).setUint32(0, to - region, true)
  new DataView(entry.buffer).setUint32(4, bytes.length, true)
  patch(file, to, bytes)
  patch(file, table, entry)
  file.metadata = {
    ...file.metadata,
    locator: bytes,
    locatorPlace: { ...place, at: to, room: to === at ? room : bytes.length, free: Math.max(free, to + bytes.length) },
  }
  commit(file)
}
