import { fillChecksums } from '@vmbus/switch'
import { GUEST_MAC, PEER_MAC } from './world.ts'

const mac = (text: string): number[] => text.split(':').map((part) => Number.parseInt(part, 16))

/** A TCP segment from the peer (or to it) over IPv4, checksums right unless `raw`. */
export function tcpFrame(
  payload: number,
  options: { toPeer?: boolean; sourcePort?: number; raw?: boolean } = {},
): Uint8Array {
  const bytes = new Uint8Array(54 + payload)
  const view = new DataView(bytes.buffer)
  bytes.set(options.toPeer ? [...mac(PEER_MAC), ...mac(GUEST_MAC)] : [...mac(GUEST_MAC), ...mac(PEER_MAC)], 0)
  view.setUint16(12, 0x0800)
  bytes.set([0x45, 0], 14)
  view.setUint16(16, Math.min(0xffff, 40 + payload))
  bytes.set([64, 6], 22)
  bytes.set(options.toPeer ? [10, 0, 0, 2, 10, 0, 0, 1] : [10, 0, 0, 1, 10, 0, 0, 2], 26)
  view.setUint16(34, options.sourcePort ?? 5001)
  view.setUint16(36, 5002)
  view.setUint32(38, 1000)
  bytes.set([0x50, 0x18], 46)
  for (let at = 54; at < bytes.length; at++) bytes[at] = (at * 31 + payload) & 0xff
  if (options.raw) return bytes
  return fillChecksums(bytes, { ipv4Checksum: true, transportChecksum: true }) ?? bytes
}
