import { BROADCAST_MAC, readMac } from '@vmbus/switch'
import { Filter } from '../protocol/oids.ts'
import type { ConnectionState } from './types.ts'

/** Whether the guest's packet filter lets a frame in. */
export function accepts({ filter, mac, multicast }: ConnectionState, bytes: Uint8Array): boolean {
  if (filter === 0) return false
  if (filter & Filter.promiscuous) return true
  const destination = readMac(bytes, 0)
  if (((bytes[0] ?? 0) & 1) === 0) return (filter & Filter.directed) !== 0 && destination === mac
  if (destination === BROADCAST_MAC) return (filter & Filter.broadcast) !== 0
  if (filter & Filter.allMulticast) return true
  return (filter & Filter.multicast) !== 0 && multicast.includes(destination)
}
