import { PROTOCOL, addWords, finishChecksum, internetChecksum, locate, pseudoHeader } from '@vmbus/switch'
import { RxChecksum } from '../protocol/ppi.ts'
import type { Checksums } from './types.ts'

const IPV4 = 0x0800
const IPV6 = 0x86dd

/** The receive checksum word of a frame, looked at as far as the guest asked for; 0 when there is nothing to say. */
export function checkReceived(offload: Checksums, bytes: Uint8Array): number {
  const type = ((bytes[12] ?? 0) << 8) | (bytes[13] ?? 0)
  if (
    type === IPV4
      ? !(offload.ipv4 || offload.tcpV4 || offload.udpV4)
      : type !== IPV6 || !(offload.tcpV6 || offload.udpV6)
  )
    return 0
  const at = locate(bytes)
  if (at === undefined) return 0
  const v4 = at.version === 4
  let word = 0
  if (v4 && offload.ipv4)
    word |= internetChecksum(bytes, at.network, at.transport) === 0 ? RxChecksum.ipSucceeded : RxChecksum.ipFailed
  const length = at.end - at.transport
  const tcp = at.protocol === PROTOCOL.tcp && (v4 ? offload.tcpV4 : offload.tcpV6)
  const udp = at.protocol === PROTOCOL.udp && (v4 ? offload.udpV4 : offload.udpV6)
  if (tcp || udp) {
    // UDP over IPv4 may do without.
    const none = udp && v4 && length >= 8 && bytes[at.transport + 6] === 0 && bytes[at.transport + 7] === 0
    const pseudo = pseudoHeader(bytes, at.addresses, at.addressesEnd, at.protocol, length)
    const good = finishChecksum(addWords(bytes, at.transport, at.end, pseudo)) === 0
    if (tcp) word |= good ? RxChecksum.tcpSucceeded : RxChecksum.tcpFailed
    else if (!none) word |= good ? RxChecksum.udpSucceeded : RxChecksum.udpFailed
  }
  return word
}
