/** 16 bytes in the order of a Windows GUID structure: the first three groups little endian. */
export type Guid = Uint8Array

export const ZERO_GUID: Guid = new Uint8Array(16)

/** Order in which the bytes of the text form lie in memory. */
const ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]

/** Of `2DC27766-F623-4200-9D64-115E9BFD4A08`, with or without braces; undefined if it is none. */
export function parseGuid(text: string): Guid | undefined {
  const match = /^\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?$/i.exec(text)
  if (match === null) return undefined
  const hex = match.slice(1).join('')
  return Uint8Array.from(ORDER, (at) => parseInt(hex.slice(at * 2, at * 2 + 2), 16))
}

/** Lower case, without braces. */
export function formatGuid(guid: Guid): string {
  const hex = ORDER.map((at) => (guid[at] ?? 0).toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A GUID of the document, known to be well formed. */
export function guid(text: string): Guid {
  const parsed = parseGuid(text)
  if (parsed === undefined) throw new TypeError(`"${text}" is not a GUID`)
  return parsed
}
