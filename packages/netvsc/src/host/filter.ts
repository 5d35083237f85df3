import { Filter } from '../protocol/oids.ts'
import type { ConnectionState } from './state.ts'

const LOW_BITS = 0x100_0000

/** Whether the guest's packet filter lets a frame in. */
export function accepts({ filter, mac, multicast }: ConnectionState, bytes: Uint8Array): boolean {
  if (filter === 0) return false
  if (filter & Filter.promiscuous) return true
  const destination = macAt(bytes, 0)
  if (((bytes[0] ?? 0) & 1) === 0) return (filter & Filter.directed) !== 0 && destination === mac
  if (destination === BROADCAST) return (filter & Filter.broadcast) !== 0
  if (filter & Filter.allMulticast) return true
  return (filter & Filter.multicast) !== 0 && multicast.includes(destination)
}

const BROADCAST = 0xffff_ffff_ffff

/** An address as a number. */
export const macAt = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)) * LOW_BITS +
  (((bytes[at + 3] ?? 0) << 16) | ((bytes[at + 4] ?? 0) << 8) | (bytes[at + 5] ?? 0))

export function macBytes(mac: number): Uint8Array {
  const bytes = new Uint8Array(6)
  for (let at = 5, left = mac; at >= 0; at--, left = Math.floor(left / 256)) bytes[at] = left % 256
  return bytes
}
