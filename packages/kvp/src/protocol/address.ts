/** Four bytes of dotted text, undefined when it is none. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = parts.map((part) => (/^(?:0|[1-9]\d{0,2})$/.test(part) ? Number(part) : 256))
  return bytes.every((byte) => byte < 256) ? Uint8Array.from(bytes) : undefined
}

/** Sixteen bytes of an IPv6 address in text (RFC 4291 §2.2), undefined when it is none. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head = [], tail = []] = halves.map(groupsOf)
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail]
  if (!groups.every((group) => group <= 0xffff)) return undefined
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xff]))
}

const NO_GROUP = 0x1_0000

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part, index, all) => {
    const v4 = index === all.length - 1 && part.includes('.') ? parseIpv4(part) : undefined
    if (v4 !== undefined) return [((v4[0] ?? 0) << 8) | (v4[1] ?? 0), ((v4[2] ?? 0) << 8) | (v4[3] ?? 0)]
    return [/^[\da-f]{1,4}$/i.test(part) ? Number.parseInt(part, 16) : NO_GROUP]
  })
}

export const ipv4Text = (bytes: Uint8Array): string => bytes.join('.')

/** RFC 5952: lower case, no leading zeros, the first of the longest runs of zero groups shortened. */
export function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  let best = { at: 0, length: 1 }
  for (let i = 0; i < 8;) {
    let end = i
    while (end < 8 && groups[end] === 0) end++
    if (end - i > best.length) best = { at: i, length: end - i }
    i = end + 1
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  if (best.length < 2) return hex(groups)
  return `${hex(groups.slice(0, best.at))}::${hex(groups.slice(best.at + best.length))}`
}

export const isIpv6 = (text: string): boolean => text.includes(':')
