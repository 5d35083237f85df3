import { damaged, unsupported } from '../errors.ts'
import { equalBytes } from '../identity.ts'
import type { ParentReference } from '../parent.ts'
import { fromUtf16, utf16 } from '../vhd/locator.ts'
import { formatGuid, guid, parseGuid, type Guid } from './guid.ts'

/** Locator type of a parent that is a VHDX (MS-VHDX 2.6.2.6.3). */
const VHDX_PARENT = guid('B04AEFB7-D19E-4A81-B789-25B8E9445913')
const NAME = 'VHDX parent locator'

/** The parent locator item: header of 20 bytes, entries of 12, keys and values in UTF-16. */
export function encodeLocator(entries: Readonly<Record<string, string>>): Uint8Array {
  const pairs = Object.entries(entries).map(([key, value]) => [utf16(key), utf16(value)] as const)
  const text = pairs.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  const bytes = new Uint8Array(20 + pairs.length * 12 + text)
  const view = new DataView(bytes.buffer)
  bytes.set(VHDX_PARENT, 0)
  view.setUint16(18, pairs.length, true)
  let at = 20 + pairs.length * 12
  pairs.forEach(([key, value], i) => {
    const entry = 20 + i * 12
    view.setUint32(entry, at, true)
    view.setUint32(entry + 4, at + key.length, true)
    view.setUint16(entry + 8, key.length, true)
    view.setUint16(entry + 10, value.length, true)
    bytes.set(key, at)
    bytes.set(value, at + key.length)
    at += key.length + value.length
  })
  return bytes
}

export function parseLocator(bytes: Uint8Array): ReadonlyMap<string, string> {
  if (bytes.length < 20) throw damaged(NAME, `${bytes.length} bytes are less than its header`)
  if (!equalBytes(bytes.subarray(0, 16), VHDX_PARENT))
    throw unsupported(NAME, `locator type ${formatGuid(bytes.subarray(0, 16))} is not that of VHDX`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const count = view.getUint16(18, true)
  if (20 + count * 12 > bytes.length)
    throw damaged(NAME, `${count} entries are more than its ${bytes.length} bytes hold`)
  const entries = new Map<string, string>()
  const text = (offset: number, length: number): string => {
    if (offset < 20 || length === 0 || length % 2 !== 0 || offset + length > bytes.length) {
      throw damaged(NAME, `a text of ${length} bytes at ${offset} is not inside its ${bytes.length} bytes`)
    }
    return fromUtf16(bytes.subarray(offset, offset + length))
  }
  for (let i = 0; i < count; i++) {
    const at = 20 + i * 12
    const key = text(view.getUint32(at, true), view.getUint16(at + 8, true))
    if (entries.has(key)) throw damaged(NAME, `key "${key}" is there twice`)
    entries.set(key, text(view.getUint32(at + 4, true), view.getUint16(at + 10, true)))
  }
  return entries
}

/** What the locator says of the parent: linkages are values of its DataWriteGuid, paths in the order of 2.6.2.6.3. */
export function referenceOf(entries: ReadonlyMap<string, string>): ParentReference {
  const linkages: Guid[] = []
  for (const key of ['parent_linkage', 'parent_linkage2']) {
    const text = entries.get(key)
    if (text === undefined) continue
    const parsed = parseGuid(text)
    if (parsed === undefined) throw damaged(NAME, `${key} "${text}" is not a GUID`)
    linkages.push(parsed)
  }
  if (!entries.has('parent_linkage')) throw damaged(NAME, 'it has no parent_linkage')
  const [relative, volume, absolute] = ['relative_path', 'volume_path', 'absolute_win32_path'].map((key) =>
    entries.get(key),
  )
  return {
    linkages,
    ...(relative === undefined ? {} : { relative }),
    ...(volume === undefined ? {} : { volume }),
    ...(absolute === undefined ? {} : { absolute }),
  }
}
