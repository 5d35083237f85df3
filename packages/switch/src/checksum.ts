/**
 * Adds the big-endian 16-bit words of `bytes[start, end)` to `sum`; an odd last byte counts as the high half of a
 * word (RFC 1071, section 4.1). Not folded: exact for far more than 64 KiB.
 */
export function addWords(bytes: Uint8Array, start: number, end: number, sum = 0): number {
  let at = start
  for (; at + 1 < end; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  if (at < end) sum += (bytes[at] ?? 0) << 8
  return sum
}

/** The 16-bit one's complement of a sum of words. Over data that holds its checksum it is 0. */
export function finishChecksum(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000)
  return ~sum & 0xffff
}

/** The Internet checksum of `bytes[start, end)` (RFC 1071). */
export const internetChecksum = (bytes: Uint8Array, start: number, end: number): number =>
  finishChecksum(addWords(bytes, start, end))

/**
 * The sum of the pseudo-header that TCP, UDP and ICMPv6 add to theirs: the two addresses that stand side by side
 * in `bytes[addresses, addressesEnd)`, the protocol and the length of what follows (RFC 9293, 3.1; RFC 8200, 8.1).
 */
export function pseudoHeader(
  bytes: Uint8Array,
  addresses: number,
  addressesEnd: number,
  protocol: number,
  length: number,
): number {
  return addWords(bytes, addresses, addressesEnd, protocol + (length & 0xffff) + Math.floor(length / 0x1_0000))
}

/** A UDP checksum of zero means "none", so a computed zero is sent as its other form (RFC 768). */
export const udpChecksum = (sum: number): number => finishChecksum(sum) || 0xffff
