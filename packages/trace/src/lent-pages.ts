import { PacketType } from '@vmbus/core'
import type { FieldValue } from './variable.ts'

/** Pages that packets lend to the host until they are completed, each with a number. */
export interface LentPages {
  /** The number of a page: that under which it is lent already, or a new one, lent by `packet`. */
  numberOf(page: FieldValue, packet: Uint8Array): number
  /** A completion to the guest gives back what the packet that it answers has lent. */
  see(packet: Uint8Array): void
}

const idOf = (packet: Uint8Array): bigint =>
  packet.length < 16 ? 0n : new DataView(packet.buffer, packet.byteOffset, packet.length).getBigUint64(8, true)

/** Numbers pages in the order in which they are lent. A page that was given back gets a new number: allocators differ. */
export function lentPages(): LentPages {
  const numbers = new Map<FieldValue, number>()
  const lent = new Map<bigint, FieldValue[]>()
  let count = 0
  return {
    numberOf(page, packet) {
      const known = numbers.get(page)
      if (known !== undefined) return known
      numbers.set(page, ++count)
      const id = idOf(packet)
      lent.set(id, [...(lent.get(id) ?? []), page])
      return count
    },
    see(packet) {
      if (packet.length < 16 || packet[0] !== PacketType.completion) return
      const id = idOf(packet)
      for (const page of lent.get(id) ?? []) numbers.delete(page)
      lent.delete(id)
    },
  }
}
