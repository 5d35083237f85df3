import { locate, PROTOCOL } from '@vmbus/switch'
import { HashType } from './ndis.ts'

/** The key that Linux sets (rndis_filter.c, netvsc_hash_key); it is the one of Microsoft's published verification suite. */
export const DEFAULT_RSS_KEY: Uint8Array = Uint8Array.from([
  0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b,
  0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac,
  0x01, 0xfa,
])

/** The Toeplitz hash of `bytes[start, end)` continued from `hash`, whose input so far was `done` bytes long. */
export function toeplitz(key: Uint8Array, bytes: Uint8Array, start: number, end: number, hash = 0, done = 0): number {
  let result = hash
  for (let at = start, k = done; at < end; at++, k++) {
    let window =
      (((key[k] ?? 0) << 24) | ((key[k + 1] ?? 0) << 16) | ((key[k + 2] ?? 0) << 8) | (key[k + 3] ?? 0)) >>> 0
    const next = key[k + 4] ?? 0
    const byte = bytes[at] ?? 0
    for (let bit = 7; bit >= 0; bit--) {
      if ((byte >>> bit) & 1) result ^= window
      window = (window << 1) | ((next >>> bit) & 1)
    }
  }
  return result >>> 0
}

/** A frame's hash; `type` is the HashType that was used, 0 for a frame that is not hashed. Reused for each frame. */
export interface FrameHash {
  value: number
  type: number
}

/** Hashes addresses and, where `types` asks for it, ports: MS-NDIS "RSS Hashing Types". */
export function hashFrame(key: Uint8Array, types: number, bytes: Uint8Array, into: FrameHash): void {
  into.value = into.type = 0
  const found = locate(bytes)
  if (found === undefined) return
  const v4 = found.version === 4
  const ports = portsType(found.protocol, v4) & types
  const addresses = (v4 ? HashType.ipv4 : HashType.ipv6) & types
  if (ports === 0 && addresses === 0) return
  const length = found.addressesEnd - found.addresses
  into.value = toeplitz(key, bytes, found.addresses, found.addressesEnd)
  into.type = addresses
  if (ports !== 0 && found.end - found.transport >= 4) {
    into.value = toeplitz(key, bytes, found.transport, found.transport + 4, into.value, length)
    into.type = ports
  }
}

function portsType(protocol: number, v4: boolean): number {
  if (protocol === PROTOCOL.tcp) return v4 ? HashType.tcpIpv4 : HashType.tcpIpv6
  if (protocol === PROTOCOL.udp) return v4 ? HashType.udpIpv4 : HashType.udpIpv6
  return 0
}
