import { SwitchError } from './errors.ts'

/** FF:FF:FF:FF:FF:FF as a number. */
export const BROADCAST_MAC = 0xffff_ffff_ffff

const PATTERN = /^([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})$/i

/** The 48-bit number of a MAC written `00:15:5d:00:00:01` or with dashes. @throws SwitchError `VMBUS_SWITCH_OPTION` */
export function parseMac(text: string): number {
  const match = PATTERN.exec(text)
  if (!match) throw new SwitchError('VMBUS_SWITCH_OPTION', 'mac', text, 'six hexadecimal bytes with colons or dashes')
  return Number.parseInt(match.slice(1).join(''), 16)
}

/** `00:15:5d:00:00:01` of a 48-bit number. */
export function formatMac(mac: number): string {
  return (mac.toString(16).padStart(12, '0').match(/../g) ?? []).join(':')
}

/** The 48-bit number at `offset`; exact, as it is less than 2^53. */
export function readMac(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0)
  const low =
    ((bytes[offset + 2] ?? 0) << 24) |
    ((bytes[offset + 3] ?? 0) << 16) |
    ((bytes[offset + 4] ?? 0) << 8) |
    (bytes[offset + 5] ?? 0)
  return high * 0x1_0000_0000 + (low >>> 0)
}

export function writeMac(bytes: Uint8Array, offset: number, mac: number): void {
  const high = Math.floor(mac / 0x1_0000_0000)
  const low = mac >>> 0
  bytes[offset] = high >>> 8
  bytes[offset + 1] = high
  bytes[offset + 2] = low >>> 24
  bytes[offset + 3] = low >>> 16
  bytes[offset + 4] = low >>> 8
  bytes[offset + 5] = low
}

/** The group bit: the lowest of the first byte (IEEE 802-2014, 8.2.2). */
export const isGroupMac = (mac: number): boolean => (Math.floor(mac / 0x100_0000_0000) & 1) === 1
